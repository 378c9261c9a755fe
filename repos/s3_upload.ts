/**
 * An object of S3 that is written as a stream, in parts where it is large.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { S3Client, S3NewObject, S3ObjectName, S3Part, S3UploadName } from "./s3_api.ts";
import { baseOf } from "./s3_counting.ts";
import { NoS3Error, requireObject, statusOf } from "./s3_errors.ts";
import { PART_SIZE } from "./s3_part_size.ts";
import type { UploadNote } from "./s3_upload_notes.ts";

/** How many parts have this size, so that values up to 39 GiB are cut evenly, as some servers demand. */
const EVEN_PARTS = 5000;
/** Behind how many further parts the size is doubled, again and again, since there can be 10,000 in all. */
const DOUBLING = 500;
/** How many parts are on their way at once. */
const PARALLEL = 3;
/** How large the first buffer is: most values are small. */
const FIRST_BUFFER = 64 * 1024;
/** How often a write that raced with another one is tried again. */
const RACES = 10;

/** What is kept beside an object: tells which writer made it, where an answer was lost. */
const MARK = "datatask-writer";

type MarkedObject = S3NewObject & { readonly Metadata: { readonly [MARK]: string } };

/**
 * Writes an object in one request, if there is none of this key.
 *
 * @param client Writes it.
 * @param object What is written, and of which kind it is.
 * @param body Its bytes.
 * @returns False if there was one.
 */
export async function createObject(
  client: S3Client,
  object: S3NewObject,
  body: Uint8Array,
): Promise<boolean> {
  const marked = mark(object);
  const { Bucket, Key } = object;
  const known = conditional.get(baseOf(client)) ?? new Set();
  conditional.set(baseOf(client), known);
  if (known.has(Bucket)) return await putNew(client, marked, body);
  // There are servers that take no notice of the condition: until it is known, nothing may be put in place of a value.
  if (await exists(client, { Bucket, Key })) return false;
  const created = await putNew(client, marked, body);
  if (created && await putNew(client, mark(object), body)) {
    throw new StoreError(
      `Cannot create ${Key} in ${Bucket}: the server takes no notice of If-None-Match, so there may have been ` +
        "another value; write it unconditionally, or use another server",
    );
  }
  known.add(Bucket);
  return created;
}

/** The buckets of which it is known that their server does not write what is there already. */
const conditional = new WeakMap<S3Client, Set<string>>();

async function putNew(
  client: S3Client,
  object: MarkedObject,
  body: Uint8Array,
): Promise<boolean> {
  for (let race = 0;; race++) {
    try {
      await client.putObject({ ...object, Body: body, IfNoneMatch: "*" });
      return true;
    } catch (error) {
      // What was there may be our own: a client repeats a request whose answer was lost.
      if (statusOf(error) === 412) return await isOurs(client, object);
      if (statusOf(error) !== 409 || race === RACES) throw error;
    }
  }
}

async function exists(client: S3Client, object: S3ObjectName): Promise<boolean> {
  try {
    requireObject(await client.headObject(object));
    return true;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    return false; // if there is not even a bucket, writing tells it
  }
}

/** Writes an object of which nobody knows how large it will be. It appears when it is committed. */
export class S3Upload {
  readonly #client: S3Client;
  readonly #object: MarkedObject;
  readonly #onBegin: () => Promise<UploadNote | undefined>;
  readonly #parts: S3Part[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #spare: Uint8Array[] = [];
  readonly #stop = new AbortController();
  #buffer: Uint8Array = new Uint8Array();
  #filled = 0;
  #count = 0;
  #upload: S3UploadName | undefined;
  #note: UploadNote | undefined;
  #failure: { readonly error: unknown } | undefined;

  /**
   * Prepares to write. Nothing is sent before there is enough for a part.
   *
   * @param client Writes it.
   * @param object What is written, and of which kind it is.
   * @param onBegin Called before there is an upload in parts: notes that one will have to be ended.
   */
  constructor(
    client: S3Client,
    object: S3NewObject,
    onBegin: () => Promise<UploadNote | undefined>,
  ) {
    this.#client = client;
    this.#object = mark(object);
    this.#onBegin = onBegin;
  }

