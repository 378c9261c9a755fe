/**
 * Values that are objects in a bucket of S3.
 *
 * @module
 */

import { BlobRepository } from "../lib/blob_repository.ts";
import { nameChunks } from "../lib/names.ts";
import type { ValidateOptions } from "../lib/repository.ts";
import type { Accessor } from "../lib/session.ts";
import type { S3Client } from "./s3_api.ts";
import type { S3Objects } from "./s3_objects.ts";

/** Options of a {@linkcode S3BucketRepository}. */
export interface S3BucketRepositoryOptions {
  /**
   * What the key of each object begins with, before the job: often a path that ends in `/`.
   *
   * @default {""}
   */
  readonly prefix?: string;
  /**
   * What the key of each object ends with, behind the job.
   *
   * @default {""}
   */
  readonly suffix?: string;
  /**
   * The MIME type of the objects that are written.
   *
   * @default {"application/octet-stream"}
   */
  readonly mimetype?: string;
  /**
   * The URL by which jobs in a cluster reach the server, for {@linkcode S3BucketInfo.endpoint}. That of the client, if it
   * is not given.
   */
  readonly inclusterEndpoint?: string;
}

/** Where {@linkcode S3BucketRepository} keeps a value. As a string, it is its URI. */
export class S3BucketInfo {
  /** The URL of the server. */
  readonly endpoint: string;
  /** The URI of the object: `s3://`, the bucket, a slash and the key. */
  readonly uri: string;
  /** The bucket. */
  readonly bucket: string;
  /** What stands before the job in the key. */
  readonly prefix: string;
  /** What stands behind it. */
  readonly suffix: string;

  /**
   * Makes one.
   *
   * @param endpoint The URL of the server.
   * @param uri The URI of the object.
   * @param bucket The bucket.
   * @param prefix What stands before the job in the key.
   * @param suffix What stands behind it.
   */
  constructor(endpoint: string, uri: string, bucket: string, prefix: string, suffix: string) {
    this.endpoint = endpoint;
    this.uri = uri;
    this.bucket = bucket;
    this.prefix = prefix;
    this.suffix = suffix;
  }

  /** The URI. */
  toString(): string {
    return this.uri;
  }
}

/**
 * A repository whose values are the objects of a bucket: the key `moby` is the object `moby` between prefix and suffix.
 *
 * Objects without prefix and suffix, and those with a further `/` in between, are not its business. Values of any size
 * are streamed, those above 8 MiB in parts, of which up to four are in memory. An object appears, or is replaced, in one
 * step when its writer is closed. What a writer that was killed left at the server is cleared by `validate` in a later
 * run on this machine, or a week later in a run on any; a lifecycle rule of the bucket can do it as well.
 *
 * Requests are repeated as the client does it; reading goes on where an answer broke off.
 *
 * @example Usage
 * ```ts ignore
 * import { S3BucketRepository, Session } from "@datatask/datatask";
 * import { s3Client } from "@datatask/datatask/s3";
 *
 * const session = new Session();
 * const client = session.resource(() => s3Client({ region: "eu-central-1" }));
 * const books = new S3BucketRepository(client, "library", { prefix: "books/", suffix: ".txt" });
 *
 * await session.open();
 * await books.writeText("moby", "Call me Ishmael.");
 * await session.close();
 * ```
 */
export class S3BucketRepository extends BlobRepository<S3BucketInfo> {
  /** The bucket. */
  readonly bucket: string;
  /** What the key of each object begins with. */
  readonly prefix: string;
  /** What the key of each object ends with. */
  readonly suffix: string;
  /** The MIME type of the objects that are written. */
  readonly mimetype: string;
  /** The URL by which jobs in a cluster reach the server. */
  readonly inclusterEndpoint: string | undefined;
  readonly #client: Accessor<S3Client>;
  #objects: S3Objects | undefined;
  #opening: Promise<S3Objects> | undefined;

