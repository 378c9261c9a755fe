/**
 * Listing folders: what decides how, and the names that Deno itself lists. How a child process does it is in
 * `child_listing.ts`, which only folders of very many entries need.
 *
 * @module
 */

/** What an entry is by itself: a symbolic link is one, whatever it leads to. */
export type EntryType = "file" | "directory" | "link" | "other";

/** The marks that `ls --file-type` puts behind the names of entries that are no files. */
export const MARKS = "/@|=>";

/** From which size of the folder itself, in bytes, a child process is worth its start: some thousand names. */
const LARGE = 128 * 1024;

/** How many names make a chunk where no child process lists. */
const BATCH = 4096;

/**
 * Whether to list a folder with `listByChild`.
 *
 * @param folder The folder.
 * @returns True if it is large, and the program may run `ls` without a question to the user.
 * @throws {Error} What `Deno.statSync` throws.
 */
export function isForChild(folder: string): boolean {
  return isLarge(folder) &&
    Deno.permissions.querySync({ name: "run", command: "ls" }).state === "granted";
}

/**
 * The entries of a folder: at once, unless they are very many, since a turn for each takes several times as long.
 *
 * @param folder The folder.
 * @returns The entries, all but `.` and `..`.
 * @throws {Error} What `Deno.readDir` throws.
 */
export function entriesOf(folder: string): Iterable<Deno.DirEntry> | AsyncIterable<Deno.DirEntry> {
  return isLarge(folder) ? Deno.readDir(folder) : Deno.readDirSync(folder);
}

function isLarge(folder: string): boolean {
  return Deno.statSync(folder).size >= LARGE;
}

/**
 * Names in bulk.
 *
 * @param names The names.
 * @returns Chunks of UTF-8. Each holds whole names, and each name ends with a NUL byte.
 */
export async function* inBulk(
  names: AsyncIterable<string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let batch: string[] = [];
  for await (const name of names) {
    if (batch.push(name) < BATCH) continue;
    yield encoder.encode(`${batch.join("\0")}\0`);
    batch = [];
  }
  if (batch.length > 0) yield encoder.encode(`${batch.join("\0")}\0`);
}
