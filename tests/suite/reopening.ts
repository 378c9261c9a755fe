/**
 * Sentences on two repositories over the same data, as two processes have them.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { BlobRepository } from "../../lib/blob_repository.ts";
import type { MetadataRepository, Repository } from "../../lib/repository.ts";
import { holds, holdsBytes, lacks, lacksBlob } from "./checks.ts";
import { bytes, forAll, ids } from "./data.ts";
import type { Case, Subject } from "./subject.ts";

const reopens = ({ reopen }: { readonly reopen: unknown }): boolean => reopen !== undefined;

async function second<R extends Repository>({ reopen }: Subject<R>): Promise<Repository> {
  const repository = await reopen?.();
  ok(repository);
  await repository.validate();
  return repository;
}

export const reopeningCases: readonly Case[] = [
  {
    sentence: "a store that is opened again holds its keys",
    applies: reopens,
    run: async (subject) => {
      await forAll(ids(10), subject.put);
      await subject.repository.delete(ids(10)[0]!);
      const again = await second(subject);
      await holds(again, ...ids(10).slice(1));
      deepStrictEqual(await again.infoAll(), await subject.repository.infoAll());
    },
  },
  {
    sentence: "two repositories see each other's changes",
    applies: reopens,
    run: async (subject) => {
      const again = await second(subject);
      await holds(again);
      await subject.put("a");
      await subject.put("b");
      await holds(again, "a", "b");
      strictEqual(await again.contains("a"), true);
      await again.delete("a");
      await lacks(subject.repository, "a");
      await holds(subject.repository, "b");
    },
  },
];

export const blobReopeningCases: readonly Case<BlobRepository>[] = [
  {
    sentence: "what one repository wrote another one reads",
    applies: reopens,
    run: async (subject) => {
      const again = await second(subject);
      ok(again instanceof BlobRepository);
      await subject.repository.writeBytes("a", bytes(1000));
      await holdsBytes(again, "a", bytes(1000));
      await again.writeBytes("a", bytes(10));
      await holdsBytes(subject.repository, "a", bytes(10));
    },
  },
  {
    sentence:
      "a writer that is under way is seen by no other repository, and survives its validate()",
    applies: reopens,
    run: async (subject) => {
      await using writer = await subject.repository.open("a", "wb");
      await writer.write(bytes(1000));
      const again = await second(subject);
      ok(again instanceof BlobRepository);
      await lacksBlob(again, "a");
      await holds(again);
      await writer.close();
      await holdsBytes(again, "a", bytes(1000));
    },
  },
  {
    sentence: "two repositories that write one key at once leave one whole value",
    applies: reopens,
    run: async (subject) => {
      const again = await second(subject);
      ok(again instanceof BlobRepository);
      const [one, other] = [bytes(70_000), bytes(60_000, 1)];
      await using first = await subject.repository.open("a", "wb");
      await using last = await again.open("a", "wb");
      for (let at = 0; at < 70_000; at += 10_000) {
        await Promise.all([
          first.write(one.subarray(at, at + 10_000)),
          last.write(other.subarray(at, at + 10_000)),
        ]);
      }
      await Promise.all([first.close(), last.close()]);
      const { length } = await subject.repository.readBytes("a");
      await holdsBytes(again, "a", length === one.length ? one : other);
    },
  },
];

export const metadataReopeningCases: readonly Case<MetadataRepository>[] = [
  {
    sentence: "what one repository dumped another one reads",
    applies: reopens,
    run: async (subject) => {
      const again = await second(subject);
      for (const version of [1, 2]) {
        await subject.repository.dump("a", subject.value({ version }));
        deepStrictEqual(await again.info("a"), subject.value({ version }));
      }
    },
  },
];