  /**
   * Writes on. When this fails, everything has been given up.
   *
   * @param data The bytes, which are copied.
   */
  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) {
      if (this.#filled === this.#partSize) await this.#orDiscard(() => this.#send());
      const part = data.subarray(at, at + this.#partSize - this.#filled);
      this.#reserve(this.#filled + part.length);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Makes the object appear. When this fails, everything has been given up. */
  async commit(): Promise<void> {
    await this.#orDiscard(async () => {
      if (this.#upload === undefined) {
        const body = this.#buffer.subarray(0, this.#filled);
        return void await this.#client.putObject({ ...this.#object, Body: body });
      }
      if (this.#filled > 0) await this.#send();
      await Promise.all(this.#sending);
      this.#check();
      await this.#complete(this.#upload);
      this.#note?.remove();
    });
  }

  /** Stops what is on its way, so that {@linkcode discard} need not wait for it. */
  cancel(): void {
    this.#stop.abort();
  }

  /** Gives everything up. */
  async discard(): Promise<void> {
    this.cancel();
    await Promise.all(this.#sending);
    const [upload, note] = [this.#upload, this.#note];
    this.#upload = this.#note = undefined;
    if (upload === undefined) return note?.release(); // there may be one of which we were not told
    try {
      await this.#client.abortMultipartUpload(upload);
    } catch (error) {
      if (statusOf(error) !== 404) return note?.release();
    }
    note?.remove();
  }

  get #partSize(): number {
    const doublings = Math.max(0, Math.ceil((this.#count + 1 - EVEN_PARTS) / DOUBLING));
    return PART_SIZE * 2 ** doublings;
  }

  /** Makes the buffer large enough: little by little up to the first part, then at once. */
  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = this.#count > 0
      ? this.#partSize
      : Math.min(this.#partSize, Math.max(FIRST_BUFFER, size, 2 * this.#buffer.length));
    const spare = this.#spare.pop();
    const buffer = spare?.length === larger ? spare : new Uint8Array(larger);
    buffer.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = buffer;
  }

  /** Sends what is in the buffer as a part, when fewer than the most are on their way. */
  async #send(): Promise<void> {
    this.#upload ??= await this.#begin();
    while (this.#sending.size >= PARALLEL) await Promise.race(this.#sending);
    this.#check();
    const buffer = this.#buffer;
    const sending = this.#sendPart(this.#upload, ++this.#count, buffer.subarray(0, this.#filled))
      .then(() => void this.#spare.push(buffer))
      .catch((error) => void (this.#failure ??= { error }))
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    this.#buffer = new Uint8Array();
    this.#filled = 0;
  }

  async #begin(): Promise<S3UploadName> {
    const { Bucket, Key } = this.#object;
    this.#note = await this.#onBegin();
    const { UploadId } = await this.#client.createMultipartUpload(this.#object);
    if (UploadId === undefined) throw new Error("the server gave the upload no id");
    return { Bucket, Key, UploadId };
  }

  async #sendPart(upload: S3UploadName, PartNumber: number, Body: Uint8Array): Promise<void> {
    const { ETag } = await this.#client.uploadPart(
      { ...upload, PartNumber, Body },
      { abortSignal: this.#stop.signal },
    );
    this.#parts.push({ PartNumber, ETag });
  }

  async #complete(upload: S3UploadName): Promise<void> {
    const Parts = this.#parts.toSorted((a, b) => a.PartNumber - b.PartNumber);
    try {
      const completed = { ...upload, MultipartUpload: { Parts } };
      const { ETag } = await this.#client.completeMultipartUpload(completed);
      if (ETag === undefined) throw new NoS3Error("it gives what is stored no ETag");
    } catch (error) {
      // It may have been done all the same, and only the answer was lost.
      if (!await isOurs(this.#client, this.#object).catch(() => false)) throw error;
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #orDiscard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      await this.discard();
      throw error;
    }
  }
}

function mark(object: S3NewObject): MarkedObject {
  return { ...object, Metadata: { [MARK]: crypto.randomUUID() } };
}

async function isOurs(client: S3Client, { Bucket, Key, Metadata }: MarkedObject): Promise<boolean> {
  const found = await client.headObject({ Bucket, Key });
  return found.Metadata?.[MARK] === Metadata[MARK];
}
