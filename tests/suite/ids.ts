/**
 * Sentences on what is a job id.
 *
 * @module
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import type { MetadataRepository, Repository } from "../../lib/repository.ts";
import { holds, refuses } from "./checks.ts";
import { NEVER_IDS, REFUSED_IDS } from "./data.ts";
import type { Case } from "./subject.ts";

/** A method that takes a job. */
type Method<R extends Repository> = readonly [
  name: string,
  call: (repository: R, job: string) => Promise<unknown>,
];

function refusal<R extends Repository>([name, call]: Method<R>): Case<R> {
  return {
    sentence: `${name} refuses what is no job id, and changes nothing`,
    run: async ({ repository, put }) => {
      await put("a");
      for (const job of REFUSED_IDS) {
        if (!repository.isValidJobId(job)) await refuses((id) => call(repository, id), job);
      }
      await holds(repository, "a");
      deepStrictEqual(await Array.fromAsync(repository.unfilteredIter()), ["a"]);
    },
  };
}

const METHODS: readonly Method<Repository>[] = [
  ["contains()", (repository, job) => repository.contains(job)],
  ["info()", (repository, job) => repository.info(job)],
  ["delete()", (repository, job) => repository.delete(job)],
];

const BLOB_METHODS: readonly Method<BlobRepository>[] = [
  ["readable()", (repository, job) => repository.readable(job)],
  ["writable()", (repository, job) => repository.writable(job)],
  ["readBytes()", (repository, job) => repository.readBytes(job)],
  ["readText()", (repository, job) => repository.readText(job)],
  ["writeBytes()", (repository, job) => repository.writeBytes(job, new Uint8Array(1))],
  ["writeText()", (repository, job) => repository.writeText(job, "x")],
  ["open() to read text", (repository, job) => repository.open(job)],
  ["open() to read bytes", (repository, job) => repository.open(job, "rb")],
  ["open() to write text", (repository, job) => repository.open(job, "w")],
  ["open() to write bytes", (repository, job) => repository.open(job, "wb")],
];

const METADATA_METHODS: readonly Method<MetadataRepository>[] = [
  ["dump()", (repository, job) => repository.dump(job, {})],
];

export const idCases: readonly Case[] = [
  {
    sentence: "isValidJobId() never accepts what could lead out of the store",
    run: ({ repository }) => {
      for (const job of NEVER_IDS) {
        strictEqual(repository.isValidJobId(job), false, JSON.stringify(job));
      }
      return Promise.resolve();
    },
  },
  ...METHODS.map(refusal),
];

export const blobIdCases: readonly Case<BlobRepository>[] = BLOB_METHODS.map(refusal);

export const metadataIdCases: readonly Case<MetadataRepository>[] = METADATA_METHODS.map(refusal);
