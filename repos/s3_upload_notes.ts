/**
 * Notes of this machine on uploads that are under way, so that a later run can clear those of a run that was killed.
 *
 * @module
 */

import { findNotes, type LockedNote, takeNote } from "./locked_notes.ts";

/** What is uploaded, and where to. */
export type NotedUpload = {
  /** The endpoint of the server. */
  readonly place: string;
  /** The bucket. */
  readonly bucket: string;
  /** The key. */
  readonly key: string;
};

/** The note on one upload. */
export type UploadNote = LockedNote;

/** An upload whose writer is gone. */
export interface DeadUpload extends NotedUpload {
  /** The note on it, which is ours now. */
  readonly note: UploadNote;
}

/**
 * Notes an upload. To be called before it begins, so that there is none without a note.
 *
 * @param upload The upload.
 * @returns The note; undefined if none can be made here, for want of a place or of permissions.
 */
export function noteUpload(upload: NotedUpload): UploadNote | undefined {
  return takeNote("s3-uploads", upload);
}

/**
 * The uploads to one bucket whose writers are gone.
 *
 * @param place The endpoint of the server.
 * @param bucket The bucket.
 * @returns Those of which the note is ours now, without those of keys that somebody else here is writing.
 */
export function deadUploads(place: string, bucket: string): DeadUpload[] {
  const found = findNotes<NotedUpload>(
    "s3-uploads",
    (upload) => upload.place === place && upload.bucket === bucket,
  );
  const live = new Set(
    found.filter(({ note }) => note === undefined).map(({ content }) => content.key),
  );
  const dead = found.flatMap(({ content, note }) => note === undefined ? [] : { ...content, note });
  for (const { key, note } of dead) if (live.has(key)) note.release();
  return dead.filter(({ key }) => !live.has(key));
}
