/**
 * Sentences on telling of changes by whomever, for stores that do.
 *
 * @module
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import type { Repository, RepositoryChange } from "../../lib/repository.ts";
import { holds, within } from "./checks.ts";
import { forAll, ids } from "./data.ts";
import type { Case, Subject } from "./subject.ts";

/** Collects, from the moment when it is made, the changes that a repository tells of. */
class Watcher implements AsyncDisposable {
  readonly changes: RepositoryChange[] = [];
  readonly #timeout: number;
  readonly #controller = new AbortController();
  readonly #ended: Promise<void>;
  #more = Promise.withResolvers<void>();

  constructor({ repository, timeout }: Subject) {
    this.#timeout = timeout;
    this.#ended = this.#collect(repository);
    this.#ended.catch(() => {}); // told by whoever waits
  }

  /** Makes a change, and waits until it was told, be it as a `relist`. */
  async tells(
    type: "put" | "delete",
    jobs: readonly string[],
    change: () => Promise<void>,
  ): Promise<void> {
    const before = this.changes.length;
    await change();
    for (const job of jobs) {
      await within(this.#sees(before, type, job), this.#timeout, `${type} of "${job}"`);
    }
  }

  /** Ends the watching, which is no error. */
  async end(): Promise<void> {
    this.#controller.abort();
    await within(this.#ended, this.#timeout, "end of the iteration after the abort");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #collect(repository: Repository): Promise<void> {
    for await (const change of watch(repository, this.#controller.signal)) {
      this.changes.push(change);
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
  }

  async #sees(from: number, type: "put" | "delete", job: string): Promise<void> {
    const told = (change: RepositoryChange): boolean =>
      change.type === "relist" || change.type === type && change.job === job;
    while (!this.changes.slice(from).some(told)) {
      const over = this.#ended.then(() => {
        throw new Error("the iteration ended before the abort");
      });
      await Promise.race([this.#more.promise, over]);
    }
  }
}

function watch(repository: Repository, signal: AbortSignal): AsyncIterable<RepositoryChange> {
  const changes = repository.watch?.(signal);
  ok(changes, `${repository} has no watch`);
  return changes;
}

/** What happens while a watcher looks on: each change is made, and waited for. */
async function story(
  watcher: Watcher,
  { put, repository }: { put(job: string): Promise<void>; readonly repository: Repository },
): Promise<void> {
  await watcher.tells("put", ["a"], () => put("a"));
  await watcher.tells("put", ["b"], () => put("b"));
  await watcher.tells("delete", ["a"], () => repository.delete("a"));
  await watcher.tells("put", ["a"], () => put("a"));
  await watcher.tells("put", ids(20), () => forAll(ids(20), put));
}

const watches = ({ repository }: Subject): boolean => repository.watch !== undefined;

export const watchingCases: readonly Case[] = [
  {
    sentence: "watch() tells of each new key and each deletion",
    applies: watches,
    run: async (subject) => {
      await using watcher = new Watcher(subject);
      await story(watcher, subject);
    },
  },
  {
    sentence: "watch() tells of a value that takes the place of another",
    applies: (subject) => watches(subject) && subject.ownPut,
    run: async (subject) => {
      await subject.put("a");
      await using watcher = new Watcher(subject);
      await watcher.tells("put", ["a"], () => subject.put("a"));
    },
  },
  {
    sentence: "watch() tells of deletions by a second repository",
    applies: (subject) => watches(subject) && subject.reopen !== undefined,
    run: async (subject) => {
      const second = await subject.reopen?.();
      ok(second);
      await subject.put("a");
      await using watcher = new Watcher(subject);
      await watcher.tells("delete", ["a"], () => second.delete("a"));
    },
  },
  {
    sentence: "watch() of a second repository tells of changes by the first",
    applies: (subject) => watches(subject) && subject.reopen !== undefined,
    run: async (subject) => {
      const second = await subject.reopen?.();
      ok(second);
      await using watcher = new Watcher({ ...subject, repository: second });
      await story(watcher, subject);
    },
  },
  {
    sentence: "watch() tells of no other keys than those that changed",
    applies: watches,
    run: async (subject) => {
      await using watcher = new Watcher(subject);
      await watcher.tells("put", ["a"], () => subject.put("a"));
      await watcher.tells("put", ["b"], () => subject.put("b"));
      await watcher.tells("delete", ["a"], () => subject.repository.delete("a"));
      const told = watcher.changes.filter((change) => change.type !== "relist").map(({ job }) =>
        job
      );
      deepStrictEqual([...new Set(told)].filter((job) => job !== "a" && job !== "b"), []);
    },
  },
  {
    sentence: "watch() serves several at once, and one that ends leaves the others",
    applies: watches,
    run: async (subject) => {
      await using stays = new Watcher(subject);
      const ends = new Watcher(subject);
      await ends.tells("put", ["a"], () => stays.tells("put", ["a"], () => subject.put("a")));
      await ends.end();
      await stays.tells("put", ["b"], () => subject.put("b"));
    },
  },
  {
    sentence: "watch() ends without an error when its signal is aborted",
    applies: watches,
    run: async (subject) => {
      await new Watcher(subject).end();
      const watcher = new Watcher(subject);
      await watcher.tells("put", ["a"], () => subject.put("a"));
      await watcher.end();
      await holds(subject.repository, "a");
    },
  },
  {
    sentence: "watch() with a signal that was aborted before ends at once",
    applies: watches,
    run: async ({ repository, timeout }) => {
      const changes = Array.fromAsync(watch(repository, AbortSignal.abort()));
      deepStrictEqual(await within(changes, timeout, "end of the iteration"), []);
    },
  },
  {
    sentence: "watch() can be left after one change, and the store goes on",
    applies: watches,
    run: async ({ repository, put, timeout }) => {
      const controller = new AbortController();
      const changes = watch(repository, controller.signal)[Symbol.asyncIterator]();
      const first = changes.next();
      await put("a");
      await within(first, timeout, "change");
      await within(Promise.resolve(changes.return?.()), timeout, "end of the iteration");
      controller.abort();
      await put("b");
      await holds(repository, "a", "b");
    },
  },
];

export const blobWatchingCases: readonly Case<BlobRepository>[] = [
  {
    sentence: "watch() tells nothing of a writer that was aborted",
    applies: watches,
    run: async (subject) => {
      await using watcher = new Watcher(subject);
      await using writer = await subject.repository.open("a", "w");
      await writer.write("value");
      await writer.abort();
      await watcher.tells("put", ["b"], () => subject.put("b"));
      deepStrictEqual(
        watcher.changes.filter((change) => change.type === "put" && change.job === "a"),
        [],
      );
    },
  },
];
