/**
 * Bytes in memory.
 *
 * @module
 */

// Nothing here waits; `async` makes rejections of what is thrown.
// deno-lint-ignore-file require-await

import { BlobRepository } from "../lib/blob_repository.ts";
import { changes } from "../lib/changes.ts";
import { NotFoundError } from "../lib/errors.ts";
import { nameChunks } from "../lib/names.ts";
import type { RepositoryChange } from "../lib/repository.ts";
import { concat } from "../lib/streams.ts";

/**
 * A blob repository in memory, gone when the process ends: for tests, and for what is only of use while a pipeline runs.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository } from "@datatask/datatask";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const books = new InProcessBlobRepository(new Map([["emma", new Uint8Array([69])]]));
 * await books.writeText("moby", "Call me Ishmael.");
 * strictEqual(await books.readText("moby"), "Call me Ishmael.");
 * deepStrictEqual(await Array.fromAsync(books), ["emma", "moby"]);
 * ```
 */
export class InProcessBlobRepository extends BlobRepository<undefined> {
  /** True. */
  override readonly isInMemory: boolean = true;
  /** The values by key. A change that is made here, and not by a method, is not told to those who watch. */
  readonly data: Map<string, Uint8Array>;

  /**
   * Makes a repository.
   *
   * @param data Where the values are kept, by key: this very map. A new one, if it is not given.
   */
  constructor(data: Map<string, Uint8Array> = new Map()) {
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

  /** Nothing: there is no more to say of bytes in memory. */
  override async info(job: string): Promise<undefined> {
    this.check(job);
  }

  /** Deletes the key from the map. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (this.data.delete(job)) this.changed({ type: "delete", job });
  }

  /** The bytes at the time of the call. */
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    const bytes = await this.readBytes(job);
    return new ReadableStream({
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }

  /** A stream that collects the new value. */
  override async writable(job: string): Promise<InProcessBlobStream> {
    this.check(job);
    return new InProcessBlobStream((bytes) => this.#put(job, bytes));
  }

  /** A copy of the bytes. */
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    this.check(job);
    const bytes = this.data.get(job);
    if (bytes === undefined) throw new NotFoundError(job, `${this}`);
    return new Uint8Array(bytes);
  }

  /** Stores a copy of the bytes. */
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    this.check(job);
    this.#put(job, new Uint8Array(data));
  }

  /** The changes made by the methods of this object. */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return changes(signal, (push) => this.subscribe(push));
  }

  #put(job: string, bytes: Uint8Array): void {
    this.data.set(job, bytes);
    this.changed({ type: "put", job });
  }
}

/**
 * What {@linkcode InProcessBlobRepository.writable} gives: a stream that collects bytes in memory. `close` commits them,
 * `abort` discards them.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobStream } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * let value = new Uint8Array();
 * const writer = new InProcessBlobStream((bytes) => value = bytes).getWriter();
 * await writer.write(new Uint8Array([1, 2]));
 * await writer.write(new Uint8Array([3]));
 * await writer.close();
 * deepStrictEqual(value, new Uint8Array([1, 2, 3]));
 * ```
 */
export class InProcessBlobStream {
  /**
   * Makes a stream.
   *
   * @param commit Called with all the bytes when the stream is closed.
   */
  constructor(commit: (bytes: Uint8Array<ArrayBuffer>) => void) {
    const chunks: Uint8Array[] = [];
    const sink: UnderlyingSink<Uint8Array> = {
      write(chunk) {
        chunks.push(new Uint8Array(chunk)); // whoever writes may use its buffer again
      },
      close() {
        commit(concat(chunks));
      },
    };
    becomeStream();
    return Reflect.construct(WritableStream<Uint8Array>, [sink], new.target);
  }
}

/** All that a stream has. */
export interface InProcessBlobStream extends WritableStream<Uint8Array> {}

/**
 * Makes the class what `extends WritableStream` would. That has the runtime load its streams, which takes longer than
 * anything else that happens when this library is loaded: so it waits until the first stream is made.
 */
function becomeStream(): void {
  const { prototype } = InProcessBlobStream;
  if (Object.getPrototypeOf(prototype) === WritableStream.prototype) return;
  Object.setPrototypeOf(prototype, WritableStream.prototype);
  Object.setPrototypeOf(InProcessBlobStream, WritableStream);
}
