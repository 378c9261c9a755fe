/**
 * Byte values of any size in a SQLite database, written and read in chunks.
 *
 * A value that fits into one chunk is in the row of its key. The row of a greater one names a generation: the chunks are
 * in a second table, under its number. A writer puts them there before any row names them, so nobody sees them; naming
 * them is what commits. A generation is never changed, and its number is drawn at random, so a reader finds the chunks
 * of one value or none.
 *
 * A third table has the generations that are being written, each with the time of its latest chunk. One that had none
 * for long was left behind by a writer that was killed, and is swept.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { Repository } from "../lib/repository.ts";
import type { Row, SqliteDatabase } from "./sqlite_database.ts";
import type { SqlitePlace } from "./sqlite_place.ts";
import { SqliteTable } from "./sqlite_table.ts";

/** The size of all chunks of a value but the last, in bytes. */
const CHUNK = 64 * 1024;
/** After how many seconds without a chunk a writer is taken for dead. */
const PATIENCE = 3600;

/** The values of one table. */
export class SqliteBlobs {
  /** The keys. */
  readonly table: SqliteTable;
  readonly #owner: Repository;
  readonly #sql: Statements;

  /** Touches nothing. */
  constructor(owner: Repository, place: SqlitePlace) {
    this.#owner = owner;
    this.#sql = statementsFor(place.table);
    this.table = new SqliteTable({
      owner,
      place,
      columns: { size: "INTEGER NOT NULL", bytes: "BLOB", generation: "INTEGER" },
      prepare: this.#sql.schema + this.#sql.sweep,
    });
  }

