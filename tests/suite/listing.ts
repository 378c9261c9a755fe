/**
 * Sentences on what a store says of itself and of its keys.
 *
 * @module
 */

import { deepStrictEqual, doesNotReject, ok, strictEqual } from "node:assert/strict";
import type { Repository } from "../../lib/repository.ts";
import { holds } from "./checks.ts";
import { forAll, ids } from "./data.ts";
import type { Case } from "./subject.ts";

/** The ids in the chunks of `bulkIter`. */
async function bulkIds(repository: Repository): Promise<string[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const names: string[] = [];
  for await (const chunk of repository.bulkIter?.() ?? []) {
    if (chunk.length === 0) continue;
    strictEqual(chunk.at(-1), 0, "a chunk ends in the middle of a name");
    names.push(...decoder.decode(chunk.subarray(0, -1)).split("\0"));
  }
  return names.filter((name) => repository.isValidJobId(name));
}

const hasBulk = ({ repository }: { readonly repository: Repository }): boolean =>
  repository.bulkIter !== undefined;

export const listingCases: readonly Case[] = [
  {
    sentence: "a new store is empty",
    run: async ({ repository }) => {
      await holds(repository);
      deepStrictEqual(await Array.fromAsync(repository.unfilteredIter()), []);
      strictEqual((await repository.infoAll()).size, 0);
      strictEqual(await repository.contains("a"), false);
    },
  },
  {
    sentence: "a listing gives each of very many keys once",
    run: async ({ repository, put, manyKeys }) => {
      const jobs = ids(manyKeys);
      await forAll(jobs, put);
      await holds(repository, ...jobs);
    },
  },
  {
    sentence: "unfilteredIter() gives every key that is listed",
    run: async ({ repository, put }) => {
      await forAll(ids(5), put);
      deepStrictEqual((await Array.fromAsync(repository.unfilteredIter())).sort(), ids(5));
    },
  },
  {
    sentence: "a store can be listed again, and twice at once",
    run: async ({ repository, put }) => {
      await forAll(ids(30), put);
      await holds(repository, ...ids(30));
      await Promise.all([holds(repository, ...ids(30)), holds(repository, ...ids(30))]);
    },
  },
  {
    sentence: "a listing can be ended after one key, and the store goes on",
    run: async ({ repository, put }) => {
      await forAll(ids(30), put);
      for (let round = 0; round < 5; round++) {
        for await (const job of repository) {
          ok(ids(30).includes(job));
          break;
        }
        for await (const _name of repository.unfilteredIter()) break;
        for await (const _chunk of repository.bulkIter?.() ?? []) break;
      }
      await put("z");
      await repository.delete(ids(30)[0]!);
      await holds(repository, ...ids(30).slice(1), "z");
    },
  },
  {
    sentence: "a key that is there all the time is listed exactly once, whatever changes meanwhile",
    run: async ({ repository, put, ownPut }) => {
      const [stable, passing] = [ids(20, "stable"), ids(20, "passing")];
      await forAll(stable.flatMap((job, at) => [passing[at]!, job]), put);
      const listed: string[] = [];
      for await (const job of repository) {
        listed.push(job);
        const next = passing.shift();
        if (next === undefined) continue;
        await repository.delete(next);
        await put(`new-${passing.length}`);
        if (ownPut) await put(stable[passing.length]!);
      }
      deepStrictEqual(listed.filter((job) => stable.includes(job)).sort(), stable);
      strictEqual(new Set(listed).size, listed.length, "no key is listed twice");
    },
  },
  {
    sentence: "contains() agrees with the listing",
    run: async ({ repository, put }) => {
      await forAll(ids(6), put);
      await repository.delete(ids(6)[2]!);
      const listed = await Array.fromAsync(repository);
      for (const job of [...ids(6), "other"]) {
        strictEqual(await repository.contains(job), listed.includes(job), job);
      }
    },
  },
  {
    sentence:
      "bulkIter() gives the keys of the listing, in chunks of whole names that end with NUL",
    applies: hasBulk,
    run: async ({ repository, put }) => {
      deepStrictEqual(await bulkIds(repository), []);
      await forAll(ids(40), put);
      await repository.delete(ids(40)[0]!);
      deepStrictEqual((await bulkIds(repository)).sort(), ids(40).slice(1));
      deepStrictEqual(
        (await bulkIds(repository)).sort(),
        (await Array.fromAsync(repository)).sort(),
      );
    },
  },
  {
    sentence: "infoAll() gives the info() of every key",
    run: async ({ repository, put }) => {
      await forAll(ids(5), put);
      const all = await repository.infoAll();
      deepStrictEqual([...all.keys()].sort(), ids(5));
      for (const [job, info] of all) deepStrictEqual(info, await repository.info(job), job);
    },
  },
  {
    sentence: "info() of an absent key gives what can be said all the same",
    run: async ({ repository }) => {
      await doesNotReject(repository.info("absent"));
      strictEqual(await repository.contains("absent"), false, "asking did not make it");
      await holds(repository);
    },
  },
  {
    sentence: "validate() can be called again, and loses nothing",
    run: async ({ repository, put }) => {
      await put("a");
      await repository.validate();
      await repository.validate({ create: false });
      await holds(repository, "a");
    },
  },
  {
    sentence: "toString() names the class",
    run: ({ repository }) => {
      ok(String(repository).includes(repository.constructor.name), String(repository));
      return Promise.resolve();
    },
  },
];
