/**
 * Errors of the file system, in words that say what to do.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";

/** What happened and what to do next, by the code of the operating system. */
const EXPLANATIONS: Readonly<Record<string, readonly [happened: string, next: string]>> = {
  EACCES: ["permission denied", "give this user access to it"],
  EDQUOT: ["the disk quota is used up", "free some space and try again"],
  EEXIST: ["something else is there", "move it away or correct the path"],
  EISDIR: ["it is a folder, not a file", "move it away or correct the path"],
  ELOOP: ["its symbolic links lead in a circle", "correct them"],
  EMFILE: ["too many files are open", "raise the limit (ulimit -n) or do less at once"],
  ENAMETOOLONG: ["the name is too long for the file system", "use a shorter key or path"],
  ENOENT: ["there is no such folder", "create it or correct the path"],
  ENOSPC: ["no space is left on the device", "free some space and try again"],
  ENOTDIR: [
    "it is a file, or lies under one, where a folder should be",
    "move the file away or correct the path",
  ],
  EPERM: ["the operation is not permitted", "give this user access to it"],
  EROFS: ["the file system is read-only", "mount it for writing or correct the path"],
};

/** The number of the error that writing to an open file meets most. */
const ENOSPC = "28";

/**
 * The error to throw for one that an operation on a file threw.
 *
 * @param doing What was being done and to what, as it goes on from "Cannot".
 * @param path The file or folder.
 * @param error What was thrown.
 * @returns A `StoreError` for an error of the system; any other as it is, since it tells of a mistake in the program.
 */
export function fileError(doing: string, path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const [happened, next] = EXPLANATIONS[code] ?? lackedPermission(error) ??
    [error.message, "see that the device works, and try again"];
  return new StoreError(`Cannot ${doing}: ${happened} (${path}); ${next}`, { cause: error });
}

/**
 * Whether an error says that a file, or a folder that leads to it, is not there.
 *
 * @param error What was thrown.
 * @returns True if so.
 */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** What Deno says of a permission that the program was not given, in two parts. */
function lackedPermission(error: Error): readonly [happened: string, next: string] | undefined {
  const [, kind, flag] = /^Requires (\w+) access .*(--allow-[\w-]+)/.exec(error.message) ?? [];
  if (kind === undefined) return undefined;
  return [`Deno has not given this program ${kind} access`, `run it again with ${flag}`];
}

function codeOf(error: Error): string | undefined {
  if ("code" in error && typeof error.code === "string") return error.code;
  // Deno gives no code to errors of open files, nor to those of permissions, whose messages name the flag to add.
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  if (number !== undefined) return number === ENOSPC ? "ENOSPC" : `os error ${number}`;
  if (isNotFound(error)) return "ENOENT";
  return error instanceof Deno.errors.NotCapable ? error.name : undefined;
}
