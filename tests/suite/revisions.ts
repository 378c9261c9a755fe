/**
 * Sentences on proving that nothing has changed, for stores that do.
 *
 * @module
 */

import { notStrictEqual, strictEqual } from "node:assert/strict";
import type { Repository } from "../../lib/repository.ts";
import type { Case, Subject } from "./subject.ts";

const proves = ({ repository }: Subject): boolean => repository.revision !== undefined;

/** Waits, but no longer than a test may, until a store can promise that a change will show. */
async function settled(repository: Repository, timeout: number): Promise<string | undefined> {
  const end = performance.now() + timeout;
  for (;;) {
    for await (const _job of repository); // what it has listed may matter
    const revision = await repository.revision?.();
    if (revision !== undefined || performance.now() > end) return revision;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const revisionCases: readonly Case[] = [
  {
    sentence: "revision() is another one when a key has appeared or disappeared",
    applies: proves,
    run: async ({ repository, put, timeout }) => {
      await put("a");
      const changes = [() => put("b"), () => repository.delete("a"), () => put("a")];
      for (const change of changes) {
        const before = await settled(repository, timeout);
        await change();
        if (before !== undefined) notStrictEqual(await repository.revision?.(), before);
      }
    },
  },
  {
    sentence: "revision() stays the same while nothing changes, also for a second repository",
    applies: proves,
    run: async ({ repository, put, reopen, timeout }) => {
      await put("a");
      const before = await settled(repository, timeout);
      for await (const _job of repository);
      strictEqual(await repository.revision?.(), before);
      if (reopen !== undefined) strictEqual(await (await reopen()).revision?.(), before);
    },
  },
];
