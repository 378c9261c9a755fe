/**
 * Structured data in memory.
 *
 * @module
 */

// Nothing here waits; `async` makes rejections of what is thrown.
// deno-lint-ignore-file require-await

import { changes } from "../lib/changes.ts";
import { clone } from "../lib/clone.ts";
import { DataError } from "../lib/errors.ts";
import { nameChunks } from "../lib/names.ts";
import { MetadataRepository, type RepositoryChange } from "../lib/repository.ts";

/**
 * A metadata repository in memory, gone when the process ends: for tests, and for what is only of use while a pipeline
 * runs.
 *
 * Values are what `structuredClone` can copy: JSON's, dates, maps, typed arrays and the like. An object of a class of
 * your own is stored as a plain object.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const done = new InProcessMetadataRepository<{ success: boolean }>();
 * await done.dump("moby", { success: true });
 * deepStrictEqual(await done.info("moby"), { success: true });
 * strictEqual(await done.info("emma"), undefined);
 * ```
 */
export class InProcessMetadataRepository<Data = unknown> extends MetadataRepository<Data> {
  /** True. */
  override readonly isInMemory: boolean = true;
  /** The values by key. A change that is made here, and not by a method, is not told to those who watch. */
  readonly data: Map<string, Data>;

  /**
   * Makes a repository.
   *
   * @param data Where the values are kept, by key: this very map. A new one, if it is not given.
   */
  constructor(data: Map<string, Data> = new Map()) {
    super();
    this.data = data;
  }

  /** The keys at the time of the call. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    for (const job of [...this.data.keys()]) yield job;
  }

  /** The keys at the time of the call. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* nameChunks([...this.data.keys()]);
  }

  /** Whether the map has the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return this.data.has(job);
  }

  /**
   * A copy of a value.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If the map was given a value that cannot be copied.
   */
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    const data = this.data.get(job);
    return data === undefined ? undefined : this.#copy("read", job, data);
  }

  /**
   * Stores a copy of a value.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If the value cannot be copied, as a function cannot, or is `undefined`.
   */
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    if (data === undefined) {
      throw new DataError(
        `Cannot write "${job}" to ${this}: undefined is what a missing key has; use null`,
      );
    }
    this.data.set(job, this.#copy("write", job, data));
    this.changed({ type: "put", job });
  }

  /** Deletes the key from the map. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (this.data.delete(job)) this.changed({ type: "delete", job });
  }

  /** The changes made by the methods of this object. */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return changes(signal, (push) => this.subscribe(push));
  }

  #copy(what: "read" | "write", job: string, data: Data): Data {
    try {
      return clone(data);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const where = what === "read" ? "from" : "to";
      throw new DataError(
        `Cannot ${what} "${job}" ${where} ${this}: ${why}; use values that structuredClone can copy`,
        { cause },
      );
    }
  }
}
