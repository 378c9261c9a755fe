/**
 * Notes of this machine on uploads that are under way, so that a later run can clear those of a run that was killed.
 *
 * A server cannot tell whether the writer of an unfinished upload is still there. So each has a file beside it, locked
 * as long as the writer lives: the system takes the lock from a process that ends, however it ends.
 *
 * @module
 */

import { notesFolder } from "./s3_notes_folder.ts";

/** What is uploaded, and where to. */
export interface NotedUpload {
  /** The endpoint of the server. */
  readonly place: string;
  /** The bucket. */
  readonly bucket: string;
  /** The key. */
  readonly key: string;
}

/** The note on one upload. */
export interface UploadNote {
  /** Removes it: the upload has ended. */
  remove(): void;
  /** Leaves it to a later run: the upload is given up, but could not be ended. */
  release(): void;
}

/** An upload whose writer is gone. */
export interface DeadUpload extends NotedUpload {
  /** The note on it, which is ours now. */
  readonly note: UploadNote;
}

/** How old a note that cannot be read is before it is removed, in milliseconds: until then it may be just being made. */
const GRACE = 3_600_000;

/** How old a note on a bucket that nobody uses any more is before it is removed, in milliseconds: 30 days. */
const KEPT = 30 * 24 * 3_600_000;

/**
 * Notes an upload. To be called before it begins, so that there is none without a note.
 *
 * @param upload The upload.
 * @returns The note; undefined if none can be made here, for want of a place or of permissions.
 */
export function noteUpload(upload: NotedUpload): UploadNote | undefined {
  try {
    const folder = notesFolder("uploads");
    if (folder === undefined) return undefined;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = `${folder}/${crypto.randomUUID()}.json`;
    const file = Deno.openSync(path, { createNew: true, write: true });
    const note = noteOf(path, file);
    try {
      file.lockSync(true);
      file.writeSync(new TextEncoder().encode(JSON.stringify(upload)));
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
 * The uploads to one bucket whose writers are gone.
 *
 * @param place The endpoint of the server.
 * @param bucket The bucket.
 * @returns Those of which the note is ours now, without those of keys that somebody else here is writing.
 */
export function deadUploads(place: string, bucket: string): DeadUpload[] {
  const dead: DeadUpload[] = [];
  const live = new Set<string>();
  for (const path of notePaths()) {
    try {
      const upload = parseNote(Deno.readTextFileSync(path));
      if (upload !== undefined && (upload.place !== place || upload.bucket !== bucket)) {
        removeForgotten(path);
        continue;
      }
      const file = Deno.openSync(path, { read: true, write: true });
      const note = noteOf(path, file);
      if (!file.tryLockSync(true)) {
        if (upload !== undefined) live.add(upload.key);
        note.release();
      } else if (upload !== undefined) {
        dead.push({ ...upload, note });
      } else if (ageOf(file) > GRACE) {
        note.remove();
      } else {
        note.release();
      }
    } catch {
      // Removed by whoever made it, or not ours to read.
    }
  }
  for (const { key, note } of dead) if (live.has(key)) note.release();
  return dead.filter(({ key }) => !live.has(key));
}

function noteOf(path: string, file: Deno.FsFile): UploadNote {
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

/** Removes the note on an upload to another bucket, if it is old and its writer is gone. */
function removeForgotten(path: string): void {
  const file = Deno.openSync(path, { read: true, write: true });
  const note = noteOf(path, file);
  if (ageOf(file) > KEPT && file.tryLockSync(true)) note.remove();
  else note.release();
}

function ageOf(file: Deno.FsFile): number {
  return Date.now() - (file.statSync().mtime?.getTime() ?? 0);
}

function notePaths(): string[] {
  try {
    const folder = notesFolder("uploads");
    return folder === undefined
      ? []
      : [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
  } catch {
    return []; // none was ever made, or none can be read
  }
}

function parseNote(text: string): NotedUpload | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
