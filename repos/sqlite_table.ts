/**
 * What the stores in SQLite have in common: the keys of a table.
 *
 * @module
 */

import type { SQLInputValue } from "node:sqlite";
import { changes } from "../lib/changes.ts";
import { StoreError } from "../lib/errors.ts";
import { nameChunks } from "../lib/names.ts";
import type { Repository, RepositoryChange, ValidateOptions } from "../lib/repository.ts";
import { type Row, SqliteDatabase } from "./sqlite_database.ts";
import type { SqlitePlace } from "./sqlite_place.ts";

/** How many keys are listed by one query. */
const PAGE = 4096;
/** How often a table is asked for changes by others, in milliseconds. */
const POLL = 250;
/** How many changes at once are told one by one. */
const MAX_CHANGES = 10_000;

/** What a store keeps in its table. */
export interface SqliteTableOptions {
  /** The store, for what it is called and for the changes made through it. */
  readonly owner: Repository;
  /** The database file, and the name of the table. */
  readonly place: SqlitePlace;
  /** The columns beside the key: their types, as SQL, by name. */
  readonly columns: Readonly<Record<string, string>>;
  /** SQL that is run each time when the table has been made or found. */
  readonly prepare?: string;
}

/**
 * A table with a key a row.
 *
 * Each change takes the next number of the table's `AUTOINCREMENT` sequence: a row that is written gets it as its `id`, a
 * deletion leaves it unused, and so does another key in the place of one: for those, triggers see to it, so that it does
 * not matter by which program they are made. So what changed since a number is found without looking at the rest.
 */
export class SqliteTable {
  /** Its name. */
  readonly name: string;
  readonly #owner: Repository;
  readonly #database: SqliteDatabase;
  readonly #schema: string;
  readonly #triggers: string;
  readonly #probe: string;
  readonly #watchers = new Set<Watcher>();
  #isMade = false;

