/**
 * What the cases assert again and again.
 *
 * @module
 */

import {
  AssertionError,
  deepStrictEqual,
  fail,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { JobIdError, NotFoundError } from "../../lib/errors.ts";
import type { Repository } from "../../lib/repository.ts";
import { sameBytes } from "./data.ts";

/** Asserts that a store holds these keys and no others, each listed once. */
export async function holds(repository: Repository, ...jobs: string[]): Promise<void> {
  deepStrictEqual((await Array.fromAsync(repository)).sort(), jobs.sort());
}

/** Asserts that a store says of a key everywhere that it is absent. */
export async function lacks(repository: Repository, job: string): Promise<void> {
  strictEqual(await repository.contains(job), false, `contains("${job}")`);
  ok(!(await Array.fromAsync(repository)).includes(job), `"${job}" is listed`);
}

/** Asserts that a blob store says of a key everywhere that it is absent, and has no name for what is under way. */
export async function lacksBlob(repository: BlobRepository, job: string): Promise<void> {
  await lacks(repository, job);
  await rejects(repository.readBytes(job), NotFoundError);
}

/** Asserts that a key is there with a value. */
export async function holdsBytes(
  repository: BlobRepository,
  job: string,
  value: Uint8Array,
): Promise<void> {
  strictEqual(await repository.contains(job), true, `contains("${job}")`);
  const read = await repository.readBytes(job);
  ok(
    sameBytes(read, value),
    `"${job}" reads as ${read.length} bytes that are not the ${value.length} bytes expected`,
  );
}

/** Asserts that a method refuses a string with a {@linkcode JobIdError}, and with a rejection. */
export async function refuses(call: (job: string) => Promise<unknown>, job: string): Promise<void> {
  const shown = JSON.stringify(job.slice(0, 20));
  let result: Promise<unknown>;
  try {
    result = call(job);
  } catch (error) {
    fail(`${shown}: threw, instead of giving a promise that rejects: ${error}`);
  }
  await rejects(result, JobIdError, shown);
}

/**
 * Waits for something that a broken store might never give.
 *
 * @param promise What to wait for.
 * @param timeout How long, in milliseconds.
 * @param what What is missing when it fails.
 */
export async function within<T>(promise: Promise<T>, timeout: number, what: string): Promise<T> {
  const guard = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => guard.reject(new AssertionError({ message: `no ${what} in ${timeout} ms` })),
    timeout,
  );
  try {
    return await Promise.race([promise, guard.promise]);
  } finally {
    clearTimeout(timer);
  }
}
