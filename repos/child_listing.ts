/**
 * Listing folders of very many entries: a child process does it four times as fast as Deno, and beside whatever else
 * this process has to do.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { concat } from "../lib/streams.ts";
import { type EntryType, MARKS } from "./directory_listing.ts";

const NUL = 0;
const DOT = ".".charCodeAt(0);

/**
 * Lists the entries of a folder, all but `.` and `..`, by a child process, in no particular order.
 *
 * @param folder The absolute path of the folder.
 * @param select Makes what is yielded of a chunk of UTF-8, which is its to change. The chunk holds whole names, and each
 * name ends with a mark, if the entry is no file, and a NUL byte.
 * @returns What `select` makes. At the end, true; false if nothing was listed because there is no `ls` that can do it,
 * so that it must be done in another way.
 * @throws {StoreError} If the child process fails half way.
 */
export async function* listByChild(
  folder: string,
  select: (chunk: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array, boolean, undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("ls", {
      args: ["-U", "-A", "--file-type", "--zero", "--", folder],
      env: { LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true, // Ctrl-C is for this process to handle
    }).spawn();
  } catch {
    return false;
  }
  const complaint = new Response(child.stderr).text();
  let listed = false;
  try {
    let rest: Uint8Array = new Uint8Array();
    for await (const chunk of child.stdout) {
      const end = chunk.lastIndexOf(NUL) + 1;
      if (end > 0) {
        listed = true;
        const whole = chunk.subarray(0, end);
        const next = chunk.slice(end);
        yield select(rest.length === 0 ? whole : concat([rest, whole]));
        rest = next;
      } else {
        rest = concat([rest, chunk]);
      }
    }
  } finally {
    // A caller who has seen enough has closed the pipe, which ends the child.
    await complaint;
    await child.status;
  }
  const { success, code } = await child.status;
  if (success || !listed) return success;
  throw new StoreError(
    `Cannot list ${folder}: ls ended with code ${code} half way: ${(await complaint).trim()}; ` +
      "see that the device works, and try again",
  );
}

/**
 * Takes the wanted names out of a chunk of {@linkcode listByChild}.
 *
 * @param chunk The chunk. It is written over.
 * @param type The type of the entries that are wanted.
 * @param suffix What their names must end with, and lose.
 * @param decide Whether to take an entry of another type, or one whose name begins with a dot: both are rare.
 * @returns The part of the chunk that now holds the names that were taken, each ended by a NUL byte.
 */
export function selectNames(
  chunk: Uint8Array,
  type: EntryType,
  suffix: Uint8Array,
  decide: (name: string, type: EntryType) => boolean,
): Uint8Array {
  let size = 0;
  for (let start = 0, end = 0; start < chunk.length; start = end + 1) {
    end = chunk.indexOf(NUL, start);
    const found = typeOf(chunk[end - 1]!);
    const nameEnd = found === "file" ? end : end - 1;
    const stop = nameEnd - suffix.length;
    const taken = found === type && chunk[start] !== DOT
      ? stop > start && endsWith(chunk, nameEnd, suffix)
      : decide(new TextDecoder().decode(chunk.subarray(start, nameEnd)), found);
    if (!taken) continue;
    if (size !== start) chunk.copyWithin(size, start, stop);
    size += stop - start;
    chunk[size++] = NUL;
  }
  return chunk.subarray(0, size);
}

function typeOf(mark: number): EntryType {
  switch (MARKS.indexOf(String.fromCharCode(mark))) {
    case -1:
      return "file";
    case 0:
      return "directory";
    case 1:
      return "link";
    default:
      return "other";
  }
}

function endsWith(bytes: Uint8Array, end: number, suffix: Uint8Array): boolean {
  for (let i = 1; i <= suffix.length; i++) {
    if (bytes[end - i] !== suffix[suffix.length - i]) return false;
  }
  return true;
}