  /**
   * Touches nothing.
   *
   * @param options What the store keeps in it.
   */
  constructor(options: SqliteTableOptions) {
    const { owner, place: { file, table }, columns, prepare = "" } = options;
    this.#owner = owner;
    this.#database = new SqliteDatabase(file);
    this.name = table;
    const types = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
    this.#schema = `CREATE TABLE IF NOT EXISTS "${table}" ` +
      `(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE, ${types}) STRICT; ${prepare}`;
    this.#triggers = [["deleted", "DELETE"], ["renamed", "UPDATE OF job"]].map(([name, event]) =>
      `CREATE TRIGGER IF NOT EXISTS "${table}.${name}" AFTER ${event} ON "${table}" BEGIN ` +
      `UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = '${table}' COLLATE NOCASE; END;`
    ).join("");
    this.#probe = `SELECT id, job, ${Object.keys(columns)} FROM "${table}" LIMIT 0`;
  }

  /**
   * Makes sure that the table is there, and makes it if it may.
   *
   * @throws {StoreError} If it is not, or cannot be used.
   */
  validate({ create = true }: ValidateOptions = {}): void {
    const probe = (database: SqliteDatabase) => database.get(this.#probe);
    if (create) this.write("use", probe);
    else this.read("use", probe);
  }

  /**
   * Reads from the database.
   *
   * @param doing What to call this in an error: "read", "list".
   * @param action Reads; not asynchronous.
   * @param job The key concerned.
   * @returns What `action` returns.
   * @throws {StoreError} If it fails; also if there is no file, or no table.
   */
  read<T>(doing: string, action: (database: SqliteDatabase) => T, job?: string): T {
    return this.#attempt(doing, job, () => {
      if (this.#database.connect()) this.#forget();
      return action(this.#database);
    });
  }

  /**
   * Writes to the database. Makes the file and the table first, if they are lacking.
   *
   * @param doing What to call this in an error: "write".
   * @param action Writes; not asynchronous.
   * @param job The key concerned.
   * @returns What `action` returns.
   * @throws {StoreError} If it fails.
   */
  write<T>(doing: string, action: (database: SqliteDatabase) => T, job?: string): T {
    return this.#attempt(doing, job, () => {
      if (this.#database.connect(true)) this.#forget();
      if (!this.#isMade) {
        this.#database.transaction(() => this.#make());
        this.#isMade = true;
      }
      return action(this.#database);
    });
  }

  /** Whether there is a row of the key. */
  contains(job: string): boolean {
    const sql = `SELECT 1 FROM "${this.name}" WHERE job = ?`;
    return this.read("look up", (database) => database.get(sql, job), job) !== undefined;
  }

  /** All keys, each query going on where the one before ended: no lock is held between. */
  *names(): Generator<string, void, undefined> {
    for (const rows of this.rows("job")) for (const { job } of rows) yield String(job);
  }

  /** All keys in bulk: SQLite itself puts those of a page together, which takes half the time of a row for each. */
  *bulk(): Generator<Uint8Array, void, undefined> {
    const sql = "SELECT count(*) AS size, max(job) AS last, " +
      "CAST(group_concat(job, char(0)) AS BLOB) AS names FROM " +
      `(SELECT job FROM "${this.name}" WHERE job > ? ORDER BY job LIMIT ${PAGE})`;
    let from = "";
    while (true) {
      const { size, last, names } = this.read("list", (database) => database.get(sql, from))!;
      if (!(names instanceof Uint8Array)) return;
      const chunk = new Uint8Array(names.length + 1);
      chunk.set(names);
      if (occurrences(chunk, 0) === size) {
        yield chunk;
        from = String(last);
        if (Number(size) < PAGE) return;
      } else { // a key has a NUL in it
        const [rows] = this.rows("job", from);
        if (rows === undefined) return;
        yield* nameChunks(rows.map(({ job }) => String(job)));
        from = String(rows.at(-1)!.job);
      }
    }
  }

  /**
   * Some columns of all rows.
   *
   * @param columns The columns, as SQL; `job` must be one of them.
   * @param from The key behind which they begin.
   */
  *rows(columns: string, from = ""): Generator<Row[], void, undefined> {
    // node:sqlite cuts text at a NUL: what holds one cannot be given as it is, and is no job id.
    const sql = `SELECT ${columns} FROM "${this.name}" WHERE job > ? AND instr(job, char(0)) = 0 ` +
      `ORDER BY job LIMIT ${PAGE}`;
    let last: SQLInputValue = from;
    while (true) {
      const rows: Row[] = this.read("list", (database) => database.all(sql, last));
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE) return;
      last = rows.at(-1)!.job!;
    }
  }

  /**
   * Writes the row of a key.
   *
   * @param job The key.
   * @param replace Writes it in place of an earlier one, and gives its `id`.
   */
  put(job: string, replace: (database: SqliteDatabase) => number): void {
    this.#told(this.write("write", replace, job));
  }

  /**
   * Deletes the row of a key.
   *
   * @param job The key.
   * @param remove Deletes it, and says whether it was there.
   * @returns True if it was.
   */
  delete(job: string, remove: (database: SqliteDatabase) => boolean): boolean {
    const number = this.read("delete", (database) =>
      database.transaction(() => {
        const before = this.#sequence();
        if (!remove(database)) return undefined;
        const after = this.#sequence();
        // A table that nobody has written to since it had no triggers.
        return after > before ? after : Number(database.get(TAKE_NUMBER, this.name)?.seq);
      }), job);
    if (number === undefined) return false;
    this.#told(number);
    return true;
  }

  /**
   * The changes made through the owner at once, and those of others when the table is asked for them.
   *
   * @param signal Ends the iteration.
   * @param isLate Whether there may have been changes since it was to begin.
   */
  watch(
    signal: AbortSignal,
    isLate: boolean,
  ): AsyncGenerator<RepositoryChange, void, undefined> {
    return changes(signal, (push, fail) => {
      const watcher: Watcher = { known: this.read("watch", () => this.#sequence()) };
      if (isLate) push({ type: "relist" });
      this.#watchers.add(watcher);
      const own = this.#owner.subscribe(push);
      const timer = setInterval(() => {
        try {
          for (const change of this.#changesSince(watcher)) push(change);
        } catch (error) {
          fail(error);
        }
      }, POLL);
      return {
        [Symbol.dispose]: () => {
          clearInterval(timer);
          own[Symbol.dispose]();
          this.#watchers.delete(watcher);
        },
      };
    });
  }

  /** Gives back the connection; a later call takes it again. */
  close(): void {
    this.#database.close();
  }

  /** Makes the table, and what it needs. */
  #make(): void {
    this.#database.exec(this.#schema);
    this.#database.get(this.#probe); // fails, and all is undone, if the table is another program's
    if (this.#database.get(IS_NUMBERED, this.name) === undefined) {
      throw new Error("its column id is not AUTOINCREMENT");
    }
    this.#database.exec(this.#triggers);
  }

  /** Takes in a change that was made through the owner, which tells of it itself: it need not be told a second time. */
  #told(number: number): void {
    for (const watcher of this.#watchers) if (number === watcher.known + 1) watcher.known = number;
  }

  /** To be called when the connection is a new one, which may be to another file. */
  #forget(): void {
    this.#isMade = false;
    for (const watcher of this.#watchers) watcher.known = Infinity;
  }

  #changesSince(watcher: Watcher): RepositoryChange[] {
    return this.read("watch", (database) => {
      const { known } = watcher;
      const latest = this.#sequence();
      watcher.known = latest;
      if (latest === known) return [];
      // A smaller number: the table, or the file, is another one.
      if (latest < known || latest - known > MAX_CHANGES) return [{ type: "relist" }];
      const sql = `SELECT job FROM "${this.name}" WHERE id > ? AND id <= ?`;
      const found: RepositoryChange[] = database.all(sql, known, latest)
        .map(({ job }) => ({ type: "put", job: String(job) }));
      // A number without a row was taken by a deletion, or by a value that was written over since.
      return found.length === latest - known ? found : [...found, { type: "relist" }];
    });
  }

  /** The number of the latest change. */
  #sequence(): number {
    this.#database.get(this.#probe); // fails if there is no table
    return Number(this.#database.get(LATEST_NUMBER, this.name)?.seq ?? 0);
  }

  #attempt<T>(doing: string, job: string | undefined, action: () => T): T {
    try {
      return action();
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      const thing = job === undefined ? `${this.#owner}` : `"${job}" in ${this.#owner}`;
      throw new StoreError(`Cannot ${doing} ${thing}: ${what}; ${adviceFor(what)}`, { cause });
    }
  }
}

function occurrences(bytes: Uint8Array, byte: number): number {
  let count = 0;
  for (const each of bytes) if (each === byte) count++;
  return count;
}

/** How far a watcher has been told of the changes. */
interface Watcher {
  known: number;
}

const IS_NUMBERED =
  "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE " +
  "AND sql LIKE '%AUTOINCREMENT%'";
const LATEST_NUMBER = "SELECT seq FROM sqlite_sequence WHERE name = ? COLLATE NOCASE";
const TAKE_NUMBER =
  "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = ? COLLATE NOCASE RETURNING seq";

function adviceFor(message: string): string {
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(message)) ?? [];
  return advice ?? "check the file, its folder and the space that is left";
}

/** What to do about errors, by their texts: `node:sqlite` gives no code for many of them. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/no such file|no such table/, "check the names, or let validate make what is lacking"],
  [/no such column|AUTOINCREMENT/, "use a table that a repository of this class has made"],
  [/locked|busy/, "another process holds the file; try again when it is done"],
  [/not a database|malformed/, "use another file, or restore this one"],
  [/access to/, "allow it, or use another file"],
  [/taken for dead/, "write it again"],
  [/full/, "make space"],
];