  /**
   * The value of a key.
   *
   * @returns Its chunks; undefined if there is no such key.
   */
  read(job: string): Generator<Uint8Array, void, undefined> | undefined {
    const row = this.table.read("read", (database) => database.get(this.#sql.find, job), job);
    return row && this.#chunks(job, row);
  }

  /** Deletes a key with its value, and says whether there was one. */
  delete(job: string): boolean {
    return this.table.delete(job, (database) => this.#remove(database, job));
  }

  /** Begins a new value of a key. */
  draft(job: string): SqliteDraft {
    return new SqliteDraft(this, job);
  }

  /** Makes the bytes the value of a key. */
  put(job: string, bytes: Uint8Array): void {
    this.#replace(
      job,
      (database) => database.run(this.#sql.replace, job, bytes.length, bytes, null),
    );
  }

  /** Begins a generation, and gives its number. */
  begin(job: string): number {
    return this.table.write("write", (database) =>
      database.transaction(() => {
        database.exec(this.#sql.sweep);
        return Number(database.get(this.#sql.begin)?.generation);
      }), job);
  }

  /** Adds a chunk to a generation. */
  add(job: string, generation: number, number: number, bytes: Uint8Array): void {
    this.table.write("write", (database) =>
      database.transaction(() => {
        requireAlive(database.get(this.#sql.touch, generation));
        database.run(this.#sql.add, generation, number, bytes);
      }), job);
  }

  /** Makes a generation the value of a key. */
  publish(job: string, generation: number, size: number): void {
    this.#replace(job, (database) => {
      requireAlive(database.get(this.#sql.end, generation));
      return database.run(this.#sql.replace, job, size, null, generation);
    });
  }

  /** Gives up a generation that was not published. */
  discard(job: string, generation: number): void {
    this.table.read("discard", (database) =>
      database.transaction(() => {
        database.get(this.#sql.end, generation);
        database.run(this.#sql.removeChunks, generation);
      }), job);
  }

  #replace(job: string, replace: (database: SqliteDatabase) => number): void {
    this.table.put(job, (database) =>
      database.transaction(() => {
        this.#removeChunks(database, database.get(this.#sql.generation, job));
        return replace(database);
      }));
  }

  #remove(database: SqliteDatabase, job: string): boolean {
    const row = database.get(this.#sql.remove, job);
    this.#removeChunks(database, row);
    return row !== undefined;
  }

  #removeChunks(database: SqliteDatabase, row: Row | undefined): void {
    if (typeof row?.generation === "number") database.run(this.#sql.removeChunks, row.generation);
  }

  *#chunks(job: string, row: Row): Generator<Uint8Array, void, undefined> {
    const { bytes, generation, size } = row;
    if (generation === null) {
      if (bytes instanceof Uint8Array && bytes.length > 0) yield bytes;
      return;
    }
    for (let at = 0, number = 0; at < Number(size); number++) {
      const chunk = this.table.read(
        "read",
        (database) => database.get(this.#sql.chunk, generation!, number)?.bytes,
        job,
      );
      if (!(chunk instanceof Uint8Array)) {
        throw new StoreError(
          `Cannot read "${job}" in ${this.#owner}: it was replaced or deleted meanwhile; read it again`,
        );
      }
      yield chunk;
      at += chunk.length;
    }
  }
}

/** A new value on its way into the database. Small ones wait in memory; of great ones, only one chunk does. */
export class SqliteDraft {
  readonly #blobs: SqliteBlobs;
  readonly #job: string;
  #buffer = new Uint8Array(4096);
  #filled = 0;
  #size = 0;
  #generation: number | undefined;
  #chunks = 0;

  /** Touches nothing. */
  constructor(blobs: SqliteBlobs, job: string) {
    this.#blobs = blobs;
    this.#job = job;
  }

  /** Writes on. What was written is discarded if this fails. */
  write(bytes: Uint8Array): void {
    this.#orDiscard(() => {
      for (let at = 0; at < bytes.length;) {
        if (this.#filled === CHUNK) this.#flush();
        const part = bytes.subarray(at, at + CHUNK - this.#filled);
        this.#append(part);
        at += part.length;
      }
    });
  }

  /** Makes what was written the value. It is discarded if this fails. */
  commit(): void {
    this.#orDiscard(() => {
      if (this.#generation === undefined) {
        this.#blobs.put(this.#job, this.#buffer.subarray(0, this.#filled));
      } else {
        this.#flush();
        this.#blobs.publish(this.#job, this.#generation, this.#size);
      }
    });
  }

  /** Gives up what was written. */
  discard(): void {
    if (this.#generation !== undefined) this.#blobs.discard(this.#job, this.#generation);
  }

  #append(part: Uint8Array): void {
    const needed = this.#filled + part.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(CHUNK, Math.max(needed, 2 * this.#buffer.length)));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#filled);
    this.#filled = needed;
    this.#size += part.length;
  }

  #flush(): void {
    this.#generation ??= this.#blobs.begin(this.#job);
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#blobs.add(this.#job, this.#generation, this.#chunks++, bytes);
    this.#filled = 0;
  }

  #orDiscard(action: () => void): void {
    try {
      action();
    } catch (error) {
      try {
        this.discard();
      } catch {
        // it is swept later
      }
      throw error;
    }
  }
}

interface Statements {
  readonly schema: string;
  readonly sweep: string;
  readonly find: string;
  readonly generation: string;
  readonly replace: string;
  readonly remove: string;
  readonly chunk: string;
  readonly add: string;
  readonly removeChunks: string;
  readonly begin: string;
  readonly touch: string;
  readonly end: string;
}

function statementsFor(table: string): Statements {
  const chunks = `"${table}.chunks"`;
  const drafts = `"${table}.drafts"`;
  const dead = `touched < unixepoch() - ${PATIENCE}`;
  return {
    schema: `CREATE TABLE IF NOT EXISTS ${chunks} (generation INTEGER NOT NULL, ` +
      `number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (generation, number)) STRICT;
      CREATE TABLE IF NOT EXISTS ${drafts} ` +
      `(generation INTEGER PRIMARY KEY, touched INTEGER NOT NULL) STRICT;`,
    sweep: `DELETE FROM ${chunks} WHERE generation IN ` +
      `(SELECT generation FROM ${drafts} WHERE ${dead}); DELETE FROM ${drafts} WHERE ${dead};`,
    find: `SELECT size, bytes, generation FROM "${table}" WHERE job = ?`,
    generation: `SELECT generation FROM "${table}" WHERE job = ?`,
    replace: `REPLACE INTO "${table}" (job, size, bytes, generation) VALUES (?, ?, ?, ?)`,
    remove: `DELETE FROM "${table}" WHERE job = ? RETURNING generation`,
    chunk: `SELECT bytes FROM ${chunks} WHERE generation = ? AND number = ?`,
    add: `INSERT INTO ${chunks} (generation, number, bytes) VALUES (?, ?, ?)`,
    removeChunks: `DELETE FROM ${chunks} WHERE generation = ?`,
    begin: `INSERT INTO ${drafts} (generation, touched) ` +
      `VALUES (abs(random() % ${Number.MAX_SAFE_INTEGER}), unixepoch()) RETURNING generation`,
    touch: `UPDATE ${drafts} SET touched = unixepoch() WHERE generation = ? RETURNING generation`,
    end: `DELETE FROM ${drafts} WHERE generation = ? RETURNING generation`,
  };
}

function requireAlive(draft: Row | undefined): void {
  if (draft === undefined) {
    throw new Error("its writer was idle for an hour and was taken for dead");
  }
}
