/**
 * Stores in the memory of this process, for functions that run in another.
 *
 * @module
 */

import { BlobRepository } from "../lib/blob_repository.ts";
import { sourcesOf } from "../lib/graph.ts";
import { MetadataRepository, type Repository } from "../lib/repository.ts";
import type { Task } from "../lib/task.ts";

/** Which store: the name of a link, and the way from there down to what it is computed from. */
export type StorePath = readonly [link: string, ...sources: number[]];

/** What the process of the stores offers to those that use them from elsewhere. Values are sent as they are. */
export type MemoryService = {
  readonly list: (task: string, path: StorePath) => Promise<string[]>;
  readonly contains: (task: string, path: StorePath, job: string) => Promise<boolean>;
  readonly info: (task: string, path: StorePath, job: string) => Promise<unknown>;
  readonly infoAll: (task: string, path: StorePath) => Promise<Map<string, unknown>>;
  readonly dump: (task: string, path: StorePath, job: string, data: unknown) => Promise<void>;
  readonly delete: (task: string, path: StorePath, job: string) => Promise<void>;
  /** Begins to read a value; gives a number for what follows. */
  readonly openRead: (task: string, path: StorePath, job: string) => Promise<number>;
  /** The next bytes; undefined at the end. */
  readonly read: (handle: number) => Promise<Uint8Array | undefined>;
  /** Reads no more. */
  readonly cancelRead: (handle: number) => Promise<void>;
  /** Begins to write a value; gives a number for what follows. */
  readonly openWrite: (task: string, path: StorePath, job: string) => Promise<number>;
  readonly write: (handle: number, chunk: Uint8Array) => Promise<void>;
  readonly close: (handle: number) => Promise<void>;
  readonly abort: (handle: number, reason: string) => Promise<void>;
};

/**
 * The stores in memory that a task uses.
 *
 * @param task The task.
 * @returns Each with a path by which the same task in another process has it.
 */
export function storesInMemory(task: Task): [path: StorePath, store: Repository][] {
  const found = new Map<Repository, StorePath>();
  const visit = (repository: Repository, path: StorePath): void => {
    if (found.has(repository)) return;
    if (repository.isInMemory) found.set(repository, path);
    sourcesOf(repository).forEach((source, i) => visit(source, [...path, i]));
  };
  for (const [name, { repo }] of task.links) visit(repo, [name]);
  return Array.from(found, ([store, path]) => [path, store]);
}

/** Serves one process, or thread, with the stores in memory of some tasks. */
export class MemoryServer {
  readonly #tasks: ReadonlyMap<string, Task>;
  readonly #readers = new Map<number, ReadableStreamDefaultReader<Uint8Array>>();
  readonly #writers = new Map<number, WritableStreamDefaultWriter<Uint8Array>>();
  #next = 0;

  /**
   * Makes a server.
   *
   * @param tasks The tasks by name; more may be added later.
   */
  constructor(tasks: ReadonlyMap<string, Task>) {
    this.#tasks = tasks;
  }

  /** What it offers. */
  readonly service: MemoryService = {
    list: (task, path) => Array.fromAsync(this.#store(task, path)),
    contains: (task, path, job) => this.#store(task, path).contains(job),
    info: (task, path, job) => this.#store(task, path).info(job),
    infoAll: (task, path) => this.#store(task, path).infoAll(),
    dump: (task, path, job, data) => this.#metadata(task, path).dump(job, data),
    delete: (task, path, job) => this.#store(task, path).delete(job),
    openRead: async (task, path, job) => {
      const stream = await this.#blobs(task, path).readable(job);
      this.#readers.set(this.#next, stream.getReader());
      return this.#next++;
    },
    read: async (handle) => {
      const { done, value } = await found(this.#readers, handle).read();
      if (done) this.#readers.delete(handle);
      return value;
    },
    cancelRead: async (handle) => {
      await found(this.#readers, handle).cancel();
      this.#readers.delete(handle);
    },
    openWrite: async (task, path, job) => {
      const stream = await this.#blobs(task, path).writable(job);
      this.#writers.set(this.#next, stream.getWriter());
      return this.#next++;
    },
    write: (handle, chunk) => found(this.#writers, handle).write(chunk),
    close: async (handle) => {
      await found(this.#writers, handle).close();
      this.#writers.delete(handle);
    },
    abort: async (handle, reason) => {
      await found(this.#writers, handle).abort(new Error(reason));
      this.#writers.delete(handle);
    },
  };

  /** Ends what was begun, when the process that is served has ended: nothing half-written appears. */
  async end(): Promise<void> {
    const reason = new Error("the function that was writing has ended");
    const ends = [
      ...Array.from(this.#readers.values(), (reader) => reader.cancel(reason)),
      ...Array.from(this.#writers.values(), (writer) => writer.abort(reason)),
    ];
    this.#readers.clear();
    this.#writers.clear();
    await Promise.allSettled(ends);
  }

  #store(taskName: string, [link, ...sources]: StorePath): Repository {
    let store = this.#tasks.get(taskName)?.links.get(link)?.repo;
    for (const i of sources) store = store && sourcesOf(store)[i];
    if (store?.isInMemory) return store;
    throw new TypeError(`Link "${link}" of task "${taskName}" leads to no store in memory`);
  }

  #metadata(task: string, path: StorePath): MetadataRepository {
    const store = this.#store(task, path);
    if (store instanceof MetadataRepository) return store;
    throw new TypeError(`${store} holds no data`);
  }

  #blobs(task: string, path: StorePath): BlobRepository {
    const store = this.#store(task, path);
    if (store instanceof BlobRepository) return store;
    throw new TypeError(`${store} holds no bytes`);
  }
}

function found<T>(open: ReadonlyMap<number, T>, handle: number): T {
  const stream = open.get(handle);
  if (stream === undefined) throw new TypeError(`Stream ${handle} is not open`);
  return stream;
}
