/**
 * Notes of this machine on tags that are being taken away: between two requests a tag names an empty image, and if the
 * program is killed just then, a later run takes it away.
 *
 * @module
 */

import { findNotes, type LockedNote, takeNote } from "./locked_notes.ts";

/** A deletion that has begun. */
export type NotedDeletion = {
  /** The URL of the registry. */
  readonly place: string;
  /** The repository of images. */
  readonly repository: string;
  /** The tag. */
  readonly tag: string;
  /** The empty image that it may name, and nothing else does. */
  readonly digest: string;
};

/** A deletion whose program is gone. */
export interface DeadDeletion extends NotedDeletion {
  /** The note on it, which is ours now. */
  readonly note: LockedNote;
}

/**
 * Notes a deletion. To be called before the tag is moved.
 *
 * @param deletion The deletion.
 * @returns The note; undefined if none can be made here, for want of a place or of permissions.
 */
export function noteDeletion(deletion: NotedDeletion): LockedNote | undefined {
  return takeNote("registry-deletions", deletion);
}

/**
 * The deletions from a repository of images whose programs are gone.
 *
 * @param place The URL of the registry.
 * @param repository The repository of images.
 * @returns Those of which the note is ours now.
 */
export function deadDeletions(place: string, repository: string): DeadDeletion[] {
  const found = findNotes<NotedDeletion>(
    "registry-deletions",
    (deletion) => deletion.place === place && deletion.repository === repository,
  );
  return found.flatMap(({ content, note }) => note === undefined ? [] : { ...content, note });
}
