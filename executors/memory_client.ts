/**
 * Stores in the memory of another process, as they appear to functions in this one.
 *
 * @module
 */

import { BlobRepository } from "../lib/blob_repository.ts";
import { MetadataRepository, Repository } from "../lib/repository.ts";
import type { Task } from "../lib/task.ts";
import type { Calls } from "./calls.ts";
import { type MemoryService, type StorePath, storesInMemory } from "./memory_server.ts";

/** How a store is reached. */
class Remote {
  readonly #calls: Calls<MemoryService>;
  readonly #task: string;
  readonly #path: StorePath;

  constructor(calls: Calls<MemoryService>, task: string, path: StorePath) {
    this.#calls = calls;
    this.#task = task;
    this.#path = path;
  }

  async *list(): AsyncGenerator<string, void, undefined> {
    yield* await this.#calls.call("list", this.#task, this.#path);
  }

  contains(job: string): Promise<boolean> {
    return this.#calls.call("contains", this.#task, this.#path, job);
  }

  info(job: string): Promise<unknown> {
    return this.#calls.call("info", this.#task, this.#path, job);
  }

  infoAll(): Promise<Map<string, unknown>> {
    return this.#calls.call("infoAll", this.#task, this.#path);
  }

  dump(job: string, data: unknown): Promise<void> {
    return this.#calls.call("dump", this.#task, this.#path, job, data);
  }

  delete(job: string): Promise<void> {
    return this.#calls.call("delete", this.#task, this.#path, job);
  }

  async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    const calls = this.#calls;
    const handle = await calls.call("openRead", this.#task, this.#path, job);
    return new ReadableStream({
      async pull(controller) {
        const chunk = await calls.call("read", handle);
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => calls.call("cancelRead", handle),
    }, { highWaterMark: 0 });
  }

  async writable(job: string): Promise<WritableStream<Uint8Array>> {
    const calls = this.#calls;
    const handle = await calls.call("openWrite", this.#task, this.#path, job);
    return new WritableStream({
      write: (chunk) => calls.call("write", handle, chunk),
      close: () => calls.call("close", handle),
      abort: (reason) => calls.call("abort", handle, String(reason)),
    });
  }
}

class RemoteRepository extends Repository {
  readonly #remote: Remote;
  constructor(remote: Remote) {
    super();
    this.#remote = remote;
  }
  override unfilteredIter(): AsyncIterable<string> {
    return this.#remote.list();
  }
  override contains(job: string): Promise<boolean> {
    return this.#remote.contains(job);
  }
  override info(job: string): Promise<unknown> {
    return this.#remote.info(job);
  }
  override infoAll(): Promise<Map<string, unknown>> {
    return this.#remote.infoAll();
  }
  override delete(job: string): Promise<void> {
    return this.#remote.delete(job);
  }
}

class RemoteMetadata extends MetadataRepository {
  readonly #remote: Remote;
  constructor(remote: Remote) {
    super();
    this.#remote = remote;
  }
  override unfilteredIter(): AsyncIterable<string> {
    return this.#remote.list();
  }
  override contains(job: string): Promise<boolean> {
    return this.#remote.contains(job);
  }
  override info(job: string): Promise<unknown> {
    return this.#remote.info(job);
  }
  override infoAll(): Promise<Map<string, unknown>> {
    return this.#remote.infoAll();
  }
  override dump(job: string, data: unknown): Promise<void> {
    return this.#remote.dump(job, data);
  }
  override delete(job: string): Promise<void> {
    return this.#remote.delete(job);
  }
}

class RemoteBlobs extends BlobRepository {
  readonly #remote: Remote;
  constructor(remote: Remote) {
    super();
    this.#remote = remote;
  }
  override unfilteredIter(): AsyncIterable<string> {
    return this.#remote.list();
  }
  override contains(job: string): Promise<boolean> {
    return this.#remote.contains(job);
  }
  override info(job: string): Promise<unknown> {
    return this.#remote.info(job);
  }
  override delete(job: string): Promise<void> {
    return this.#remote.delete(job);
  }
  override readable(job: string): Promise<ReadableStream<Uint8Array>> {
    return this.#remote.readable(job);
  }
  override writable(job: string): Promise<WritableStream<Uint8Array>> {
    return this.#remote.writable(job);
  }
}

/**
 * Lets the stores in memory of a task be those of another process: whatever is computed from them follows.
 *
 * @param task The task, as the module that both processes have imported has made it.
 * @param calls The line to the other process.
 */
export function reachStores(task: Task, calls: Calls<MemoryService>): void {
  for (const [path, store] of storesInMemory(task)) {
    const remote = new Remote(calls, task.name, path);
    if (store instanceof MetadataRepository) redirect(store, new RemoteMetadata(remote));
    else if (store instanceof BlobRepository) redirect(store, new RemoteBlobs(remote));
    else redirect(store, new RemoteRepository(remote));
  }
}

/** Replaces the methods of an object by those of another of its kind; what it calls itself stays. */
function redirect(store: Repository, remote: Repository): void {
  const names = new Set<string>();
  for (
    let at: object | null = remote;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  for (
    const name of ["constructor", "toString", "jobIds", "isValidJobId", "check", "validate", "map"]
  ) {
    names.delete(name);
  }
  for (const name of names) {
    const method: unknown = Reflect.get(remote, name);
    if (typeof method === "function") {
      Object.defineProperty(store, name, { value: method.bind(remote), configurable: true });
    }
  }
  for (const name of ["bulkIter", "watch", "revision"]) {
    Object.defineProperty(store, name, { value: undefined, configurable: true });
  }
}
