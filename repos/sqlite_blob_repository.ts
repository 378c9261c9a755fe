/**
 * Bytes in a table of a SQLite database.
 *
 * @module
 */

// SQLite is called synchronously; `async` makes rejections of what is thrown.
// deno-lint-ignore-file require-await

import { BlobRepository } from "../lib/blob_repository.ts";
import { NotFoundError } from "../lib/errors.ts";
import type { RepositoryChange, ValidateOptions } from "../lib/repository.ts";
import { concat } from "../lib/streams.ts";
import type { SqliteBlobs, SqliteDraft } from "./sqlite_blobs.ts";
import { SqlitePlace } from "./sqlite_place.ts";

/**
 * How many chunks a stream gives in one turn of the event loop. Nothing in reading from SQLite waits, so it would keep
 * timers, signals and the collector of garbage from their turn until its end.
 */
const CHUNKS_A_TURN = 16;

/** Where {@linkcode SqliteBlobRepository} keeps a value. */
export interface SqliteBlobInfo {
  /** The absolute path of the database file. */
  readonly file: string;
  /** The name of the table. */
  readonly table: string;
  /** The key. */
  readonly job: string;
}

/**
 * A blob repository in a table of a SQLite database file: a single file however many keys it holds, and much faster than
 * files where values are small.
 *
 * Several processes of one machine can use the file at once. A value that was written survives the end of the process
 * however it ends; if the whole machine loses power, the last ones may be lost, but none is damaged. The file must not
 * be on a network file system.
 *
 * Values of any size are streamed. What a writer that was killed leaves behind is never seen, and its space is used
 * again an hour later.
 *
 * Repositories on one file share one connection, which is opened when one of them is first used and closed when all have
 * been closed; using one after that opens it again.
 *
 * @example Usage
 * ```ts
 * import { SqliteBlobRepository } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   using reports = new SqliteBlobRepository(`${folder}/state.db`, "reports");
 *   await reports.writeText("moby", "209 kilowords");
 *   strictEqual(await reports.readText("moby"), "209 kilowords");
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class SqliteBlobRepository extends BlobRepository<SqliteBlobInfo> implements Disposable {
  readonly #place: SqlitePlace;
  #blobs: SqliteBlobs | undefined;
  #opening: Promise<SqliteBlobs> | undefined;

  /**
   * Makes a repository. The file is not touched before it is used.
   *
   * @param file The database file, which is made, with its folder, when first written to. A relative path is relative to
   * the working directory of now.
   * @param table The name of the table: letters, digits and `_`.
   * @throws {TypeError} If `table` is no such name, or `file` a URL of another kind.
   */
  constructor(file: string | URL, table: string) {
    super();
    this.#place = new SqlitePlace(file, table);
  }

  /** The absolute path of the database file. */
  get file(): string {
    return this.#place.file;
  }

  /** The name of the table. */
  get table(): string {
    return this.#place.table;
  }

  /** The keys in the table. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const { table } = this.#blobs ??= await this.#open();
    for (const job of table.names()) yield job;
  }

  /** The keys in the table. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    const { table } = this.#blobs ??= await this.#open();
    yield* table.bulk();
  }

  /** Whether the table has a row of the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    const { table } = this.#blobs ??= await this.#open();
    return table.contains(job);
  }

  /** Where the value is, or would be. */
  override async info(job: string): Promise<SqliteBlobInfo> {
    this.check(job);
    return { file: this.file, table: this.table, job };
  }

  /** Deletes the row of the key. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const blobs = this.#blobs ??= await this.#open();
    if (blobs.delete(job)) this.changed({ type: "delete", job });
  }

  /** The value, read chunk by chunk. The stream fails if it is replaced or deleted before its end. */
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    this.check(job);
    const blobs = this.#blobs ??= await this.#open();
    const chunks = this.#chunks(blobs, job);
    let count = 0;
    return new ReadableStream({
      async pull(controller) {
        if (++count % CHUNKS_A_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
        const { done, value } = chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
  }

  /** A stream that stores the new value chunk by chunk, out of sight until it is closed. */
  override async writable(job: string): Promise<WritableStream<Uint8Array>> {
    this.check(job);
    const blobs = this.#blobs ??= await this.#open();
    const draft = blobs.draft(job);
    return new WritableStream({
      write: (chunk) => draft.write(chunk),
      abort: () => draft.discard(),
      close: () => this.#commit(job, draft),
    });
  }

  /** The bytes. */
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    this.check(job);
    const blobs = this.#blobs ??= await this.#open();
    return concat([...this.#chunks(blobs, job)]);
  }

  /** Stores the bytes. */
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    this.check(job);
    const given = this.#blobs === undefined ? data.slice() : data; // whoever writes may use the buffer again meanwhile
    const blobs = this.#blobs ??= await this.#open();
    const draft = blobs.draft(job);
    draft.write(given);
    this.#commit(job, draft);
  }

  /**
   * Makes the file and the table, if they are lacking.
   *
   * @throws {StoreError} If they cannot be made or used, or are lacking and not to be made.
   */
  override async validate(options?: ValidateOptions): Promise<void> {
    const { table } = this.#blobs ??= await this.#open();
    table.validate(options);
  }

  /** The changes made by this object at once, and those by others within about a quarter of a second. */
  override async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const isLate = this.#blobs === undefined;
    const { table } = this.#blobs ??= await this.#open();
    yield* table.watch(signal, isLate);
  }

  /** Gives back the connection to the file. Calling it again does nothing. */
  close(): void {
    this.#blobs?.table.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Names the table and the file. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#place}>`;
  }

  /** Loads SQLite the first time. Kept in a field, the values cost later calls no turn. */
  #open(): Promise<SqliteBlobs> {
    return this.#opening ??= import("./sqlite_blobs.ts").then(({ SqliteBlobs }) =>
      new SqliteBlobs(this, this.#place)
    );
  }

  #chunks(blobs: SqliteBlobs, job: string): Generator<Uint8Array, void, undefined> {
    const chunks = blobs.read(job);
    if (chunks === undefined) throw new NotFoundError(job, `${this}`);
    return chunks;
  }

  #commit(job: string, draft: SqliteDraft): void {
    draft.commit();
    this.changed({ type: "put", job });
  }
}
