/**
 * Where this machine keeps its notes on stores.
 *
 * @module
 */

import { stateFolder } from "../lib/state_folder.ts";

/** What notes are on. */
export type NoteKind = "s3-uploads" | "s3-cleared" | "registry-deletions";

/**
 * The folder for one kind of notes, which need not be there yet.
 *
 * @param kind What the notes are on.
 * @returns Its path; undefined if the program may not use it without a question to the user.
 */
export function notesFolder(kind: NoteKind): string | undefined {
  const path = `${stateFolder() ?? "/.local/state/datatask"}/.${kind}`;
  for (const name of ["read", "write"] as const) {
    if (Deno.permissions.querySync({ name, path }).state !== "granted") return undefined;
  }
  return path;
}
