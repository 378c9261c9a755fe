/**
 * An object of S3 as a stream.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { concat } from "../lib/streams.ts";
import type { S3Answer, S3Client, S3ObjectName } from "./s3_api.ts";
import { requireObject, statusOf } from "./s3_errors.ts";

/** How often a stream that breaks off is taken up where it was. */
const RESUMES = 5;
/** The least time to wait before that, in milliseconds. Each further time it is twice as long at most. */
const DELAY = 50;

/** Reads an object, through interruptions. What it gives is one version of the object, or an error. */
export class S3Download {
  readonly #client: S3Client;
  readonly #object: S3ObjectName;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #etag: string | undefined;
  #size: number | undefined;
  #offset = 0;
  #resumes = 0;

  /**
   * Begins to read; to be continued with {@linkcode open}.
   *
   * @param client Reads it.
   * @param object What is read.
   */
  constructor(client: S3Client, object: S3ObjectName) {
    this.#client = client;
    this.#object = object;
  }

  /** Asks for the object. */
  async open(): Promise<void> {
    const answer = await this.#client.getObject(this.#object);
    if (answer.ETag === undefined) await answer.Body?.transformToWebStream().cancel();
    requireObject(answer);
    this.#etag = answer.ETag;
    this.#size = answer.ContentLength;
    this.#begin(answer);
  }

  /**
   * Reads on.
   *
   * @returns Some bytes; undefined at the end.
   */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        const reader = this.#reader ?? await this.#resume();
        const { value } = await reader.read();
        if (value === undefined && this.#lacks) {
          throw new Error(`the answer ended behind byte ${this.#offset} of ${this.#size}`);
        }
        this.#offset += value?.length ?? 0;
        return value;
      } catch (error) {
        if (!this.#canResume(error)) throw error;
        this.#reader = undefined;
        const longest = DELAY * 2 ** this.#resumes++;
        await new Promise((resolve) => setTimeout(resolve, DELAY + Math.random() * longest));
      }
    }
  }

  /** Reads on to the end. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      chunks.push(chunk);
    }
    return concat(chunks);
  }

  /** Ends the reading. */
  async cancel(): Promise<void> {
    await this.#reader?.cancel();
  }

  async #resume(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const rest = { Range: `bytes=${this.#offset}-`, IfMatch: this.#etag ?? "" };
    const answer = await this.#client.getObject({ ...this.#object, ...rest });
    // Not every server knows ranges and conditions, and one that does not gives the whole, or another value.
    const size = (answer.ContentLength ?? 0) + this.#offset;
    if (answer.ETag !== this.#etag || size !== this.#size) {
      await answer.Body?.transformToWebStream().cancel();
      throw new StoreError(
        `Cannot read ${this.#object.Key}: the answer broke off behind byte ${this.#offset}, and the server does not ` +
          "go on there; try again",
      );
    }
    return this.#begin(answer);
  }

  #begin(answer: S3Answer): ReadableStreamDefaultReader<Uint8Array> {
    if (answer.Body === undefined) throw new Error("the answer has no body");
    return this.#reader = answer.Body.transformToWebStream().getReader();
  }

  /** Whether bytes are known to be missing. */
  get #lacks(): boolean {
    return this.#size !== undefined && this.#offset < this.#size;
  }

  /** Whether it makes sense to ask for the rest. What the server refuses it will refuse again. */
  #canResume(error: unknown): boolean {
    const isRefused = error instanceof StoreError || (statusOf(error) ?? 500) < 500;
    return this.#lacks && !isRefused && this.#etag !== undefined && this.#resumes < RESUMES;
  }
}
