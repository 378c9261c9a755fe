/**
 * Hearing of the changes of a collection.
 *
 * @module
 */

import { changes } from "../lib/changes.ts";
import type { RepositoryChange } from "../lib/repository.ts";
import type { MongoChange, MongoChangeStream, MongoCollection } from "./mongo_api.ts";

/** What is watched, and how. */
export interface MongoWatchOptions {
  /** Gives the collection. */
  readonly open: () => Pick<MongoCollection, "watch">;
  /** Milliseconds from one `relist` to the next while the server tells nothing. */
  readonly interval: number;
  /** Whether a string is a job id. */
  readonly isJob: (name: string) => boolean;
}

/**
 * The changes of a collection: as its server tells them, or where it does not, a `relist` at intervals.
 *
 * @param options What is watched, and how.
 * @param signal Ends the iteration.
 * @returns The changes.
 */
export function watchCollection(
  options: MongoWatchOptions,
  signal: AbortSignal,
): AsyncGenerator<RepositoryChange, void, undefined> {
  return changes(signal, (push) => {
    const follower = new Follower(options, push);
    return { [Symbol.dispose]: () => follower.stop() };
  });
}

class Follower {
  readonly #options: MongoWatchOptions;
  readonly #push: (change: RepositoryChange) => void;
  #stream: MongoChangeStream | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: MongoWatchOptions, push: (change: RepositoryChange) => void) {
    this.#options = options;
    this.#push = push;
    this.#follow();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#close();
  }

  /**
   * Whatever goes wrong, the keys are listed instead: if the server is out of reach, that says so better. The stream is
   * tried again each time, for one that broke off, or that the server does not have yet.
   */
  async #follow(): Promise<void> {
    try {
      await this.#tell();
    } catch {
      this.#close();
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#push({ type: "relist" });
      this.#follow();
    }, this.#options.interval);
  }

  /** Tells what the server tells, until that ends. */
  async #tell(): Promise<void> {
    const stream = this.#stream = this.#options.open().watch([]);
    let change = await stream.tryNext();
    this.#push({ type: "relist" }); // for what changed before the server began to tell
    while (!this.#stopped) {
      if (change !== null) this.#take(change);
      change = await stream.next();
    }
  }

  #take({ operationType, documentKey }: MongoChange): void {
    if (documentKey === undefined) return this.#push({ type: "relist" }); // it befell the collection
    const { _id: job } = documentKey;
    if (typeof job !== "string" || !this.#options.isJob(job)) return;
    this.#push({ type: operationType === "delete" ? "delete" : "put", job });
  }

  #close(): void {
    this.#stream?.close().catch(() => {}); // it is given up
    this.#stream = undefined;
  }
}
