/**
 * Connections to SQLite database files, one a file for the whole process, behind every store that keeps its data in one.
 *
 * @module
 */

import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";

/** How long a transaction waits for those of other processes, in milliseconds. */
const BUSY_TIMEOUT = 5000;

/** The open connections, by what the file system knows their file by: a file has many paths. */
const connections = new Map<string, Connection>();

/** What all users of one file share. */
class Connection {
  readonly users = new Set<SqliteDatabase>();
  readonly #id: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(id: string, database: DatabaseSync) {
    this.#id = id;
    this.#database = database;
    connections.set(id, this);
  }

  /** Whether it is open, and the file is the one that it was opened for. */
  isTo(id: string | undefined): boolean {
    return this.#id === id && connections.get(id) === this;
  }

  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  close(): void {
    if (connections.get(this.#id) !== this) return;
    connections.delete(this.#id);
    this.#database.close();
  }
}

/** A row of a result, by the names of its columns. */
export type Row = Record<string, SQLOutputValue>;

/**
 * One user's share in the connection to a database file. It is opened when first used, and closed when the last user
 * has closed its share; whoever uses its share after that opens it again.
 *
 * Every call runs to its end within one turn, so no other code of this process comes between the statements of a
 * transaction. The errors are those of `node:sqlite` and of the file system.
 */
export class SqliteDatabase {
  /** The absolute path of the file. */
  readonly file: string;
  #connection: Connection | undefined;

  /**
   * Touches nothing.
   *
   * @param file The absolute path of the file.
   */
  constructor(file: string) {
    this.file = file;
  }

  /**
   * Makes sure that there is a connection, and that it leads to the file that is there now: what is written to a file
   * that was deleted is lost.
   *
   * @param create Whether to make the file, and its folder, if it is lacking.
   * @returns True if the connection is another one than last time.
   */
  connect(create = false): boolean {
    const id = fileId(this.file);
    if (this.#connection?.isTo(id)) return false;
    this.#connection?.close();
    this.#connection = undefined;
    this.#connection = (id !== undefined && connections.get(id)) || open(this.file, id, create);
    this.#connection.users.add(this);
    return true;
  }

  /** The first row of a result. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#open().statement(sql).get(...values);
  }

  /** All rows of a result. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#open().statement(sql).all(...values);
  }

  /**
   * Runs a statement that has no result.
   *
   * @returns The row id of the last row that was inserted.
   */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#open().statement(sql).run(...values).lastInsertRowid);
  }

  /** Runs statements that are not worth keeping prepared. */
  exec(sql: string): void {
    this.#open().exec(sql);
  }

  /**
   * Runs all statements of `action` or, if it throws, none.
   *
   * @param action What to do; not asynchronous.
   * @returns What `action` returns.
   */
  transaction<T>(action: () => T): T {
    const connection = this.#open();
    connection.statement("BEGIN IMMEDIATE").run();
    try {
      const result = action();
      connection.statement("COMMIT").run();
      return result;
    } catch (error) {
      if (connection.isInTransaction) connection.exec("ROLLBACK");
      throw error;
    }
  }

  /** Gives back the share. Calling it again does nothing. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.users.delete(this) && connection.users.size === 0) connection.close();
  }

  #open(): Connection {
    if (this.#connection === undefined) this.connect();
    return this.#connection!;
  }
}

function open(file: string, id: string | undefined, create: boolean): Connection {
  if (id === undefined) {
    if (!create) throw new Deno.errors.NotFound("there is no such file");
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/") + 1), { recursive: true });
  }
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT });
  try {
    useWal(database);
    database.exec("PRAGMA synchronous = NORMAL");
    return new Connection(fileId(file) ?? file, database);
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Turns write-ahead logging on. While others open the file for the first time, or close it for the last, SQLite may refuse
 * at once instead of waiting.
 */
function useWal(database: DatabaseSync): void {
  const deadline = performance.now() + BUSY_TIMEOUT;
  while (true) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isLocked = error instanceof Error && error.message.includes("locked");
      if (!isLocked || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** What tells a file from all others, also from one that takes its place later; undefined if there is none. */
function fileId(file: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(file);
    return ino === null ? file : `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
