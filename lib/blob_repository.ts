/**
 * Repositories whose values are bytes.
 *
 * @module
 */

import { Repository } from "./repository.ts";
import { BlobReader, BlobWriter, concat, TextReader, TextWriter } from "./streams.ts";

/**
 * A repository whose values are bytes, of any size, read and written as streams.
 *
 * A store of your own needs {@linkcode readable} and {@linkcode writable}; the rest follows from them, and can be
 * overridden where the store has a shorter way.
 *
 * Writing is all or nothing: the key exists, with the new value, when the writer was closed, and not before; a writer
 * that is aborted, or disposed of without being closed, leaves everything as it was.
 *
 * @typeParam Info What `info` gives.
 */
export abstract class BlobRepository<Info = unknown> extends Repository<Info> {
  /**
   * The value of a key as a stream.
   *
   * @param job The key.
   * @returns Its bytes. A value that is replaced or deleted meanwhile is still read to its end, or the read fails: old
   * and new are never mixed.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {NotFoundError} If there is no such key.
   * @throws {StoreError} If it cannot be read.
   */
  abstract readable(job: string): Promise<ReadableStream<Uint8Array>>;

  /**
   * A stream that takes the new value of a key. `close` commits, `abort` discards.
   *
   * @param job The key.
   * @returns Where to write.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If it cannot be written.
   */
  abstract writable(job: string): Promise<WritableStream<Uint8Array>>;

  /**
   * Opens a value to read text, as UTF-8.
   *
   * @param job The key.
   * @param mode How to open: `r` reads text, `rb` bytes, `w` writes text, `wb` bytes. `r` if it is not given.
   * @returns A handle, to be used with `await using`. A writer must be closed to commit: disposing of one that was not
   * discards what was written.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {NotFoundError} If the key to be read is not there.
   * @throws {StoreError} If it cannot be opened.
   *
   * @example Usage
   * ```ts
   * import { InProcessBlobRepository } from "@datatask/datatask";
   * import { strictEqual } from "node:assert";
   *
   * const books = new InProcessBlobRepository();
   * {
   *   await using file = await books.open("moby", "w");
   *   await file.write("Call me ");
   *   await file.write("Ishmael.");
   *   await file.close();
   * }
   * {
   *   await using file = await books.open("moby");
   *   strictEqual(await file.read(7), "Call me");
   *   strictEqual(await file.read(), " Ishmael.");
   * }
   * ```
   */
  open(job: string, mode?: "r"): Promise<TextReader>;
  /** Opens a value to read bytes. */
  open(job: string, mode: "rb"): Promise<BlobReader>;
  /** Opens a value to write text, as UTF-8. */
  open(job: string, mode: "w"): Promise<TextWriter>;
  /** Opens a value to write bytes. */
  open(job: string, mode: "wb"): Promise<BlobWriter>;
  async open(
    job: string,
    mode: "r" | "rb" | "w" | "wb" = "r",
  ): Promise<TextReader | BlobReader | TextWriter | BlobWriter> {
    switch (mode) {
      case "r":
        return new TextReader(new BlobReader(await this.readable(job)));
      case "rb":
        return new BlobReader(await this.readable(job));
      case "w":
        return new TextWriter(new BlobWriter(await this.writable(job)));
      case "wb":
        return new BlobWriter(await this.writable(job));
      default:
        throw new TypeError(
          `Cannot open "${job}": the mode is "r", "rb", "w" or "wb", not ${JSON.stringify(mode)}`,
        );
    }
  }

  /**
   * A whole value as bytes.
   *
   * @param job The key.
   * @returns Its bytes, which are the caller's to change.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {NotFoundError} If there is no such key.
   * @throws {StoreError} If it cannot be read.
   */
  async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    return concat(await Array.fromAsync(await this.readable(job)));
  }

  /**
   * A whole value as text, decoded as UTF-8. What is no UTF-8 becomes U+FFFD.
   *
   * @param job The key.
   * @returns Its text.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {NotFoundError} If there is no such key.
   * @throws {StoreError} If it cannot be read.
   */
  async readText(job: string): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.readBytes(job));
  }

  /**
   * Stores a whole value, in place of an earlier one, in one step.
   *
   * @param job The key.
   * @param data Its bytes.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If it cannot be stored; then nothing has changed.
   */
  async writeBytes(job: string, data: Uint8Array): Promise<void> {
    const writer = (await this.writable(job)).getWriter();
    try {
      await writer.write(data);
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {}); // the first error is the one that says what happened
      throw error;
    }
  }

  /**
   * Stores a whole value as UTF-8, in place of an earlier one, in one step.
   *
   * @param job The key.
   * @param text Its text.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If it cannot be stored; then nothing has changed.
   */
  async writeText(job: string, text: string): Promise<void> {
    await this.writeBytes(job, new TextEncoder().encode(text));
  }
}
