/**
 * Sentences on telling of changes that are made through the repository itself.
 *
 * @module
 */

import { deepStrictEqual, rejects } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { JobIdError } from "../../lib/errors.ts";
import type { Repository, RepositoryChange } from "../../lib/repository.ts";
import { forAll, ids, REFUSED_IDS } from "./data.ts";
import type { Case, Subject } from "./subject.ts";

/** Notes what a repository tells, and what it says of the key when it is asked at that moment. */
class Listener implements AsyncDisposable {
  readonly changes: RepositoryChange[] = [];
  readonly #contained: Promise<boolean>[] = [];
  readonly #subscription: Disposable;

  constructor(repository: Repository) {
    this.#subscription = repository.subscribe((change) => {
      this.changes.push(change);
      if (change.type !== "relist") this.#contained.push(repository.contains(change.job));
    });
  }

  /** What `contains` said, change by change. */
  contained(): Promise<boolean[]> {
    return Promise.all(this.#contained);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    await this.contained(); // what was asked is answered before the store is given back
  }
}

const ownPut = ({ ownPut }: Subject): boolean => ownPut;

export const subscribingCases: readonly Case[] = [
  {
    sentence: "subscribe() tells of a deletion, once, after it happened",
    run: async ({ repository, put }) => {
      await put("a");
      await using listener = new Listener(repository);
      await repository.delete("a");
      deepStrictEqual(listener.changes, [{ type: "delete", job: "a" }]);
      deepStrictEqual(await listener.contained(), [false]);
    },
  },
  {
    sentence: "subscribe() tells of a new value, once, after it was stored",
    applies: ownPut,
    run: async ({ repository, put }) => {
      await using listener = new Listener(repository);
      await put("a");
      deepStrictEqual(listener.changes, [{ type: "put", job: "a" }]);
      deepStrictEqual(await listener.contained(), [true]);
    },
  },
  {
    sentence: "subscribe() tells of a value that takes the place of another",
    applies: ownPut,
    run: async ({ repository, put }) => {
      await put("a");
      await using listener = new Listener(repository);
      await put("a");
      deepStrictEqual(listener.changes, [{ type: "put", job: "a" }]);
      deepStrictEqual(await listener.contained(), [true]);
    },
  },
  {
    sentence: "subscribe() tells every listener of every change",
    applies: ownPut,
    run: async ({ repository, put }) => {
      await using one = new Listener(repository);
      await using other = new Listener(repository);
      await forAll(ids(20), put);
      const told = one.changes.map((change) => change.type === "put" ? change.job : change.type);
      deepStrictEqual(told.sort(), ids(20));
      deepStrictEqual(other.changes, one.changes);
      await Promise.all([one.contained(), other.contained()]);
    },
  },
  {
    sentence: "subscribe() tells nothing of a job that was refused",
    run: async ({ repository }) => {
      await using listener = new Listener(repository);
      for (const job of REFUSED_IDS) {
        if (!repository.isValidJobId(job)) {
          await rejects(async () => await repository.delete(job), JobIdError);
        }
      }
      deepStrictEqual(listener.changes, []);
    },
  },
  {
    sentence: "a listener that was disposed of is told nothing more",
    run: async ({ repository, put }) => {
      await put("a");
      const listener = new Listener(repository);
      await listener[Symbol.asyncDispose]();
      await repository.delete("a");
      await put("b");
      deepStrictEqual(listener.changes, []);
    },
  },
];

export const blobSubscribingCases: readonly Case<BlobRepository>[] = [
  {
    sentence: "subscribe() tells nothing of a writer that is under way, aborted or disposed of",
    run: async ({ repository }) => {
      await using listener = new Listener(repository);
      {
        await using left = await repository.open("a", "w");
        await left.write("left");
        await using aborted = await repository.open("b", "wb");
        await aborted.write(new Uint8Array(10));
        await aborted.abort();
      }
      deepStrictEqual(listener.changes, []);
    },
  },
  {
    sentence: "subscribe() tells of a writer when it was closed",
    run: async ({ repository }) => {
      await using listener = new Listener(repository);
      await using writer = await repository.open("a", "w");
      await writer.write("value");
      deepStrictEqual(listener.changes, []);
      await writer.close();
      deepStrictEqual(listener.changes, [{ type: "put", job: "a" }]);
      deepStrictEqual(await listener.contained(), [true]);
    },
  },
];
