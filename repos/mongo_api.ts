/**
 * What the repository needs of a collection of MongoDB: a part of the class `Collection` of its driver, as far as it is
 * called.
 *
 * @module
 */

/** A document, or what tells of one. */
export interface MongoDocument {
  /** Its key. */
  readonly _id?: unknown;
  /** Its other fields. */
  readonly [field: string]: unknown;
}

/** Which documents are meant: all, or that of a key. */
export interface MongoFilter {
  /** The key. */
  readonly _id?: unknown;
}

/** How to read. */
export interface MongoReadOptions {
  /** Which fields to send. */
  readonly projection?: { readonly _id: 1 };
  /** The index to go by. */
  readonly hint?: { readonly _id: 1 };
  /** How many documents to send at once. */
  readonly batchSize?: number;
  /** Which servers may answer. */
  readonly readPreference?: "primary";
}

/** When a write counts as done. */
export interface MongoWriteOptions {
  /** How many servers must have it, and whether on disk. */
  readonly writeConcern?: { readonly w: "majority"; readonly journal: true };
  /** Whether to make the document if it is not there. */
  readonly upsert?: true;
}

/** The documents that were found, batch by batch. */
export interface MongoCursor {
  /** Whether there are more. Asks the server if none is left of the last batch. */
  hasNext(): Promise<boolean>;
  /** What is left of the last batch. */
  readBufferedDocuments(): MongoDocument[];
  /** Ends it. */
  close(): Promise<unknown>;
}

/** A change, as the server tells it. */
export interface MongoChange {
  /** What was done: `insert`, `update`, `replace`, `delete` to a document, something else to the collection. */
  readonly operationType: string;
  /** Which document it was done to. */
  readonly documentKey?: MongoDocument | undefined;
}

/** The changes of a collection as they are made. */
export interface MongoChangeStream {
  /** The next one that is there already, or null. When it answers first, the changes from then on are told. */
  tryNext(): Promise<MongoChange | null>;
  /** Waits for the next one. Throws when the stream is closed. */
  next(): Promise<MongoChange>;
  /** Ends it. */
  close(): Promise<unknown>;
}

/**
 * A collection of MongoDB or of something that speaks like it. A `Collection` of the driver `mongodb` is one, and
 * `mongoClient` of `@datatask/datatask/mongodb` makes clients that have them. Errors are told apart by `code`, as the
 * server numbers them, and by `name`.
 */
export interface MongoCollection {
  /** The database, a dot and its name. */
  readonly namespace: string;
  /** Finds documents. */
  find(filter: MongoFilter, options: MongoReadOptions): MongoCursor;
  /** Finds a document. */
  findOne(filter: MongoFilter, options: MongoReadOptions): Promise<MongoDocument | null>;
  /** Makes a document. */
  insertOne(document: MongoDocument, options: MongoWriteOptions): Promise<unknown>;
  /** Puts a document in the place of another. */
  replaceOne(
    filter: MongoFilter,
    replacement: MongoDocument,
    options: MongoWriteOptions,
  ): Promise<unknown>;
  /** Deletes a document. */
  deleteOne(
    filter?: MongoFilter,
    options?: MongoWriteOptions,
  ): Promise<{ readonly deletedCount: number }>;
  /** Makes an index, unless there is one, and the collection with it. */
  createIndex(index: { readonly _id: 1 }): Promise<unknown>;
  /** Tells of the indexes. Throws code 26 if there is no such collection. */
  indexes(): Promise<unknown>;
  /** Tells of changes. */
  watch(pipeline: []): MongoChangeStream;
}
