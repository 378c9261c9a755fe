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
  return Deno.statSync(folder).size >= LARGE &&
    Deno.permissions.querySync({ name: "run", command: "ls" }).state === "granted";
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
