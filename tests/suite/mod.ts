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
 * import { DataError, MetadataRepository } from "@datatask/datatask";
 * import { repositoryTests } from "@datatask/datatask/testing";
 *
 * class NoteRepository extends MetadataRepository {
 *   readonly #notes = new Map<string, unknown>();
 *   override async *unfilteredIter() {
 *     yield* [...this.#notes.keys()];
 *   }
 *   override async info(job: string) {
 *     this.check(job);
 *     return structuredClone(this.#notes.get(job));
 *   }
 *   override async dump(job: string, data: unknown) {
 *     this.check(job);
 *     try {
 *       this.#notes.set(job, structuredClone(data));
 *     } catch (cause) {
 *       throw new DataError(`Cannot note "${job}": it is no plain data; leave out functions`, { cause });
 *     }
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
 * });
 * // In a test file, `await testRepository({ ... })` registers them with Deno.test instead.
 * for (const { fn } of tests) await fn();
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
