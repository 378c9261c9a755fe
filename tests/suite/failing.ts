/**
 * Sentences on a store that is out of reach: what is unknown is never told as absence.
 *
 * @module
 */

import { deepStrictEqual, rejects } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { StoreError } from "../../lib/errors.ts";
import type { MetadataRepository, Repository, RepositoryChange } from "../../lib/repository.ts";
import type { Case, Subject } from "./subject.ts";

/** Something that cannot be done while the store fails. */
type Attempt<R extends Repository> = readonly [
  name: string,
  attempt: (subject: Subject<R>) => Promise<unknown>,
];

function failure<R extends Repository>([name, attempt]: Attempt<R>): Case<R> {
  return {
    sentence: `${name} of a store that fails is a StoreError`,
    applies: ({ fail }) => fail !== undefined,
    run: async (subject) => {
      const { repository, put, fail } = subject;
      await put("a");
      await fail?.();
      const changes: RepositoryChange[] = [];
      using _ = repository.subscribe((change) => void changes.push(change));
      await rejects(attempt(subject), StoreError);
      deepStrictEqual(changes, []);
    },
  };
}

const ATTEMPTS: readonly Attempt<Repository>[] = [
  ["a listing", ({ repository }) => Array.fromAsync(repository)],
  ["unfilteredIter()", ({ repository }) => Array.fromAsync(repository.unfilteredIter())],
  ["contains()", ({ repository }) => repository.contains("a")],
  ["contains() of an absent key", ({ repository }) => repository.contains("absent")],
  ["infoAll()", ({ repository }) => repository.infoAll()],
  ["delete()", ({ repository }) => repository.delete("a")],
  ["validate()", ({ repository }) => repository.validate({ create: false })],
];

const BLOB_ATTEMPTS: readonly Attempt<BlobRepository>[] = [
  ["readBytes()", ({ repository }) => repository.readBytes("a")],
  ["readBytes() of an absent key", ({ repository }) => repository.readBytes("absent")],
  ["writeBytes()", ({ repository }) => repository.writeBytes("a", new Uint8Array(10))],
  ["a writer", async ({ repository }) => {
    await using writer = await repository.open("b", "w");
    await writer.write("value");
    await writer.close();
  }],
];

const METADATA_ATTEMPTS: readonly Attempt<MetadataRepository>[] = [
  ["info()", ({ repository }) => repository.info("a")],
  ["info() of an absent key", ({ repository }) => repository.info("absent")],
  ["dump()", ({ repository, value }) => repository.dump("a", value({}))],
];

export const failingCases: readonly Case[] = [
  ...ATTEMPTS.map(failure),
  {
    sentence: "bulkIter() of a store that fails is a StoreError",
    applies: ({ repository, fail }) => repository.bulkIter !== undefined && fail !== undefined,
    run: async ({ repository, fail }) => {
      await fail?.();
      await rejects(async () => await Array.fromAsync(repository.bulkIter?.() ?? []), StoreError);
    },
  },
];

export const blobFailingCases: readonly Case<BlobRepository>[] = BLOB_ATTEMPTS.map(failure);

export const metadataFailingCases: readonly Case<MetadataRepository>[] = METADATA_ATTEMPTS.map(
  failure,
);
