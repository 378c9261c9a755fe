/**
 * Structured data in a collection of MongoDB.
 *
 * @module
 */

import { nameChunks } from "../lib/names.ts";
import {
  MetadataRepository,
  type RepositoryChange,
  type ValidateOptions,
} from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { MongoCollection } from "./mongo_api.ts";
import type { MongoDocuments } from "./mongo_documents.ts";

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
  #documents: MongoDocuments | undefined;
  #opening: Promise<MongoDocuments> | undefined;

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
    const documents = this.#documents ??= await this.#open();
    for await (const names of documents.names()) yield* names;
  }

  /** The same in bulk. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    const documents = this.#documents ??= await this.#open();
    for await (const names of documents.names()) yield* nameChunks(names);
  }

  /** Whether there is a document of the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    const documents = this.#documents ??= await this.#open();
    return await documents.holds(job);
  }

  /** A value. */
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    const documents = this.#documents ??= await this.#open();
    return await documents.get(job) as Data | undefined;
  }

  /** All values, by one query. */
  override async infoAll(): Promise<Map<string, Data | undefined>> {
    const documents = this.#documents ??= await this.#open();
    const all = new Map<string, Data | undefined>();
    for await (const entries of documents.entries()) {
      for (const [job, value] of entries) {
        if (this.isValidJobId(job)) all.set(job, value as Data);
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
    const documents = this.#documents ??= await this.#open();
    await documents.put(job, data);
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
    const documents = this.#documents ??= await this.#open();
    const created = await documents.create(job, data);
    if (created) this.changed({ type: "put", job });
    return created;
  }

  /** Deletes the document of the key. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const documents = this.#documents ??= await this.#open();
    if (await documents.delete(job)) this.changed({ type: "delete", job });
  }

  /**
   * Makes sure that the collection is there and can be read, and makes it if it may.
   *
   * @throws {StoreError} If it cannot be used, or is lacking and not to be made.
   */
  override async validate({ create = true }: ValidateOptions = {}): Promise<void> {
    const documents = this.#documents ??= await this.#open();
    await documents.validate(create);
  }

  /**
   * The changes by whomever, as the server tells them; where it cannot, as one without replicas, a `relist` every
   * {@linkcode pollInterval}.
   */
  override async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const documents = this.#documents ??= await this.#open();
    yield* documents.watch(signal);
  }

  /** How many requests it has sent, those of `watch` not counted. */
  override requestCount(): number {
    return this.#documents?.requests ?? 0;
  }

  /** Its class, and the collection where it is known. */
  override toString(): string {
    try {
      return `<${this.constructor.name} ${access(this.#collection).namespace}>`;
    } catch {
      return super.toString(); // its session is not open
    }
  }

  /** Loads what talks to the server the first time. */
  #open(): Promise<MongoDocuments> {
    return this.#opening ??= import("./mongo_documents.ts").then(({ MongoDocuments }) =>
      new MongoDocuments(this, this.#collection)
    );
  }
}
