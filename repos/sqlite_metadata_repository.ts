/**
 * Structured data in a table of a SQLite database.
 *
 * @module
 */

import { DataError } from "../lib/errors.ts";
import { toJson } from "../lib/json.ts";
import {
  MetadataRepository,
  type RepositoryChange,
  type ValidateOptions,
} from "../lib/repository.ts";
import { SqlitePlace } from "./sqlite_place.ts";
import type { SqliteTable } from "./sqlite_table.ts";

/**
 * A metadata repository in a table of a SQLite database file, as JSON text: the fastest store that outlives the process,
 * and a single file however many keys it holds.
 *
 * Several processes of one machine can use the file at once. A value that was written survives the end of the process
 * however it ends; if the whole machine loses power, the last ones may be lost, but none is damaged. The file must not
 * be on a network file system.
 *
 * A `Date` is stored as its ISO 8601 text. Repositories on one file share one connection, which is opened when one of
 * them is first used and closed when all have been closed; using one after that opens it again.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts
 * import { SqliteMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   using done = new SqliteMetadataRepository<{ success: boolean }>(`${folder}/state.db`, "done");
 *   await done.dump("moby", { success: true });
 *   deepStrictEqual(await done.info("moby"), { success: true });
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class SqliteMetadataRepository<Data = unknown> extends MetadataRepository<Data>
  implements Disposable {
  readonly #place: SqlitePlace;
  #table: SqliteTable | undefined;
  #opening: Promise<SqliteTable> | undefined;
  readonly #select: string;
  readonly #replace: string;
  readonly #remove: string;

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
    this.#select = `SELECT json FROM "${table}" WHERE job = ?`;
    this.#replace = `REPLACE INTO "${table}" (job, json) VALUES (?, ?)`;
    this.#remove = `DELETE FROM "${table}" WHERE job = ? RETURNING job`;
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
    const table = this.#table ??= await this.#open();
    for (const job of table.names()) yield job;
  }

  /** The keys in the table. */
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    const table = this.#table ??= await this.#open();
    yield* table.bulk();
  }

  /** Whether the table has a row of the key. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    const table = this.#table ??= await this.#open();
    return table.contains(job);
  }

  /**
   * A value.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If the text in the table is no JSON.
   * @throws {StoreError} If the database cannot be read, or has no such table.
   */
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    const table = this.#table ??= await this.#open();
    const row = table.read("read", (database) => database.get(this.#select, job), job);
    return row === undefined ? undefined : this.#parse(job, String(row.json));
  }

  /** All values, by one query for some thousand of them. */
  override async infoAll(): Promise<Map<string, Data | undefined>> {
    const all = new Map<string, Data | undefined>();
    const table = this.#table ??= await this.#open();
    for (const rows of table.rows("job, json")) {
      for (const row of rows) {
        const job = String(row.job);
        if (this.isValidJobId(job)) all.set(job, this.#parse(job, String(row.json)));
        else this.warnOfName(job);
      }
    }
    return all;
  }

  /**
   * Stores a value.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If JSON has no words for the value: a function, a bigint, a map, a number that is not finite, or
   * `undefined`.
   * @throws {StoreError} If the database cannot be written; then nothing has changed.
   */
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    const json = this.#stringify(job, data);
    const table = this.#table ??= await this.#open();
    table.put(job, (database) => database.run(this.#replace, job, json));
    this.changed({ type: "put", job });
  }

  /** Deletes the row of the key. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const table = this.#table ??= await this.#open();
    const isDeleted = table.delete(
      job,
      (database) => database.get(this.#remove, job) !== undefined,
    );
    if (isDeleted) this.changed({ type: "delete", job });
  }

  /**
   * Makes the file and the table, if they are lacking.
   *
   * @throws {StoreError} If they cannot be made or used, or are lacking and not to be made.
   */
  override async validate(options?: ValidateOptions): Promise<void> {
    const table = this.#table ??= await this.#open();
    table.validate(options);
  }

  /** The changes made by this object at once, and those by others within about a quarter of a second. */
  override async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const isLate = this.#table === undefined;
    const table = this.#table ??= await this.#open();
    yield* table.watch(signal, isLate);
  }

  /** Gives back the connection to the file. Calling it again does nothing. */
  close(): void {
    this.#table?.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Names the table and the file. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#place}>`;
  }

  /** Loads SQLite the first time. Kept in a field, the table costs later calls no turn. */
  #open(): Promise<SqliteTable> {
    return this.#opening ??= import("./sqlite_table.ts").then(({ SqliteTable }) =>
      new SqliteTable({ owner: this, place: this.#place, columns: { json: "TEXT NOT NULL" } })
    );
  }

  #stringify(job: string, data: Data): string {
    try {
      return toJson(data);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DataError(
        `Cannot write "${job}" in ${this}: ${why}; use strings, finite numbers, booleans, null, arrays and plain objects`,
        { cause },
      );
    }
  }

  #parse(job: string, json: string): Data {
    try {
      return JSON.parse(json);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DataError(
        `Cannot read "${job}" in ${this}: ${why}; write or delete it again`,
        { cause },
      );
    }
  }
}
