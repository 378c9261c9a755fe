/**
 * Notes of this machine on what is half done, so that a later run can finish what one that was killed has left.
 *
 * A server cannot tell whether somebody is still busy with it. So each note is a file, locked as long as its writer lives:
 * the system takes the lock from a process that ends, however it ends.
 *
 * @module
 */

import { type NoteKind, notesFolder } from "./notes_folder.ts";

/** A note that is ours. */
export interface LockedNote {
  /** Removes it: there is nothing left to do. */
  remove(): void;
  /** Leaves it to a later run. */
  release(): void;
}

/** A note that was found. */
export interface FoundNote<Content> {
  /** What it says. */
  readonly content: Content;
  /** The note, which is ours now; undefined if its writer lives. */
  readonly note: LockedNote | undefined;
}

/** How old a note that cannot be read is before it is removed, in milliseconds: until then it may be just being made. */
const GRACE = 3_600_000;

/** How old a note on something that nobody uses any more is before it is removed, in milliseconds: 30 days. */
const KEPT = 30 * 24 * 3_600_000;

/**
 * Takes a note. To be called before what it says begins.
 *
 * @param kind What it is on.
 * @param content What it says.
 * @returns The note; undefined if none can be made here, for want of a place or of permissions.
 */
export function takeNote(
  kind: NoteKind,
  content: Readonly<Record<string, string>>,
): LockedNote | undefined {
  try {
    const folder = notesFolder(kind);
    if (folder === undefined) return undefined;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = `${folder}/${crypto.randomUUID()}.json`;
    const file = Deno.openSync(path, { createNew: true, write: true });
    const note = noteOf(path, file);
    try {
      file.lockSync(true);
      file.writeSync(new TextEncoder().encode(JSON.stringify(content)));
    } catch {
      note.remove();
      return undefined;
    }
    return note;
  } catch {
    return undefined;
  }
}

/**
 * The notes on something. Removes those on something else that nobody uses any more.
 *
 * @typeParam Content What they say.
 * @param kind What they are on.
 * @param concerns Whether a note is on what is asked for.
 * @returns The notes; those that are ours have to be removed or released.
 */
export function findNotes<Content>(
  kind: NoteKind,
  concerns: (content: Content) => boolean,
): FoundNote<Content>[] {
  const found: FoundNote<Content>[] = [];
  for (const path of notePaths(kind)) {
    try {
      const content = parseNote<Content>(Deno.readTextFileSync(path));
      if (content !== undefined && !concerns(content)) {
        removeForgotten(path);
        continue;
      }
      const file = Deno.openSync(path, { read: true, write: true });
      const note = noteOf(path, file);
      if (!file.tryLockSync(true)) {
        if (content !== undefined) found.push({ content, note: undefined });
        note.release();
      } else if (content !== undefined) {
        found.push({ content, note });
      } else if (ageOf(file) > GRACE) {
        note.remove();
      } else {
        note.release();
      }
    } catch {
      // Removed by whoever made it, or not ours to read.
    }
  }
  return found;
}

function noteOf(path: string, file: Deno.FsFile): LockedNote {
  return {
    remove() {
      try {
        Deno.removeSync(path);
      } catch {
        // Somebody tidied up. Without the file there is nothing to remember.
      }
      file.close();
    },
    release: () => file.close(),
  };
}

/** Removes a note on something else, if it is old and its writer is gone. */
function removeForgotten(path: string): void {
  const file = Deno.openSync(path, { read: true, write: true });
  const note = noteOf(path, file);
  if (ageOf(file) > KEPT && file.tryLockSync(true)) note.remove();
  else note.release();
}

function ageOf(file: Deno.FsFile): number {
  return Date.now() - (file.statSync().mtime?.getTime() ?? 0);
}

function notePaths(kind: NoteKind): string[] {
  try {
    const folder = notesFolder(kind);
    return folder === undefined
      ? []
      : [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
  } catch {
    return []; // none was ever made, or none can be read
  }
}

function parseNote<Content>(text: string): Content | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
