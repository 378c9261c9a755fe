/**
 * Small stores in memory that keep the contract, in pieces that can be broken one by one.
 *
 * @module
 */

import { BlobRepository } from "../../lib/blob_repository.ts";
import { changes } from "../../lib/changes.ts";
import { DataError, NotFoundError, StoreError } from "../../lib/errors.ts";
import {
  MetadataRepository,
  Repository,
  type RepositoryChange,
  type ValidateOptions,
} from "../../lib/repository.ts";
import { concat } from "../../lib/streams.ts";
import type { RepositoryFixture } from "../suite/mod.ts";

type Listener = (change: RepositoryChange) => void;

/** What several repositories can share, as several processes share a disk. */
export class Medium<Value> {
  readonly watchers = new Set<Listener>();
  readonly #values = new Map<string, Value>();
  #failing = false;

  /** The values by key, while the medium is in reach. */
  get values(): Map<string, Value> {
    if (this.#failing) throw new StoreError("Cannot reach the medium: it was told to fail");
    return this.#values;
  }

  fail(): void {
    this.#failing = true;
  }

  watch(signal: AbortSignal): AsyncIterable<RepositoryChange> {
    return changes(signal, (push) => {
      this.watchers.add(push);
      return { [Symbol.dispose]: () => void this.watchers.delete(push) };
    });
  }

  tell(change: RepositoryChange): void {
    for (const watcher of this.watchers) watcher(change);
  }
}

/** All names, each with a NUL behind it, in one chunk. */
export function bulk(names: Iterable<string>): Uint8Array {
  return new TextEncoder().encode([...names].map((name) => `${name}\0`).join(""));
}

/** Bytes in memory. */
export class MemoryBlobs extends BlobRepository<string> {
  constructor(readonly medium: Medium<Uint8Array> = new Medium()) {
    super();
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* await Promise.resolve([...this.medium.values.keys()]);
  }
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    yield await Promise.resolve(bulk(this.medium.values.keys()));
  }
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await Promise.resolve(this.medium.values.has(job));
  }
  override async info(job: string): Promise<string> {
    this.check(job);
    return await Promise.resolve(`memory:${job}`);
  }
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (this.medium.values.delete(job)) await this.told({ type: "delete", job });
  }
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    this.check(job);
    const value = await Promise.resolve(this.medium.values.get(job));
    if (value === undefined) throw new NotFoundError(job, String(this));
    return chunked(() => value);
  }
  override async writable(job: string): Promise<WritableStream<Uint8Array>> {
    this.check(job);
    return await Promise.resolve(new WritableStream(this.sink(job)));
  }
  override async validate(_options?: ValidateOptions): Promise<void> {
    await Promise.resolve(this.medium.values);
  }
  override watch(signal: AbortSignal): AsyncIterable<RepositoryChange> {
    return this.medium.watch(signal);
  }

  /** Where a writer leads to. */
  sink(job: string): UnderlyingSink<Uint8Array> {
    const chunks: Uint8Array[] = [];
    return {
      write: (chunk) => void chunks.push(chunk.slice()),
      close: () => this.commit(job, concat(chunks)),
    };
  }
  async commit(job: string, value: Uint8Array): Promise<void> {
    this.medium.values.set(job, value);
    await this.told({ type: "put", job });
  }
  async told(change: RepositoryChange): Promise<void> {
    this.medium.tell(change);
    this.changed(change);
    await Promise.resolve();
  }
}

/** A stream of copies of what `value` gives at the time when each is asked for. */
export function chunked(value: () => Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      const chunk = value().slice(at, at + 65_536);
      at += chunk.length;
      if (chunk.length === 0) controller.close();
      else controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}

/** Data in memory. */
export class MemoryMetadata extends MetadataRepository {
  constructor(readonly medium: Medium<unknown> = new Medium()) {
    super();
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* await Promise.resolve([...this.medium.values.keys()]);
  }
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await Promise.resolve(this.medium.values.has(job));
  }
  override async info(job: string): Promise<unknown> {
    this.check(job);
    return await Promise.resolve(this.copy(this.medium.values.get(job)));
  }
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (this.medium.values.delete(job)) await this.told({ type: "delete", job });
  }
  override async dump(job: string, data: unknown): Promise<void> {
    this.check(job);
    this.medium.values.set(job, this.copy(data));
    await this.told({ type: "put", job });
  }
  override async validate(_options?: ValidateOptions): Promise<void> {
    await Promise.resolve(this.medium.values);
  }
  override watch(signal: AbortSignal): AsyncIterable<RepositoryChange> {
    return this.medium.watch(signal);
  }

  copy(data: unknown): unknown {
    try {
      return structuredClone(data);
    } catch (cause) {
      throw new DataError("Cannot store the value: it is no data; give plain data", { cause });
    }
  }
  async told(change: RepositoryChange): Promise<void> {
    this.medium.tell(change);
    this.changed(change);
    await Promise.resolve();
  }
}

/** Keys without values. */
export class MemoryKeys extends Repository<undefined> {
  readonly keys = new Set<string>();

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* await Promise.resolve([...this.keys]);
  }
  override async info(job: string): Promise<undefined> {
    await Promise.resolve(this.check(job));
  }
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (this.keys.delete(job)) this.changed({ type: "delete", job });
    await Promise.resolve();
  }
}

/** A fixture of a store over a medium. */
export function over<Value>(
  make: (medium: Medium<Value>) => Repository,
): () => RepositoryFixture {
  return () => {
    const medium = new Medium<Value>();
    return {
      repository: make(medium),
      reopen: () => Promise.resolve(make(medium)),
      fail: () => medium.fail(),
    };
  };
}
