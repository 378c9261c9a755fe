/**
 * Sentences on deleting.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { holds, lacks } from "./checks.ts";
import { forAll, ids } from "./data.ts";
import type { Case } from "./subject.ts";

export const deletingCases: readonly Case[] = [
  {
    sentence: "delete() removes the key",
    run: async ({ repository, put }) => {
      await put("a");
      await put("b");
      await repository.delete("a");
      await lacks(repository, "a");
      await holds(repository, "b");
      strictEqual((await repository.infoAll()).has("a"), false);
    },
  },
  {
    sentence: "delete() of an absent key is no error",
    run: async ({ repository, put }) => {
      await put("b");
      await repository.delete("a");
      await put("a");
      await repository.delete("a");
      await repository.delete("a");
      await holds(repository, "b");
    },
  },
  {
    sentence: "delete() of one key many times at once is no error",
    run: async ({ repository, put }) => {
      await put("a");
      await Promise.all(Array.from({ length: 20 }, () => repository.delete("a")));
      await holds(repository);
    },
  },
  {
    sentence: "a deleted key can be made again",
    run: async ({ repository, put }) => {
      for (let round = 0; round < 3; round++) {
        await put("a");
        strictEqual(await repository.contains("a"), true);
        await repository.delete("a");
        strictEqual(await repository.contains("a"), false);
      }
    },
  },
  {
    sentence: "keys can be deleted while they are listed",
    run: async ({ repository, put }) => {
      await forAll(ids(30), put);
      for await (const job of repository) await repository.delete(job);
      await holds(repository);
    },
  },
];
