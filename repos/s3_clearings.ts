/**
 * Notes of this machine on when it last looked for uploads that nobody will finish: once a day is enough for what is a
 * week old.
 *
 * @module
 */

import { fingerprint } from "../lib/fingerprint.ts";
import { notesFolder } from "./notes_folder.ts";

const DAY = 24 * 3_600_000;

/** How old a note on what nobody uses any more is before it is removed, in milliseconds. */
const KEPT = 30 * DAY;

/**
 * Whether somebody should look for old uploads to a place, and notes that this happens now.
 *
 * @param place What names the server and the part of the bucket.
 * @returns False if it was done within a day, or if there is no place to note it.
 */
export function isClearingDue(place: string): boolean {
  const folder = notesFolder("s3-cleared");
  if (folder === undefined) return false;
  const path = `${folder}/${fingerprint(place)}`;
  try {
    if (ageOf(path) < DAY) return false;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(path, `${place}\n`);
    for (const { name } of Deno.readDirSync(folder)) {
      if (ageOf(`${folder}/${name}`) > KEPT) Deno.removeSync(`${folder}/${name}`);
    }
    return true;
  } catch {
    return false; // without a note it would be done in each run
  }
}

/** How long ago a file was written, in milliseconds; for ever if there is none, or if it claims to be from the future. */
function ageOf(path: string): number {
  try {
    const age = Date.now() - (Deno.statSync(path).mtime?.getTime() ?? 0);
    return age < 0 ? Infinity : age;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Infinity;
    throw error;
  }
}
