/**
 * Values that are objects in a bucket of S3.
 *
 * @module
 */

import { BlobRepository } from "../lib/blob_repository.ts";
import { NotFoundError, StoreError } from "../lib/errors.ts";
import { nameChunks } from "../lib/names.ts";
import type { ValidateOptions } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { S3Client, S3NewObject, S3ObjectName } from "./s3_api.ts";
import { counting } from "./s3_counting.ts";
import type { S3Download } from "./s3_download.ts";
import { endpointOf } from "./s3_endpoint.ts";
import { codeOf, requireObject, s3Error, statusOf } from "./s3_errors.ts";
import { PART_SIZE } from "./s3_part_size.ts";
import type { UploadNote } from "./s3_upload_notes.ts";

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
  #counted: { readonly client: S3Client; readonly counting: S3Client } | undefined;
  #requests = 0;
  #clearedOld = false;

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
    for await (const page of this.#pages()) yield* page;
  }

  /** The same in bulk. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const page of this.#pages()) yield* nameChunks(page);
  }

  /** Whether there is an object of the key. */
  override async contains(job: string): Promise<boolean> {
    const object = this.#objectOf(job);
    return await this.#attempt(`look for "${job}" in ${this}`, async (client) => {
      try {
        requireObject(await client.headObject(object));
        return true;
      } catch (error) {
        if (!await this.#isAbsence(client, error, object)) throw error;
        return false;
      }
    });
  }

  /** Where the object of a key is, or would be. */
  override async info(job: string): Promise<S3BucketInfo> {
    const { Key } = this.#objectOf(job);
    const endpoint = this.inclusterEndpoint ??
      await this.#attempt(`tell where "${job}" is in ${this}`, endpointOf);
    const { bucket, prefix, suffix } = this;
    return new S3BucketInfo(endpoint, `s3://${bucket}/${Key}`, bucket, prefix, suffix);
  }

  /** Deletes the object of a key. */
  override async delete(job: string): Promise<void> {
    const object = this.#objectOf(job);
    await this.#attempt(`delete "${job}" from ${this}`, async (client) => {
      try {
        await client.deleteObject(object);
      } catch (error) {
        if (!await this.#isAbsence(client, error, object)) throw error;
      }
    });
    this.changed({ type: "delete", job });
  }

  /**
   * Makes sure that the bucket can be listed. Makes it if it is lacking and may be made. If it may be written, ends the
   * uploads that a killed run on this machine left in it and, once a day, those of others that are a week old.
   *
   * @param options Whether to make the bucket.
   * @throws {StoreError} If it cannot be used.
   */
  override async validate(options: ValidateOptions = {}): Promise<void> {
    const { create = true } = options;
    await this.#attempt(`use ${this}`, async (client) => {
      const { checkBucket } = await import("./s3_listing.ts");
      try {
        await checkBucket(client, this);
      } catch (error) {
        if (!create || statusOf(error) !== 404 && codeOf(error) !== "NoSuchBucket") throw error;
        await this.#createBucket(client);
      }
      if (!create) return;
      const { clearDeadUploads, clearOldUploadsOnceADay } = await import("./s3_dead_uploads.ts");
      const place = await endpointOf(client);
      await clearDeadUploads(client, place, this.bucket);
      await clearOldUploadsOnceADay(client, place, this);
    });
  }

  /** The object of a key as a stream. */
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    const doing = this.#reading(job);
    const download = await this.#download(job);
    return new ReadableStream({
      pull: async (controller) => {
        const bytes = await this.#attempt(doing, () => download.read());
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
      cancel: () => download.cancel(),
    }, { highWaterMark: 0 });
  }

  /** The whole object of a key. */
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    const download = await this.#download(job);
    return await this.#attempt(this.#reading(job), () => download.readAll());
  }

  /** A stream that stores a new object, which appears when it is closed. */
  override async writable(job: string): Promise<WritableStream<Uint8Array>> {
    const doing = `write "${job}" to ${this}`;
    const object = this.#newObjectOf(job);
    const client = this.#access();
    const { S3Upload } = await import("./s3_upload.ts");
    const upload = new S3Upload(client, object, () => this.#beginUpload(client, object.Key));
    return new WritableStream({
      start: ({ signal }) => signal.addEventListener("abort", () => upload.cancel()),
      write: (chunk) => this.#attempt(doing, () => upload.write(chunk)),
      close: async () => {
        await this.#attempt(doing, () => upload.commit());
        this.changed({ type: "put", job });
      },
      abort: () => upload.discard(),
    });
  }

  /** Stores the bytes as an object: in one request, if they are not too many. */
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    if (data.length > PART_SIZE) return await super.writeBytes(job, data);
    const object = this.#newObjectOf(job);
    await this.#attempt(
      `write "${job}" to ${this}`,
      (client) => client.putObject({ ...object, Body: data }),
    );
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
    const object = this.#newObjectOf(job);
    const body = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const { createObject } = await import("./s3_upload.ts");
    const created = await this.#attempt(
      `create "${job}" in ${this}`,
      (client) => createObject(client, object, body),
    );
    if (created) this.changed({ type: "put", job });
    return created;
  }

  /** How many requests it has made, without those that the client repeated. What is shared counts for who was first. */
  override requestCount(): number {
    return this.#requests;
  }

  /** Its class, its bucket, prefix and suffix. */
  override toString(): string {
    return `<${this.constructor.name} s3://${this.bucket}/${this.prefix}*${this.suffix}>`;
  }

  /** The client, which counts. */
  #access(): S3Client {
    const client = access(this.#client);
    if (this.#counted?.client !== client) {
      this.#counted = { client, counting: counting(client, () => void this.#requests++) };
    }
    return this.#counted.counting;
  }

  async *#pages(): AsyncGenerator<string[], void, undefined> {
    const { listNames } = await import("./s3_shared_listing.ts");
    const pages = listNames(this.#access(), this);
    for (;;) {
      const { done, value } = await this.#attempt(`list ${this}`, () => pages.next());
      if (done) return;
      yield value;
    }
  }

  /** Whether an answer says that there is no such object. It may say just that something is not there. */
  async #isAbsence(client: S3Client, error: unknown, { Key }: S3ObjectName): Promise<boolean> {
    if (codeOf(error) === "NoSuchKey") return true;
    if (statusOf(error) !== 404 || codeOf(error) === "NoSuchBucket") return false;
    await this.#requireBucket(client, Key);
    return true;
  }

  async #requireBucket(client: S3Client, key: string): Promise<void> {
    const { probeBucket } = await import("./s3_listing.ts");
    try {
      await probeBucket(client, this.bucket, key);
    } catch (error) {
      throw statusOf(error) === 404
        ? new StoreError(
          `Cannot use ${this}: there is no such bucket; create it or correct its name`,
          { cause: error },
        )
        : error;
    }
  }

  async #createBucket(client: S3Client): Promise<void> {
    try {
      await client.createBucket({ Bucket: this.bucket });
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      // Somebody else was faster. Whether it is ours is told in different words, but it can be listed if it is.
      await client.headBucket({ Bucket: this.bucket }).catch(() => {
        throw error;
      });
    }
  }

  /** Begins to read the object of a key. */
  async #download(job: string): Promise<S3Download> {
    const object = this.#objectOf(job);
    const { S3Download } = await import("./s3_download.ts");
    return await this.#attempt(this.#reading(job), async (client) => {
      const download = new S3Download(client, object);
      try {
        await download.open();
      } catch (error) {
        if (!await this.#isAbsence(client, error, object)) throw error;
        throw new NotFoundError(job, String(this), { cause: error });
      }
      return download;
    });
  }

  #reading(job: string): string {
    return `read "${job}" from ${this}`;
  }

  /** Notes that an upload in parts begins; the first time, clears what nobody will ever finish. */
  async #beginUpload(client: S3Client, key: string): Promise<UploadNote | undefined> {
    if (!this.#clearedOld) {
      this.#clearedOld = true;
      const { clearOldUploads } = await import("./s3_dead_uploads.ts");
      await clearOldUploads(client, this);
    }
    const { noteUpload } = await import("./s3_upload_notes.ts");
    return noteUpload({ place: await endpointOf(client), bucket: this.bucket, key });
  }

  #objectOf(job: string): S3ObjectName {
    this.check(job);
    return { Bucket: this.bucket, Key: `${this.prefix}${job}${this.suffix}` };
  }

  #newObjectOf(job: string): S3NewObject {
    return { ...this.#objectOf(job), ContentType: this.mimetype };
  }

  async #attempt<T>(doing: string, act: (client: S3Client) => Promise<T>): Promise<T> {
    const client = this.#access();
    try {
      return await act(client);
    } catch (error) {
      if (error instanceof StoreError || error instanceof NotFoundError) throw error;
      throw s3Error(doing, error);
    }
  }
}
