/**
 * Databases of the real server, for tests.
 *
 * @module
 */

import { type Collection, MongoClient, type ObjectId } from "mongodb";
import { MongoMetadataRepository } from "../../mod.ts";
import {
  mongoClient,
  type MongoClientOptions,
  type MongoCollection,
  type OpenMongoClient,
} from "../../repos/mongo_client.ts";
import { mongoServer } from "../servers.ts";

/** What tells documents from each other: of ours, a string. */
type DocumentKey = string | number | ObjectId | { readonly c: number };

/** The URL of the server, or of what stands in front of it. */
export function urlOf(host?: string): string {
  const url = new URL(mongoServer.variables.url);
  if (host !== undefined) url.host = host;
  url.searchParams.set("authSource", "admin");
  return url.href;
}

/** A new database, of which everything is gone when it is disposed of. */
export class TestDatabase implements AsyncDisposable {
  readonly name = `datatask-${crypto.randomUUID()}`;
  readonly client: OpenMongoClient;
  readonly #driver: MongoClient;
  #collections = 0;

  private constructor(client: OpenMongoClient, driver: MongoClient) {
    this.client = client;
    this.#driver = driver;
  }

  /** Makes one. */
  static async make(options: MongoClientOptions = {}, host?: string): Promise<TestDatabase> {
    return new TestDatabase(await mongoClient(urlOf(host), options), new MongoClient(urlOf()));
  }

  /** A collection, as repositories use it. */
  collection(name = `c${++this.#collections}`): MongoCollection {
    return this.client.db(this.name).collection(name);
  }

  /** A repository of a collection. */
  repository(name?: string): MongoMetadataRepository {
    return new MongoMetadataRepository(this.collection(name), { pollInterval: 50 });
  }

  /** A collection with nothing of ours, to look behind the repository. */
  behind(name: string): Collection<{ _id: DocumentKey; [field: string]: unknown }> {
    return this.#driver.db(this.name).collection(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.#driver.db(this.name).dropDatabase();
    await this.#driver.close();
  }
}
