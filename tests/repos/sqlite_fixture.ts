/**
 * What the tests of the stores in SQLite share.
 *
 * @module
 */

import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { inFolder } from "../temporary_folder.ts";

/** Runs a test with the path of a database file, in a folder of its own, that does not exist yet. */
export function withFile(test: (file: string) => void | Promise<void>): Promise<void> {
  return inFolder((folder) => test(`${folder}/state.db`));
}

/** Runs SQL over a connection of its own, as another program would, and gives the rows of a query. */
export function query(file: string, sql: string): Record<string, SQLOutputValue>[] {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

/** Whether something exists. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Another process that runs a module, in which `$repos` stands for the URL of the folder of the stores. */
export function spawn(code: string, ...args: string[]): Deno.ChildProcess {
  const repos = new URL("../../repos", import.meta.url).href;
  const module = `data:application/typescript,${
    encodeURIComponent(code.replaceAll("$repos", repos))
  }`;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", module, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/**
 * Runs a module in several processes, one for each of `args`; its arguments are the path of the database file and that.
 * What follows the line `// begin` in it begins in all of them at once.
 *
 * @throws {Error} If one of them fails.
 */
export async function runAtOnce(
  code: string,
  file: string,
  args: readonly string[],
): Promise<void> {
  const waiting = code.replace(
    "// begin",
    "Deno.stdout.writeSync(new Uint8Array(1)); Deno.stdin.readSync(new Uint8Array(1));",
  );
  const children = args.map((arg) => spawn(waiting, file, arg));
  const readers = children.map((child) => child.stdout.getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  const failures = await Promise.all(children.map(async (child, i) => {
    await child.stdin.close();
    const errors = await new Response(child.stderr).text();
    await readers[i]!.cancel();
    return (await child.status).success ? "" : errors;
  }));
  if (failures.some((errors) => errors !== "")) throw new Error(failures.join("\n"));
}
