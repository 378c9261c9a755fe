/**
 * Structured data in a collection of MongoDB.
 *
 * @module
 */

import { DataError } from "../lib/errors.ts";
import { nameChunks } from "../lib/names.ts";
import {
  MetadataRepository,
  type RepositoryChange,
  type ValidateOptions,
} from "../lib/repository.ts";
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

/** Options of a {@linkcode MongoMetadataRepository}. */
export interface MongoMetadataRepositoryOptions {
  /**
   * How often the collection is listed while it is watched and the server has no change streams, in milliseconds.
   *
   * @default {10_000}
   */
  readonly pollInterval?: number;
}

/**
 * A metadata repository in a collection of MongoDB, or of a server that speaks like it: a value is a document, whose
 * `_id` is the key and no part of the value.
 *
 * A value is an object, as a document is a mapping: its fields are strings, numbers, booleans, null, dates, arrays and
 * plain objects, with names at the top that do not begin with `$`; together up to 16 MiB. An integer that others stored
 * and a number does not hold exactly is read as a bigint. A document whose `_id` is no string is not listed.
 *
 * Writes are done when most servers of the set have them on disk, and all is read from the primary. How long a request
 * may take, and how often it is repeated, is up to the client.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts ignore
 * import { MongoMetadataRepository, Session } from "@datatask/datatask";
 * import { mongoClient } from "@datatask/datatask/mongodb";
 *
 * const session = new Session();
 * const client = session.resource(() => mongoClient("mongodb://localhost"));
 * const done = new MongoMetadataRepository(() => client().db("library").collection("done"));
 *
 * await session.open();
 * await done.dump("moby", { success: true });
 * await session.close();
 * ```
 */
export class MongoMetadataRepository<Data = unknown> extends MetadataRepository<Data> {
  /** How often the collection is listed while it is watched and the server has no change streams, in milliseconds. */
  readonly pollInterval: number;
  readonly #collection: Accessor<MongoCollection>;
  #requests = 0;

  /**
   * Makes a repository. The server is not asked for anything.
   *
   * @param collection Anything shaped like a `Collection` of the driver, or a function that gives it when it is needed.
   * @param options How it is watched.
   */
  constructor(
    collection: Accessor<MongoCollection>,
    options: MongoMetadataRepositoryOptions = {},
  ) {
    super();
    this.#collection = collection;
    this.pollInterval = options.pollInterval ?? 10_000;
  }

  /** The keys in the collection; what is in it under another key than a string is named so that it is no job id. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    for await (const documents of this.#batches(KEYS)) yield* documents.map(nameOf);
  }

  /** The same in bulk. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const documents of this.#batches(KEYS)) yield* nameChunks(documents.map(nameOf));
  }

  /** Whether there is a document of the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.#find(`look for "${job}" in ${this}`, job, KEYS) !== null;
  }

  /** A value. */
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    const document = await this.#find(`read "${job}" from ${this}`, job, READ);
    return document === null ? undefined : dataOf(document);
  }

  /** All values, by one query. */
  override async infoAll(): Promise<Map<string, Data | undefined>> {
    const all = new Map<string, Data | undefined>();
    for await (const documents of this.#batches(READ)) {
      for (const document of documents) {
        const job = nameOf(document);
        if (this.isValidJobId(job)) all.set(job, dataOf(document));
        else this.warnOfName(job);
      }
    }
    return all;
  }

  /**
   * Stores a value.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If there is no document of the value: it is no object, too large, or has what MongoDB has no words
   * for.
   * @throws {StoreError} If it cannot be stored, or if it is not known whether it is.
   */
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    const document = this.#documentOf(job, data);
    await this.#request(`write "${job}" to ${this}`, async (collection) => {
      const replace = () =>
        collection.replaceOne({ _id: job }, document, { ...SAFE, upsert: true });
      try {
        return await replace();
      } catch (error) {
        if (codeOf(error) !== DUPLICATE_KEY) throw error;
        return await replace(); // somebody made it in between, so now it is there to be replaced
      }
    });
    this.changed({ type: "put", job });
  }

  /**
   * Stores a value unless there is one: of many that do so at once, whatever process they belong to, one succeeds.
   *
   * @param job The key.
   * @param data The value.
   * @returns True if it was stored; false if there is one already.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If there is no document of the value.
   * @throws {StoreError} If it cannot be stored, or if it is not known whether it is.
   */
  async create(job: string, data: Data): Promise<boolean> {
    this.check(job);
    const document = this.#documentOf(job, data);
    const created = await this.#request(`create "${job}" in ${this}`, async (collection) => {
      try {
        await collection.insertOne(document, SAFE); // an upsert may tell several that they made it
        return true;
      } catch (error) {
        if (codeOf(error) !== DUPLICATE_KEY) throw error;
        return false;
      }
    });
    if (created) this.changed({ type: "put", job });
    return created;
  }

  /** Deletes the document of the key. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const { deletedCount } = await this.#request(
      `delete "${job}" from ${this}`,
      (collection) => collection.deleteOne({ _id: job }, SAFE),
    );
    if (deletedCount > 0) this.changed({ type: "delete", job });
  }

  /**
   * Makes sure that the collection is there and can be read, and makes it if it may.
   *
   * @throws {StoreError} If it cannot be used, or is lacking and not to be made.
   */
  override async validate({ create = true }: ValidateOptions = {}): Promise<void> {
    await this.#request(`use ${this}`, async (collection) => {
      try {
        await collection.indexes();
      } catch (error) {
        if (!create || codeOf(error) !== NO_COLLECTION) throw error;
        this.#requests++;
        await collection.createIndex({ _id: 1 }); // every collection has it, so nothing else is made
      }
    });
  }

  /**
   * The changes by whomever, as the server tells them; where it cannot, as one without replicas, a `relist` every
   * {@linkcode pollInterval}.
   */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return watchCollection({
      open: () => access(this.#collection),
      interval: this.pollInterval,
      isJob: (name) => this.isValidJobId(name),
    }, signal);
  }

  /** How many requests it has sent, those of `watch` not counted. */
  override requestCount(): number {
    return this.#requests;
  }

  /** Its class, and the collection where it is known. */
  override toString(): string {
    try {
      return `<${this.constructor.name} ${access(this.#collection).namespace}>`;
    } catch {
      return super.toString(); // its session is not open
    }
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
    const doing = `list ${this}`;
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
      this.#requests += Math.max(batches, 1);
      await cursor.close().catch(() => {}); // which ends it at the server, if that can be reached
    }
  }

  #documentOf(job: string, data: unknown): MongoDocument {
    try {
      return toDocument(job, data);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new DataError(`Cannot write "${job}" to ${this}: ${cause.message}`, { cause });
    }
  }

  async #request<T>(
    doing: string,
    act: (collection: MongoCollection) => Promise<T>,
  ): Promise<T> {
    const collection = access(this.#collection);
    this.#requests++;
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

function dataOf<Data>(document: MongoDocument): Data {
  return fromDocument(document) as Data;
}
