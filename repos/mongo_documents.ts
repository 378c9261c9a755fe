/**
 * The documents of a collection of MongoDB, by their keys.
 *
 * @module
 */

import { DataError } from "../lib/errors.ts";
import type { RepositoryChange } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { MongoCollection, MongoDocument, MongoReadOptions } from "./mongo_api.ts";
import { fromDocument, toDocument } from "./mongo_document.ts";
import { codeOf, mongoError } from "./mongo_errors.ts";
import { watchCollection } from "./mongo_watch.ts";

/** What is read decides whether jobs are started, so it is read where it is written. */
const READ: MongoReadOptions = { readPreference: "primary" };

/** What reads keys out of the index, without their documents. */
const KEYS: MongoReadOptions = { ...READ, projection: { _id: 1 } };

/** How many documents are sent at once: with fewer, a listing takes longer, and hardly less with more. */
const BATCH = 10_000;

/** A write that counts as done is on the disks of most servers. */
const SAFE = { writeConcern: { w: "majority", journal: true } } as const;

/** What the server says of a key that is there already, and of a collection that is not. */
const DUPLICATE_KEY = 11000;
const NO_COLLECTION = 26;

/** Whose documents they are. */
export interface MongoDocumentsOwner {
  /** How often the collection is listed while it is watched and the server has no change streams, in milliseconds. */
  readonly pollInterval: number;
  /** Whether a string is a job id. */
  isValidJobId(name: string): boolean;
  /** What they are called in messages. */
  toString(): string;
}

/** The documents, and the collection that is asked for them. */
export class MongoDocuments {
  /** How many requests were sent for them, those of {@linkcode watch} not counted. */
  requests = 0;
  readonly #owner: MongoDocumentsOwner;
  readonly #collection: Accessor<MongoCollection>;

  /**
   * Asks for nothing.
   *
   * @param owner Whose they are.
   * @param collection The collection, or what gives it when it is needed.
   */
  constructor(owner: MongoDocumentsOwner, collection: Accessor<MongoCollection>) {
    this.#owner = owner;
    this.#collection = collection;
  }

  /** The names of all, batch by batch. That of one whose `_id` is no string is made so that it is no job id. */
  async *names(): AsyncGenerator<string[], void, undefined> {
    for await (const documents of this.#batches(KEYS)) yield documents.map(nameOf);
  }

  /** The names and the values of all, batch by batch. */
  async *entries(): AsyncGenerator<(readonly [name: string, value: object])[], void, undefined> {
    for await (const documents of this.#batches(READ)) {
      yield documents.map((document) => [nameOf(document), fromDocument(document)]);
    }
  }

  /** Whether there is one of a key. */
  async holds(job: string): Promise<boolean> {
    return await this.#find(`look for "${job}" in ${this.#owner}`, job, KEYS) !== null;
  }

  /** The value of a key; undefined if there is none. */
  async get(job: string): Promise<object | undefined> {
    const document = await this.#find(`read "${job}" from ${this.#owner}`, job, READ);
    return document === null ? undefined : fromDocument(document);
  }

  /** Stores a value. */
  async put(job: string, data: unknown): Promise<void> {
    const document = this.#documentOf(job, data);
    await this.#request(`write "${job}" to ${this.#owner}`, async (collection) => {
      const replace = () =>
        collection.replaceOne({ _id: job }, document, { ...SAFE, upsert: true });
      try {
        return await replace();
      } catch (error) {
        if (codeOf(error) !== DUPLICATE_KEY) throw error;
        return await replace(); // somebody made it in between, so now it is there to be replaced
      }
    });
  }

  /** Stores a value unless there is one, and says whether it did. */
  async create(job: string, data: unknown): Promise<boolean> {
    const document = this.#documentOf(job, data);
    return await this.#request(`create "${job}" in ${this.#owner}`, async (collection) => {
      try {
        await collection.insertOne(document, SAFE); // an upsert may tell several that they made it
        return true;
      } catch (error) {
        if (codeOf(error) !== DUPLICATE_KEY) throw error;
        return false;
      }
    });
  }

  /** Deletes the document of a key, and says whether there was one. */
  async delete(job: string): Promise<boolean> {
    const { deletedCount } = await this.#request(
      `delete "${job}" from ${this.#owner}`,
      (collection) => collection.deleteOne({ _id: job }, SAFE),
    );
    return deletedCount > 0;
  }

  /** Makes sure that the collection is there and can be read, and makes it if it may. */
  async validate(create: boolean): Promise<void> {
    await this.#request(`use ${this.#owner}`, async (collection) => {
      try {
        await collection.indexes();
      } catch (error) {
        if (!create || codeOf(error) !== NO_COLLECTION) throw error;
        this.requests++;
        await collection.createIndex({ _id: 1 }); // every collection has it, so nothing else is made
      }
    });
  }

  /** The changes by whomever. */
  watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return watchCollection({
      open: () => access(this.#collection),
      interval: this.#owner.pollInterval,
      isJob: (name) => this.#owner.isValidJobId(name),
    }, signal);
  }

  async #find(
    doing: string,
    job: string,
    options: MongoReadOptions,
  ): Promise<MongoDocument | null> {
    return await this.#request(
      doing,
      (collection) => collection.findOne({ _id: job }, options),
    );
  }

  async *#batches(options: MongoReadOptions): AsyncGenerator<MongoDocument[], void, undefined> {
    const doing = `list ${this.#owner}`;
    // The order of the index: what is there all the time is passed once, whatever is written meanwhile.
    const order = { hint: { _id: 1 }, batchSize: BATCH } as const;
    const cursor = access(this.#collection).find({}, { ...options, ...order });
    let batches = 0;
    try {
      while (await this.#attempt(doing, () => cursor.hasNext())) {
        batches++;
        yield cursor.readBufferedDocuments();
      }
    } finally {
      this.requests += Math.max(batches, 1);
      await cursor.close().catch(() => {}); // which ends it at the server, if that can be reached
    }
  }

  #documentOf(job: string, data: unknown): MongoDocument {
    try {
      return toDocument(job, data);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new DataError(`Cannot write "${job}" to ${this.#owner}: ${cause.message}`, { cause });
    }
  }

  async #request<T>(
    doing: string,
    act: (collection: MongoCollection) => Promise<T>,
  ): Promise<T> {
    const collection = access(this.#collection);
    this.requests++;
    return await this.#attempt(doing, () => act(collection));
  }

  async #attempt<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw mongoError(doing, error);
    }
  }
}

/** The key of a document. One that is no string is shown in a way that no job id looks like. */
function nameOf({ _id }: MongoDocument): string {
  return typeof _id === "string" ? _id : `${Deno.inspect(_id)} (no string)`;
}