  /**
   * Makes a repository. The server is not asked for anything.
   *
   * @param client Anything shaped like the `S3` of the AWS SDK, or a function that gives it when it is needed, such as a
   * resource of a session.
   * @param bucket The bucket.
   * @param options How keys of objects are made of jobs, and what else is known of them.
   * @throws {TypeError} If `bucket` is empty.
   */
  constructor(
    client: Accessor<S3Client>,
    bucket: string,
    options: S3BucketRepositoryOptions = {},
  ) {
    super();
    if (typeof bucket !== "string" || bucket === "") {
      throw new TypeError(
        "Cannot keep values in a bucket without a name; give its name as second argument",
      );
    }
    this.#client = client;
    this.bucket = bucket;
    this.prefix = options.prefix ?? "";
    this.suffix = options.suffix ?? "";
    this.mimetype = options.mimetype ?? "application/octet-stream";
    this.inclusterEndpoint = options.inclusterEndpoint;
  }

  /** What stands between prefix and suffix, wherever it could be a job. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const objects = this.#objects ??= await this.#open();
    for await (const page of objects.pages()) yield* page;
  }

  /** The same in bulk. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    const objects = this.#objects ??= await this.#open();
    for await (const page of objects.pages()) yield* nameChunks(page);
  }

  /** Whether there is an object of the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    return await objects.holds(job);
  }

  /** Where the object of a key is, or would be. */
  override async info(job: string): Promise<S3BucketInfo> {
    this.check(job);
    const { bucket, prefix, suffix } = this;
    const uri = `s3://${bucket}/${prefix}${job}${suffix}`;
    const endpoint = this.inclusterEndpoint ??
      await (this.#objects ??= await this.#open()).endpoint(job);
    return new S3BucketInfo(endpoint, uri, bucket, prefix, suffix);
  }

  /** Deletes the object of a key. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    await objects.delete(job);
    this.changed({ type: "delete", job });
  }

  /**
   * Makes sure that the bucket can be listed. Makes it if it is lacking and may be made. If it may be written, ends the
   * uploads that a killed run on this machine left in it and, once a day, those of others that are a week old.
   *
   * @param options Whether to make the bucket.
   * @throws {StoreError} If it cannot be used.
   */
  override async validate(options?: ValidateOptions): Promise<void> {
    const objects = this.#objects ??= await this.#open();
    await objects.validate(options);
  }

  /** The object of a key as a stream. */
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    return await objects.readable(job);
  }

  /** The whole object of a key. */
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    return await objects.readBytes(job);
  }

  /** A stream that stores a new object, which appears when it is closed. */
  override async writable(job: string): Promise<WritableStream<Uint8Array>> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    return await objects.writable(job, () => this.changed({ type: "put", job }));
  }

  /** Stores the bytes as an object: in one request, if they are not too many. */
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    this.check(job);
    const objects = this.#objects ??= await this.#open();
    if (!await objects.put(job, data)) return await super.writeBytes(job, data);
    this.changed({ type: "put", job });
  }

  /**
   * Stores a whole value unless there is one: of many that do so at once, whatever process they belong to, one succeeds.
   *
   * @param job The key.
   * @param data The value; text as UTF-8. It is sent in one request, so 5 GiB are the most.
   * @returns True if it was stored; false if there is one already.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If it cannot be stored, or if the server knows no conditional writes.
   */
  async create(job: string, data: Uint8Array | string): Promise<boolean> {
    this.check(job);
    const body = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const objects = this.#objects ??= await this.#open();
    const created = await objects.create(job, body);
    if (created) this.changed({ type: "put", job });
    return created;
  }

  /** How many requests it has made, without those that the client repeated. What is shared counts for who was first. */
  override requestCount(): number {
    return this.#objects?.requests ?? 0;
  }

  /** Its class, its bucket, prefix and suffix. */
  override toString(): string {
    return `<${this.constructor.name} s3://${this.bucket}/${this.prefix}*${this.suffix}>`;
  }

  /** Loads what talks to the server the first time. */
  #open(): Promise<S3Objects> {
    return this.#opening ??= import("./s3_objects.ts").then(({ S3Objects }) =>
      new S3Objects(this, this.#client)
    );
  }
}
