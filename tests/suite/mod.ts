/**
 * The tests that every store passes: the contract of `Repository`, `MetadataRepository` and `BlobRepository`, one test a
 * sentence.
 *
 * The test file of a store is one call, `await testRepository({ name, create })`. Which sentences apply is seen from the
 * store itself: its class says whether its values are bytes, data or its own affair, and `watch` and `bulkIter` are
 * tested where they are present.
 *
 * @example A store under test
 * ```ts
 * import { MetadataRepository } from "@datatask/datatask";
 * import { repositoryTests } from "@datatask/datatask/testing";
 *
 * class NoteRepository extends MetadataRepository {
 *   readonly #notes = new Map<string, string>();
 *   override async *unfilteredIter() {
 *     yield* [...this.#notes.keys()];
 *   }
 *   override async info(job: string) {
 *     this.check(job);
 *     const note = this.#notes.get(job);
 *     return note === undefined ? undefined : JSON.parse(note);
 *   }
 *   override async dump(job: string, data: string) {
 *     this.check(job);
 *     this.#notes.set(job, JSON.stringify(data));
 *     this.changed({ type: "put", job });
 *   }
 *   override async delete(job: string) {
 *     this.check(job);
 *     if (this.#notes.delete(job)) this.changed({ type: "delete", job });
 *   }
 * }
 *
 * const tests = await repositoryTests({
 *   name: "NoteRepository",
 *   create: () => ({ repository: new NoteRepository() }),
 *   skip: [
 *     { test: "dump() refuses a function with DataError, and the old value stays", reason: "notes are trusted" },
 *     { test: "dump() keeps NaN, cycles and the like as they are, or refuses them with DataError", reason: "notes are trusted" },
 *   ],
 * });
 * // In a test file, `await testRepository({ ... })` does this with Deno.test.
 * for (const { ignore, fn } of tests) if (!ignore) await fn();
 * ```
 *
 * @module
 */

export type {
  JsonValue,
  RepositoryCapabilities,
  RepositoryFixture,
  RepositoryTest,
  RepositoryTestOptions,
  SkippedTest,
} from "./options.ts";
export { repositoryTests, testRepository } from "./repository_tests.ts";
