/**
 * The objects of one part of a bucket, by the jobs that their keys stand for.
 *
 * @module
 */

import { NotFoundError, StoreError } from "../lib/errors.ts";
import type { ValidateOptions } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { S3Client, S3NewObject, S3ObjectName } from "./s3_api.ts";
import { counting } from "./s3_counting.ts";
import type { S3Download } from "./s3_download.ts";
import { endpointOf } from "./s3_endpoint.ts";
import { codeOf, requireObject, s3Error, statusOf } from "./s3_errors.ts";
import type { S3Range } from "./s3_listing.ts";
import { PART_SIZE } from "./s3_part_size.ts";
import type { UploadNote } from "./s3_upload_notes.ts";

/** Which objects are meant, and of which kind new ones are. */
export interface S3ObjectsRange extends S3Range {
  /** The MIME type of those that are written. */
  readonly mimetype: string;
  /** What they are called in messages. */
  toString(): string;
}

/** The objects of a range, and the client that is asked for them. */
export class S3Objects {
  /** How many requests were sent for them, without those that the client repeated. */
  requests = 0;
  readonly #range: S3ObjectsRange;
  readonly #client: Accessor<S3Client>;
  #counted: { readonly client: S3Client; readonly counting: S3Client } | undefined;
  #clearedOld = false;

  /**
   * Asks for nothing.
   *
   * @param range Which they are.
   * @param client What sends the requests, or what gives it when it is needed.
   */
  constructor(range: S3ObjectsRange, client: Accessor<S3Client>) {
    this.#range = range;
    this.#client = client;
  }

  /** The jobs, page by page. */
  async *pages(): AsyncGenerator<string[], void, undefined> {
    const { listNames } = await import("./s3_shared_listing.ts");
    const pages = listNames(this.#access(), this.#range);
    for (;;) {
      const { done, value } = await this.#attempt(`list ${this.#range}`, () => pages.next());
      if (done) return;
      yield value;
    }
  }

  /** Whether there is one of a job. */
  async holds(job: string): Promise<boolean> {
    const object = this.#objectOf(job);
    return await this.#attempt(`look for "${job}" in ${this.#range}`, async (client) => {
      try {
        requireObject(await client.headObject(object));
        return true;
      } catch (error) {
        if (!await this.#isAbsence(client, error, object)) throw error;
        return false;
      }
    });
  }

  /** The URL of the server, for one who wants to know where the object of a job is. */
  async endpoint(job: string): Promise<string> {
    return await this.#attempt(`tell where "${job}" is in ${this.#range}`, endpointOf);
  }

  /** Deletes that of a job. */
  async delete(job: string): Promise<void> {
    const object = this.#objectOf(job);
    await this.#attempt(`delete "${job}" from ${this.#range}`, async (client) => {
      try {
        await client.deleteObject(object);
      } catch (error) {
        if (!await this.#isAbsence(client, error, object)) throw error;
      }
    });
  }

  /**
   * Makes sure that the bucket can be listed; if it may be written, clears what nobody will ever finish.
   *
   * @param options Whether to make the bucket.
   */
  async validate({ create = true }: ValidateOptions = {}): Promise<void> {
    await this.#attempt(`use ${this.#range}`, async (client) => {
      const { checkBucket } = await import("./s3_listing.ts");
      try {
        await checkBucket(client, this.#range);
      } catch (error) {
        if (!create || statusOf(error) !== 404 && codeOf(error) !== "NoSuchBucket") throw error;
        await this.#createBucket(client);
      }
      if (!create) return;
      const { clearDeadUploads, clearOldUploadsOnceADay } = await import("./s3_dead_uploads.ts");
      const place = await endpointOf(client);
      await clearDeadUploads(client, place, this.#range.bucket);
      await clearOldUploadsOnceADay(client, place, this.#range);
    });
  }

  /** That of a job as a stream. */
  async readable(job: string): Promise<ReadableStream<Uint8Array>> {
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

  /** The whole of that of a job. */
  async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    const download = await this.#download(job);
    return await this.#attempt(this.#reading(job), () => download.readAll());
  }

  /**
   * A stream that stores one, which appears when it is closed.
   *
   * @param job The job.
   * @param onClose Called when it has appeared.
   * @returns Where to write.
   */
  async writable(job: string, onClose: () => void): Promise<WritableStream<Uint8Array>> {
    const doing = `write "${job}" to ${this.#range}`;
    const object = this.#newObjectOf(job);
    const client = this.#access();
    const { S3Upload } = await import("./s3_upload.ts");
    const upload = new S3Upload(client, object, () => this.#beginUpload(client, object.Key));
    return new WritableStream({
      start: ({ signal }) => signal.addEventListener("abort", () => upload.cancel()),
      write: (chunk) => this.#attempt(doing, () => upload.write(chunk)),
      close: async () => {
        await this.#attempt(doing, () => upload.commit());
        onClose();
      },
      abort: () => upload.discard(),
    });
  }

  /**
   * Stores one in one request.
   *
   * @param job The job.
   * @param data The bytes.
   * @returns False if they are too many for that, and nothing was done.
   */
  async put(job: string, data: Uint8Array): Promise<boolean> {
    if (data.length > PART_SIZE) return false;
    const object = this.#newObjectOf(job);
    await this.#attempt(
      `write "${job}" to ${this.#range}`,
      (client) => client.putObject({ ...object, Body: data }),
    );
    return true;
  }

  /** Stores one unless it is there, and says whether it did. */
  async create(job: string, body: Uint8Array): Promise<boolean> {
    const object = this.#newObjectOf(job);
    const { createObject } = await import("./s3_upload.ts");
    return await this.#attempt(
      `create "${job}" in ${this.#range}`,
      (client) => createObject(client, object, body),
    );
  }

  /** The client, which counts. */
  #access(): S3Client {
    const client = access(this.#client);
    if (this.#counted?.client !== client) {
      this.#counted = { client, counting: counting(client, () => void this.requests++) };
    }
    return this.#counted.counting;
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
      await probeBucket(client, this.#range.bucket, key);
    } catch (error) {
      throw statusOf(error) === 404
        ? new StoreError(
          `Cannot use ${this.#range}: there is no such bucket; create it or correct its name`,
          { cause: error },
        )
        : error;
    }
  }

  async #createBucket(client: S3Client): Promise<void> {
    try {
      await client.createBucket({ Bucket: this.#range.bucket });
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      // Somebody else was faster. Whether it is ours is told in different words, but it can be listed if it is.
      await client.headBucket({ Bucket: this.#range.bucket }).catch(() => {
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
        throw new NotFoundError(job, String(this.#range), { cause: error });
      }
      return download;
    });
  }

  #reading(job: string): string {
    return `read "${job}" from ${this.#range}`;
  }

  /** Notes that an upload in parts begins; the first time, clears what nobody will ever finish. */
  async #beginUpload(client: S3Client, key: string): Promise<UploadNote | undefined> {
    if (!this.#clearedOld) {
      this.#clearedOld = true;
      const { clearOldUploads } = await import("./s3_dead_uploads.ts");
      await clearOldUploads(client, this.#range);
    }
    const { noteUpload } = await import("./s3_upload_notes.ts");
    return noteUpload({ place: await endpointOf(client), bucket: this.#range.bucket, key });
  }

  #objectOf(job: string): S3ObjectName {
    const { bucket, prefix, suffix } = this.#range;
    return { Bucket: bucket, Key: `${prefix}${job}${suffix}` };
  }

  #newObjectOf(job: string): S3NewObject {
    return { ...this.#objectOf(job), ContentType: this.#range.mimetype };
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
