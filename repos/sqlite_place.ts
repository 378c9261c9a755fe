/**
 * Where a store in SQLite keeps its data, as it was declared: what is known without SQLite, which is loaded when the
 * store is first used.
 *
 * @module
 */

import { absolutePath } from "./paths.ts";

/** A table of a database file, either of which need not be there. */
export class SqlitePlace {
  /** The absolute path of the file. */
  readonly file: string;
  /** The name of the table. */
  readonly table: string;

  /**
   * Touches nothing.
   *
   * @param file The file. A relative path is relative to the working directory of now.
   * @param table The name of the table.
   * @throws {TypeError} If it is no plain identifier, or `file` a URL of another kind.
   */
  constructor(file: string | URL, table: string) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(table) || /^sqlite_/i.test(table)) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(table)} as the name of a table: ` +
          `use up to 100 letters, digits and "_", not beginning with a digit or "sqlite_"`,
      );
    }
    this.file = absolutePath(file);
    this.table = table;
  }

  /** As `table in file`. */
  toString(): string {
    return `${this.table} in ${this.file}`;
  }
}
