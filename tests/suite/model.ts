/**
 * One sentence that holds all the others together: whatever is done, a store is a map.
 *
 * @module
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { BlobRepository } from "../../lib/blob_repository.ts";
import { MetadataRepository } from "../../lib/repository.ts";
import type { Case, Subject } from "./subject.ts";

const JOBS: readonly string[] = ["a", "b", "a.b", "ab"];

/** Stores a version under a key, as far as the store has values. */
function write({ repository, put, value }: Subject, job: string, version: number): Promise<void> {
  if (repository instanceof BlobRepository) {
    return repository.writeText(job, String(version).repeat(version));
  }
  if (repository instanceof MetadataRepository) return repository.dump(job, value({ version }));
  return put(job);
}

/** Asserts that a key has the version that was written last. */
async function shows({ repository, value }: Subject, job: string, version: number): Promise<void> {
  if (repository instanceof BlobRepository) {
    strictEqual(await repository.readText(job), String(version).repeat(version));
  } else if (repository instanceof MetadataRepository) {
    deepStrictEqual(await repository.info(job), value({ version }));
  }
}

export const modelCases: readonly Case[] = [
  {
    sentence: "after any sequence of changes a store holds what a map would hold",
    run: async (subject) => {
      const { repository, ownPut } = subject;
      const { default: fc } = await import("fast-check");
      const step = fc.record({
        job: fc.constantFrom(...JOBS),
        version: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined, freq: 2 }),
      });
      const property = fc.asyncProperty(
        fc.array(step, { maxLength: 12, size: "max" }),
        async (steps) => {
          for (const job of JOBS) await repository.delete(job);
          const model = new Map<string, number>();
          for (const { job, version } of steps) {
            if (version === undefined) {
              await repository.delete(job);
              model.delete(job);
            } else if (ownPut || !model.has(job)) {
              await write(subject, job, version);
              model.set(job, version);
            }
            strictEqual(await repository.contains(job), model.has(job));
          }
          deepStrictEqual((await Array.fromAsync(repository)).sort(), [...model.keys()].sort());
          for (const [job, version] of model) await shows(subject, job, version);
        },
      );
      await fc.assert(property, { numRuns: 25 });
    },
  },
];
