/**
 * What repositories held when they were last listed, kept in a file, for those that can prove that nothing has changed.
 *
 * @module
 */

import { fingerprint } from "../fingerprint.ts";
import type { Repository } from "../repository.ts";
import { KeySet } from "./key_set.ts";
import { KeySpace } from "./key_space.ts";

/** The first bytes of each file: what it is, and its format. */
const MAGIC = new TextEncoder().encode("datatask keys 1\n");

/** Words of 32 bits behind these: the checksum of all that follows, and the lengths of the parts. */
const HEADER_WORDS = 6;

/** How many keys there must be, unless somebody asks for other numbers: fewer are listed about as fast as they are read. */
const MIN_KEYS = 20_000;

/** What the files are called, and what they are called while they are written. */
const NAME = /^[0-9a-f]{16}(\.[0-9a-f-]{36}\.tmp)?$/;

/** Milliseconds after which a file that nobody has written anew is taken for one that nobody needs. */
const MAX_AGE = 30 * 24 * 3600 * 1000;

/** The sets of keys that were true at certain revisions of repositories; see `Repository.revision`. */
export type KeptSets = ReadonlyMap<string, KeySet>;

/**
 * A file with a key space, and sets over it by the revision of their repository.
 *
 * It is a cache: what is not there, damaged, or by another version or machine, counts for nothing.
 */
export class Snapshot {
  readonly #folder: string;
  readonly #path: string;
  readonly #minKeys: number;

  private constructor(folder: string, name: string, minKeys: number) {
    this.#folder = folder;
    this.#minKeys = minKeys;
    this.#path = `${folder}/${name}`;
  }

  /**
   * The snapshot of some repositories; its file is not touched yet.
   *
   * @param folder Where the file is or will be, beside those of others.
   * @param repositories The repositories.
   * @param minKeys How many keys there must be for it to be written.
   * @returns The snapshot; undefined if the program may not use the folder without a question to the user.
   */
  static of(
    folder: string,
    repositories: readonly Repository[],
    minKeys: number = MIN_KEYS,
  ): Snapshot | undefined {
    for (const name of ["read", "write"] as const) {
      if (Deno.permissions.querySync({ name, path: folder }).state !== "granted") return undefined;
    }
    const names = repositories.map(String).sort().join("\n");
    return new Snapshot(folder, fingerprint(names), minKeys);
  }

  /**
   * Reads the file.
   *
   * @param space Where its keys go; empty.
   * @returns The sets by revision; none, and the space as it is, if there is no file that can be read, or if a key was
   * named meanwhile: it keeps its id.
   */
  async read(space: KeySpace): Promise<KeptSets> {
    try {
      const file = await Deno.readFile(this.#path);
      return space.size === 0 ? decode(file, space) : new Map();
    } catch {
      return new Map(); // whatever is wrong with it: it is written anew
    }
  }

  /**
   * Writes the file, if that is worth while.
   *
   * @param space The keys.
   * @param sets The sets by revision.
   * @throws {Error} If it cannot be written.
   */
  async write(space: KeySpace, sets: KeptSets): Promise<void> {
    const all = new KeySet();
    for (const set of sets.values()) all.union(set);
    if (all.size < this.#minKeys) return;
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.${crypto.randomUUID()}.tmp`;
    try {
      await Deno.writeFile(temporary, encode(...compact(space, sets, all)), { mode: 0o600 });
      await Deno.rename(temporary, this.#path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {}); // the first error is the one to tell
      throw error;
    }
    await this.#removeOld();
  }

  /** Removes what repositories left that are used no longer. The folder may be used for other things as well. */
  async #removeOld(): Promise<void> {
    for await (const { name } of Deno.readDir(this.#folder)) {
      if (!NAME.test(name)) continue;
      const path = `${this.#folder}/${name}`;
      const info = await Deno.stat(path).catch(() => undefined); // another process may be faster
      const age = Date.now() - (info?.mtime?.getTime() ?? Infinity);
      if (age > MAX_AGE) await Deno.remove(path).catch(() => {});
    }
  }
}

/** Leaves out the keys that are in none of the sets. */
function compact(space: KeySpace, sets: KeptSets, all: KeySet): [KeySpace, KeptSets] {
  if (all.size === space.size) return [space, sets];
  const compacted = new KeySpace();
  const moved = new Map(Array.from(sets.keys(), (revision) => [revision, new KeySet(all.size)]));
  for (const id of all) {
    const to = compacted.intern(space.name(id));
    for (const [revision, set] of sets) if (set.has(id)) moved.get(revision)!.add(to);
  }
  return [compacted, moved];
}

function encode(space: KeySpace, sets: KeptSets): Uint8Array {
  const { bytes, ends, hashes } = space.parts();
  const revisions = new TextEncoder().encode(JSON.stringify([...sets.keys()]));
  const setWords = (space.size + 31) >>> 5;
  const words = HEADER_WORDS + space.size * 2 + setWords * sets.size;
  const text = MAGIC.length + words * 4;
  const file = new Uint8Array((text + bytes.length + revisions.length + 3) & ~3);
  file.set(MAGIC);
  const view = new Uint32Array(file.buffer, MAGIC.length);
  view.set([0, 0, space.size, bytes.length, sets.size, revisions.length]);
  view.set(ends, HEADER_WORDS);
  view.set(hashes, HEADER_WORDS + space.size);
  let at = HEADER_WORDS + space.size * 2;
  for (const { words } of sets.values()) {
    view.set(words.subarray(0, setWords), at);
    at += setWords;
  }
  file.set(bytes, text);
  file.set(revisions, text + bytes.length);
  view.set(checksum(view.subarray(2)));
  return file;
}

/** @throws {Error} If the file is none of this format, or damaged. */
function decode(file: Uint8Array<ArrayBuffer>, space: KeySpace): KeptSets {
  if (MAGIC.some((byte, at) => file[at] !== byte)) throw new TypeError("It is no snapshot");
  const view = new Uint32Array(file.buffer, MAGIC.length);
  const [first, second, size = 0, used = 0, count = 0, length = 0] = view;
  const [expectedFirst, expectedSecond] = checksum(view.subarray(2));
  if (first !== expectedFirst || second !== expectedSecond) throw new TypeError("It is damaged");
  const setWords = (size + 31) >>> 5;
  const ends = view.subarray(HEADER_WORDS, HEADER_WORDS + size);
  const hashes = view.subarray(HEADER_WORDS + size, HEADER_WORDS + size * 2);
  const firstSet = HEADER_WORDS + size * 2;
  const text = MAGIC.length + (firstSet + setWords * count) * 4;
  const revisions: string[] = JSON.parse(
    new TextDecoder().decode(file.subarray(text + used, text + used + length)),
  );
  space.restore({ bytes: file.subarray(text, text + used), ends, hashes });
  return new Map(revisions.map((revision, i) => {
    const set = new KeySet();
    const at = firstSet + setWords * i;
    set.words = view.slice(at, at + setWords);
    return [revision, set];
  }));
}

/** Two sums over words, of which one at least changes when any word does. */
function checksum(words: Uint32Array): [number, number] {
  let [first, second] = [0x811c9dc5, words.length];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    first = Math.imul(first ^ word, 0x01000193);
    second = (Math.imul(second, 0x9e3779b1) + word) | 0;
  }
  return [first >>> 0, second >>> 0];
}
