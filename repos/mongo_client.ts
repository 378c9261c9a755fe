/**
 * Makes clients of MongoDB, by its driver, which is loaded when the first one is made.
 *
 * @module
 */

import { environment } from "../lib/environment.ts";
import type { MongoCollection } from "./mongo_api.ts";
import { mongoError } from "./mongo_errors.ts";

export type * from "./mongo_api.ts";

/** Options of {@linkcode mongoClient}, by the names of the driver, which is handed on whatever else is given. */
export interface MongoClientOptions {
  /**
   * How long to wait for a server that can be used, in milliseconds.
   *
   * @default {30_000}
   */
  readonly serverSelectionTimeoutMS?: number | undefined;
  /**
   * How long to wait for a connection, in milliseconds.
   *
   * @default {30_000}
   */
  readonly connectTimeoutMS?: number | undefined;
  /**
   * How long to wait for an answer, in milliseconds. A request that was not answered is sent once more.
   *
   * @default {60_000}
   */
  readonly socketTimeoutMS?: number | undefined;
  /** Any other option of the driver's class `MongoClient`. */
  readonly [option: string]: unknown;
}

/** A database. */
export interface MongoDatabase {
  /**
   * Names a collection.
   *
   * @param name Its name.
   * @returns The collection, which need not be there.
   */
  collection(name: string): MongoCollection;
}

/** A client with connections that have to be closed. */
export interface OpenMongoClient extends AsyncDisposable {
  /**
   * Names a database.
   *
   * @param name Its name. That in the URL, if it is not given.
   * @returns The database, which need not be there.
   */
  db(name?: string): MongoDatabase;
  /** Closes the connections. */
  close(): Promise<void>;
}

/**
 * Makes a client, which a session can hold as a resource, and connects it.
 *
 * @param url Where the servers are, who asks, and how. `MONGODB_URI` of the environment, if it is not given.
 * @param options What is not in the URL.
 * @returns The client. To be disposed of.
 * @throws {TypeError} If there is no URL.
 * @throws {StoreError} If it cannot connect.
 * @throws {Error} If the driver takes the URL or an option for wrong.
 *
 * @example Usage
 * ```ts ignore
 * import { MongoMetadataRepository, Session } from "@datatask/datatask";
 * import { mongoClient } from "@datatask/datatask/mongodb";
 *
 * const session = new Session();
 * const client = session.resource(() => mongoClient("mongodb://localhost", { socketTimeoutMS: 5000 }));
 * const done = new MongoMetadataRepository(() => client().db("library").collection("done"));
 * ```
 */
export async function mongoClient(
  url: string | undefined = environment("MONGODB_URI"),
  options: MongoClientOptions = {},
): Promise<OpenMongoClient> {
  if (!url) {
    throw new TypeError(
      "Cannot make a client of MongoDB without a URL; give it as first argument, or set MONGODB_URI",
    );
  }
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(url, { socketTimeoutMS: 60_000, ...given(options) });
  try {
    return await client.connect(); // one that connects when it is used does not try again if that fails
  } catch (error) {
    await client.close();
    throw mongoError(`connect to MongoDB at ${client.options.hosts.join(",")}`, error);
  }
}

/** The options that are given: one that is undefined is not. */
function given(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
