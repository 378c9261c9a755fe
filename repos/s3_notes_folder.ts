/**
 * Where this machine keeps its notes on buckets.
 *
 * @module
 */

import { stateFolder } from "../lib/state_folder.ts";

/**
 * The folder for one kind of notes, which need not be there yet.
 *
 * @param kind What the notes are on.
 * @returns Its path; undefined if the program may not use it without a question to the user.
 */
export function notesFolder(kind: "uploads" | "cleared"): string | undefined {
  const path = `${stateFolder() ?? "/.local/state/datatask"}/.s3-${kind}`;
  for (const name of ["read", "write"] as const) {
    if (Deno.permissions.querySync({ name, path }).state !== "granted") return undefined;
  }
  return path;
}
