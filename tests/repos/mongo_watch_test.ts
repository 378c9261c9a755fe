import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { RepositoryChange } from "../../lib/repository.ts";
import type { MongoChange, MongoChangeStream, MongoCollection } from "../../repos/mongo_api.ts";
import { watchCollection } from "../../repos/mongo_watch.ts";

// The server of the tests has no change streams, so these are told by a stand-in.

/** A stream that tells what it is given, and waits behind it. */
class Stream implements MongoChangeStream {
  readonly #changes: (MongoChange | Error)[];
  readonly #closed = Promise.withResolvers<never>();
  isClosed = false;

  constructor(changes: readonly (MongoChange | Error)[]) {
    this.#changes = [...changes];
    this.#closed.promise.catch(() => {});
  }

  tryNext(): Promise<MongoChange | null> {
    return this.#changes.length === 0 ? Promise.resolve(null) : this.next();
  }

  next(): Promise<MongoChange> {
    const change = this.#changes.shift();
    if (change instanceof Error) return Promise.reject(change);
    return change === undefined ? this.#closed.promise : Promise.resolve(change);
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.#closed.reject(new Error("ChangeStream is closed"));
    return Promise.resolve();
  }
}

/** What is told of these streams, one after the other, until there are so many changes. */
async function told(count: number, ...streams: Stream[]): Promise<RepositoryChange[]> {
  let opened = 0;
  const collection: Pick<MongoCollection, "watch"> = { watch: () => streams[opened++]! };
  const controller = new AbortController();
  const changes: RepositoryChange[] = [];
  const options = {
    open: () => collection,
    interval: 1,
    isJob: (name: string) => /^\w+$/.test(name),
  };
  for await (const change of watchCollection(options, controller.signal)) {
    if (changes.push(change) === count) controller.abort();
  }
  strictEqual(opened, streams.length);
  deepStrictEqual(streams.map(({ isClosed }) => isClosed), streams.map(() => true));
  return changes;
}

const change = (operationType: string, _id?: unknown): MongoChange =>
  _id === undefined ? { operationType } : { operationType, documentKey: { _id } };

Deno.test("changes of a stream are told by key, behind a relist for what came before", async () => {
  const stream = new Stream([
    change("insert", "a"),
    change("update", "a"),
    change("replace", "b"),
    change("delete", "a"),
    change("insert", 7),
    change("insert", "x/y"),
    change("drop"),
  ]);
  deepStrictEqual(await told(6, stream), [
    { type: "relist" },
    { type: "put", job: "a" },
    { type: "put", job: "a" },
    { type: "put", job: "b" },
    { type: "delete", job: "a" },
    { type: "relist" },
  ]);
});

Deno.test("a stream that breaks off is opened again, and all is listed meanwhile", async () => {
  const broken = new Stream([change("insert", "a"), new Error("history lost")]);
  deepStrictEqual(await told(5, broken, new Stream([change("insert", "b")])), [
    { type: "relist" },
    { type: "put", job: "a" },
    { type: "relist" },
    { type: "relist" },
    { type: "put", job: "b" },
  ]);
});

Deno.test("a stream that cannot be opened is tried again, and all is listed meanwhile", async () => {
  const refused = () => new Stream([new Error("$changeStream is not supported")]);
  deepStrictEqual(await told(3, refused(), refused(), new Stream([])), [
    { type: "relist" },
    { type: "relist" },
    { type: "relist" },
  ]);
});
