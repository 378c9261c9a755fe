/**
 * What the cases of the suite are written against.
 *
 * @module
 */

import { BlobRepository } from "../../lib/blob_repository.ts";
import { MetadataRepository, type Repository } from "../../lib/repository.ts";
import type { JsonValue, RepositoryFixture, RepositoryTestOptions } from "./options.ts";

/** A new, empty store with what is known of it. */
export interface Subject<R extends Repository = Repository> {
  readonly repository: R;
  /** Makes a key, or writes over it. */
  readonly put: (job: string) => Promise<void>;
  /** Whether `put` goes through the repository, so that those who subscribed are told. */
  readonly ownPut: boolean;
  /** A second repository over the same data. */
  readonly reopen: (() => Promise<Repository>) | undefined;
  /** Makes the store fail from now on. */
  readonly fail: (() => void | Promise<void>) | undefined;
  /** A value that the store takes, made of a JSON value. */
  readonly value: (json: JsonValue) => unknown;
  readonly caseSensitive: boolean;
  readonly maxValueBytes: number;
  readonly manyKeys: number;
  /** How long to wait for a change, in milliseconds. */
  readonly timeout: number;
}

/** One sentence of the contract, and what shows that a store keeps it. */
export interface Case<R extends Repository = Repository> {
  readonly sentence: string;
  /** Whether the sentence says anything about this store. Always, if it is not given. */
  readonly applies?: (subject: Subject<R>) => boolean;
  readonly run: (subject: Subject<R>) => Promise<void>;
}

/** The least size, in bytes, of a value that must be streamed. */
export const LARGE_VALUE = 256 * 1024 * 1024;

export function subjectOf<R extends Repository>(
  repository: R,
  fixture: RepositoryFixture,
  options: RepositoryTestOptions,
): Subject<R> {
  const value = options.value ?? ((json) => json);
  return {
    repository,
    put: fixture.put ?? putOf(repository, value),
    ownPut: fixture.put === undefined,
    reopen: fixture.reopen,
    fail: fixture.fail,
    value,
    caseSensitive: options.capabilities?.caseSensitive ?? true,
    maxValueBytes: options.capabilities?.maxValueBytes ?? LARGE_VALUE,
    manyKeys: options.capabilities?.manyKeys ?? 1100,
    timeout: options.timeout ?? 30_000,
  };
}

function putOf(
  repository: Repository,
  value: (json: JsonValue) => unknown,
): (job: string) => Promise<void> {
  if (repository instanceof BlobRepository) {
    return (job) => repository.writeText(job, `the value of ${job}`);
  }
  if (repository instanceof MetadataRepository) {
    return (job) => repository.dump(job, value({ of: job }));
  }
  throw new TypeError(
    `Cannot test ${repository}: its class has no way to make a key; give the fixture a "put" that makes one`,
  );
}
