/**
 * Metadata stores that break the contract, and the sentences that each of them breaks.
 *
 * @module
 */

import { changes } from "../../lib/changes.ts";
import { NotFoundError } from "../../lib/errors.ts";
import type { RepositoryChange } from "../../lib/repository.ts";
import { type Medium, MemoryMetadata } from "./memory_stores.ts";

/** A metadata store with one fault. */
export interface BrokenMetadata {
  /** What it does wrong. */
  readonly what: string;
  readonly Store: new (medium: Medium<unknown>) => MemoryMetadata;
  /** The sentences it breaks: these and no others. */
  readonly breaks: readonly string[];
}

/** Metadata stores, each broken in one way; the way is often one in which any store can be broken. */
export const BROKEN_METADATA: readonly BrokenMetadata[] = [
  {
    what: "keeps references",
    Store: class extends MemoryMetadata {
      override copy(data: unknown): unknown {
        super.copy(data);
        return data;
      }
    },
    breaks: [
      "changing a value that was written does not change what is stored",
      "changing a value that was read does not change what is stored",
    ],
  },
  {
    what: "keeps what JSON.stringify leaves",
    Store: class extends MemoryMetadata {
      override copy(data: unknown): unknown {
        return data === undefined ? data : JSON.parse(JSON.stringify(data) ?? "null");
      }
    },
    breaks: [
      "dump() refuses a function with DataError, and the old value stays",
      "dump() refuses a symbol with DataError, and the old value stays",
      "dump() keeps NaN and the like as they are, or refuses them with DataError",
      "dump() keeps a cycle as it is, or refuses it with DataError",
    ],
  },
  {
    what: "adds to the old value",
    Store: class extends MemoryMetadata {
      override async dump(job: string, data: unknown): Promise<void> {
        this.check(job);
        const old = await this.info(job);
        await super.dump(job, isRecord(old) && isRecord(data) ? { ...old, ...data } : data);
      }
    },
    breaks: [
      "a value whose keys look like something else is read as it was written",
      "any JSON value is read as it was written",
      "dump() replaces the whole value",
      "dump() keeps NaN and the like as they are, or refuses them with DataError",
      "dump() keeps a cycle as it is, or refuses it with DataError",
    ],
  },
  {
    what: "deletes before it writes",
    Store: class extends MemoryMetadata {
      override async dump(job: string, data: unknown): Promise<void> {
        this.check(job);
        const copy = this.copy(data);
        this.medium.values.delete(job);
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
        await super.dump(job, copy);
      }
    },
    breaks: [
      "a key that is dumped again and again is there, whole, all the time",
    ],
  },
  {
    what: "takes every property for a key",
    Store: class extends MemoryMetadata {
      override async contains(job: string): Promise<boolean> {
        return await super.contains(job) || job in {};
      }
    },
    breaks: ["keys that mean something elsewhere are ordinary keys"],
  },
  {
    what: "does not check the job that it deletes",
    Store: class extends MemoryMetadata {
      override async delete(job: string): Promise<void> {
        if (this.medium.values.delete(job)) await this.told({ type: "delete", job });
      }
    },
    breaks: [
      "delete() refuses what is no job id, and changes nothing",
      "subscribe() tells nothing of a job that was refused",
    ],
  },
  {
    what: "throws instead of rejecting",
    Store: class extends MemoryMetadata {
      override contains(job: string): Promise<boolean> {
        this.check(job);
        return super.contains(job);
      }
    },
    breaks: ["contains() refuses what is no job id, and changes nothing"],
  },
  {
    what: "takes the deletion of an absent key for an error",
    Store: class extends MemoryMetadata {
      override async delete(job: string): Promise<void> {
        this.check(job);
        if (!await this.contains(job)) throw new NotFoundError(job, String(this));
        await super.delete(job);
      }
    },
    breaks: [
      "delete() of an absent key is no error",
      "after any sequence of changes a store holds what a map would hold",
    ],
  },
  {
    what: "deletes all keys that begin alike",
    Store: class extends MemoryMetadata {
      override async delete(job: string): Promise<void> {
        await super.delete(job);
        for (const key of [...this.medium.values.keys()]) {
          if (key.startsWith(job)) await super.delete(key);
        }
      }
    },
    breaks: [
      "a key can be as long as the rule allows",
      "keys that mean something elsewhere are ordinary keys",
      "keys that begin or end alike are kept apart",
      "after any sequence of changes a store holds what a map would hold",
    ],
  },
  {
    what: "takes upper for lower case",
    Store: class extends MemoryMetadata {
      override dump(job: string, data: unknown): Promise<void> {
        return super.dump(job.toLowerCase(), data);
      }
    },
    breaks: [
      "a key can have every allowed character inside",
      "a key can be one character",
      "keys that differ only by case are different keys",
      "keys that mean something elsewhere are ordinary keys",
    ],
  },
  {
    what: "loses its place in a listing when keys change",
    Store: class extends MemoryMetadata {
      override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
        for (let at = 0; at < this.medium.values.size; at++) {
          yield await Promise.resolve([...this.medium.values.keys()][at] ?? "");
        }
      }
    },
    breaks: [
      "a key that is there all the time is listed exactly once, whatever changes meanwhile",
      "keys can be deleted while they are listed",
    ],
  },
  {
    what: "lists the first page only",
    Store: class extends MemoryMetadata {
      override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
        yield* (await Array.fromAsync(super.unfilteredIter())).slice(0, 45);
      }
    },
    breaks: [
      "a key can have every allowed character inside",
      "a key can be one character",
      "a listing gives each of very many keys once",
      "fifty keys can be dumped at once",
    ],
  },
  {
    what: "lists a key twice that was written twice",
    Store: class extends MemoryMetadata {
      readonly #log: string[] = [];
      override async dump(job: string, data: unknown): Promise<void> {
        await super.dump(job, data);
        this.#log.push(job);
      }
      override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
        const names = await Array.fromAsync(super.unfilteredIter());
        yield* names.flatMap((name) => this.#log.filter((job) => job === name));
      }
    },
    breaks: [
      "a store that is opened again holds its keys",
      "two repositories see each other's changes",
      "after any sequence of changes a store holds what a map would hold",
      "dump() replaces the whole value",
      "a key that is dumped again and again is there, whole, all the time",
    ],
  },
  {
    what: "tells before it writes",
    Store: class extends MemoryMetadata {
      override async dump(job: string, data: unknown): Promise<void> {
        this.check(job);
        const copy = this.copy(data);
        await this.told({ type: "put", job });
        this.medium.values.set(job, copy);
      }
    },
    breaks: [
      "subscribe() tells of a new value, once, after it was stored",
      "dump() of a store that fails is a StoreError",
    ],
  },
  {
    what: "tells those who no longer listen",
    Store: class extends MemoryMetadata {
      readonly #listeners: ((change: RepositoryChange) => void)[] = [];
      override subscribe(listener: (change: RepositoryChange) => void): Disposable {
        this.#listeners.push(listener);
        return { [Symbol.dispose]: () => {} };
      }
      override changed(change: RepositoryChange): void {
        for (const listener of this.#listeners) listener(change);
      }
    },
    breaks: ["a listener that was disposed of is told nothing more"],
  },
  {
    what: "tells nobody of deletions",
    Store: class extends MemoryMetadata {
      override async told(change: RepositoryChange): Promise<void> {
        if (change.type !== "delete") await super.told(change);
      }
    },
    breaks: [
      "subscribe() tells of a deletion, once, after it happened",
      "watch() tells of each new key and each deletion",
      "watch() tells of deletions by a second repository",
      "watch() of a second repository tells of changes by the first",
      "watch() tells of no other keys than those that changed",
    ],
  },
  {
    what: "watches only itself",
    Store: class extends MemoryMetadata {
      override watch(signal: AbortSignal): AsyncIterable<RepositoryChange> {
        return changes(signal, (push) => this.subscribe(push));
      }
    },
    breaks: [
      "watch() tells of deletions by a second repository",
      "watch() of a second repository tells of changes by the first",
    ],
  },
  {
    what: "fails when its watching is aborted",
    Store: class extends MemoryMetadata {
      override async *watch(
        signal: AbortSignal,
      ): AsyncGenerator<RepositoryChange, void, undefined> {
        yield* super.watch(signal);
        signal.throwIfAborted();
      }
    },
    breaks: [
      "watch() tells of each new key and each deletion",
      "watch() tells of a value that takes the place of another",
      "watch() tells of deletions by a second repository",
      "watch() of a second repository tells of changes by the first",
      "watch() tells of no other keys than those that changed",
      "watch() serves several at once, and one that ends leaves the others",
      "watch() ends without an error when its signal is aborted",
      "watch() with a signal that was aborted before ends at once",
    ],
  },
];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
