/**
 * The names of all keys that the engine knows, and a small integer for each.
 *
 * @module
 */

import { JOB_ID_RULE } from "../job_id.ts";
import { KeySet } from "./key_set.ts";

const NUL = 0;
const ZERO = 0x30;
const NINE = 0x39;
const HASH_BASIS = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** What a {@linkcode KeySpace} consists of. All its keys are ids by the usual rule. */
export interface KeySpaceParts {
  /** The names, each ended by a NUL byte. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each name ends: at its NUL byte. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** A hash of each name. */
  readonly hashes: Uint32Array<ArrayBuffer>;
}

/**
 * Job ids, stored once, as bytes in one arena; each has an id, counted from 0 in the order of arrival, that never
 * changes. Repositories are {@linkcode KeySet}s over these ids.
 *
 * Stores of one kind tend to list the same keys in the same order. So a listing is first compared with the arena in
 * the arena's own order, which takes a few nanoseconds a key, and only what differs is looked up in a hash table, which
 * is made when it is first needed.
 */
export class KeySpace {
  #bytes = new Uint8Array(1 << 12);
  #used = 0;
  /** Where each key ends in `#bytes`: at the NUL behind it. */
  #ends = new Uint32Array(1 << 8);
  /** The hash of each key, so that keys that differ are told apart without a look at their bytes. */
  #hashes = new Uint32Array(1 << 8);
  #size = 0;
  /** Ids plus 1 by hash, open addressing, at most half full; empty until it is first needed. */
  #table = new Uint32Array(0);
  /** True as long as every key is an id by the usual rule, so that a known key needs no second check. */
  #usual = true;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #scratch = new Uint8Array(1 << 10);

  /** How many keys there are; their ids are 0 to below this. */
  get size(): number {
    return this.#size;
  }

  /** The name of a key. */
  name(id: number): string {
    return this.#decoder.decode(this.#bytes.subarray(this.#start(id), this.#ends[id]));
  }

  /** The id of a name; -1 if it is not known. */
  find(name: string): number {
    const length = this.#encode(name);
    const slot = this.#slotOf(hashOf(this.#scratch, 0, length), this.#scratch, 0, length);
    return this.#table[slot]! - 1;
  }

  /** The id of a name, which becomes known. */
  intern(name: string): number {
    const length = this.#encode(name);
    if (this.#usual && !JOB_ID_RULE.accepts(name)) this.#usual = false;
    return this.#intern(this.#scratch, 0, length);
  }

  /**
   * Adds the keys of a listing to a set.
   *
   * @param chunks Chunks of whole names, each ended by a NUL byte, as `Repository.bulkIter` gives them.
   * @param onInvalid Called with each name that is no job id by the usual rule, and is skipped.
   * @returns The set.
   */
  load(chunks: Iterable<Uint8Array>, onInvalid: (name: string) => void): KeySet {
    const set = new KeySet(this.#size);
    const known = this.#size;
    const fresh = known === 0;
    let next = 0; // the id that comes next if the listing goes on as the arena does
    for (const chunk of chunks) {
      let start = 0;
      while (start < chunk.length) {
        const end = next < known && this.#usual ? this.#match(next, chunk, start) : -1;
        if (end >= 0) {
          set.add(next++);
          start = end + 1;
          continue;
        }
        let stop = chunk.indexOf(NUL, start);
        if (stop < 0) stop = chunk.length;
        if (!isUsual(chunk, start, stop)) {
          onInvalid(this.#decoder.decode(chunk.subarray(start, stop)));
        } else if (fresh) {
          this.#append(chunk, start, stop); // nothing can be known yet: what came twice is seen at the end, in bulk
        } else {
          const id = this.#intern(chunk, start, stop);
          set.add(id);
          if (id < known) next = id + 1;
        }
        start = stop + 1;
      }
    }
    if (fresh) {
      if (!this.#index()) this.#dropRepeated();
      set.addAllBelow(this.#size);
    }
    return set;
  }

  /** All that is known, for {@linkcode restore}: views, true until the next key is added. */
  parts(): KeySpaceParts {
    return {
      bytes: this.#bytes.subarray(0, this.#used),
      ends: this.#ends.subarray(0, this.#size),
      hashes: this.#hashes.subarray(0, this.#size),
    };
  }

  /** Makes an empty space equal to the one whose {@linkcode parts} these are, and takes them over. */
  restore({ bytes, ends, hashes }: KeySpaceParts): void {
    this.#bytes = bytes;
    this.#used = bytes.length;
    this.#ends = ends;
    this.#hashes = hashes;
    this.#size = ends.length;
    this.#table = new Uint32Array(0);
  }

  /**
   * The natural order of two keys: runs of digits by their value, the rest by bytes; `v2` comes before `v10`.
   *
   * @returns Negative if `a` comes first, positive if `b` does.
   */
  compare(a: number, b: number): number {
    const bytes = this.#bytes;
    const endA = this.#ends[a]!;
    const endB = this.#ends[b]!;
    let i = this.#start(a);
    let j = this.#start(b);
    while (i < endA && j < endB) {
      const x = bytes[i]!;
      const y = bytes[j]!;
      if (isDigit(x) && isDigit(y)) {
        while (bytes[i] === ZERO && isDigit(bytes[i + 1]!)) i++;
        while (bytes[j] === ZERO && isDigit(bytes[j + 1]!)) j++;
        let p = i;
        let q = j;
        while (isDigit(bytes[p]!)) p++; // the NUL behind each key ends the run
        while (isDigit(bytes[q]!)) q++;
        if (p - i !== q - j) return (p - i) - (q - j);
        for (; i < p; i++, j++) if (bytes[i] !== bytes[j]) return bytes[i]! - bytes[j]!;
      } else {
        if (x !== y) return x - y;
        i++;
        j++;
      }
    }
    return (endA - i) - (endB - j) || (endA - this.#start(a)) - (endB - this.#start(b)) || a - b;
  }

  #start(id: number): number {
    return id === 0 ? 0 : this.#ends[id - 1]! + 1;
  }

  /** Writes a name into the scratch buffer; returns its length. */
  #encode(name: string): number {
    const { length } = name;
    if (length * 3 > this.#scratch.length) this.#scratch = new Uint8Array(length * 3);
    for (let at = 0; at < length; at++) {
      const code = name.charCodeAt(at);
      if (code >= 128) return this.#encoder.encodeInto(name, this.#scratch).written;
      this.#scratch[at] = code;
    }
    return length;
  }

  /** Where key `id` ends in `chunk` if it stands there at `start`; -1 if it does not. */
  #match(id: number, chunk: Uint8Array, start: number): number {
    const bytes = this.#bytes;
    const end = this.#ends[id]!;
    let at = start;
    for (let i = this.#start(id); i < end; i++, at++) if (bytes[i] !== chunk[at]) return -1;
    return chunk[at] === NUL ? at : -1;
  }

  #intern(source: Uint8Array, start: number, end: number): number {
    const hash = hashOf(source, start, end);
    const slot = this.#slotOf(hash, source, start, end);
    const known = this.#table[slot]! - 1;
    if (known >= 0) return known;
    const added = this.#append(source, start, end);
    this.#table[slot] = added + 1;
    if (this.#size * 2 > this.#table.length) this.#index();
    return added;
  }

  #append(source: Uint8Array, start: number, end: number): number {
    const needed = this.#used + end - start + 1;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    const bytes = this.#bytes;
    let used = this.#used;
    let hash = HASH_BASIS;
    for (let at = start; at < end; at++) {
      const byte = source[at]!;
      bytes[used++] = byte;
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    if (this.#size === this.#ends.length) {
      this.#ends = doubled(this.#ends);
      this.#hashes = doubled(this.#hashes);
    }
    this.#hashes[this.#size] = finished(hash);
    this.#ends[this.#size] = used;
    bytes[used++] = NUL;
    this.#used = used;
    return this.#size++;
  }

  /** Makes the table; false if a name was found twice. */
  #index(): boolean {
    let length = 1 << 8;
    while (length < this.#size * 2) length *= 2;
    const table = this.#table = new Uint32Array(length);
    const [hashes, mask] = [this.#hashes, length - 1];
    for (let id = 0; id < this.#size; id++) {
      const hash = hashes[id]!;
      let slot = hash & mask;
      for (let other = table[slot]!; other !== 0; other = table[slot]!) {
        if (hashes[other - 1] === hash) {
          const [start, end] = [this.#start(id), this.#ends[id]!];
          if (this.#equal(other - 1, this.#bytes, start, end)) return false;
        }
        slot = (slot + 1) & mask;
      }
      table[slot] = id + 1;
    }
    return true;
  }

  /** Gives out the ids anew, one for each name. */
  #dropRepeated(): void {
    const [bytes, ends, size] = [this.#bytes, this.#ends.slice(), this.#size]; // which are written to again
    this.#bytes = new Uint8Array(bytes.length);
    this.#used = 0;
    this.#size = 0;
    this.#table = new Uint32Array(0);
    for (let id = 0, start = 0; id < size; start = ends[id++]! + 1) {
      this.#intern(bytes, start, ends[id]!);
    }
  }

  /** The slot of the table where a name stands, or where it would go. */
  #slotOf(hash: number, source: Uint8Array, start: number, end: number): number {
    if (this.#table.length === 0) this.#index();
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#table[slot]! - 1;
      if (id < 0 || (this.#hashes[id] === hash && this.#equal(id, source, start, end))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equal(id: number, source: Uint8Array, start: number, end: number): boolean {
    const from = this.#start(id);
    if (this.#ends[id]! - from !== end - start) return false;
    for (let i = 0; i < end - start; i++) {
      if (this.#bytes[from + i] !== source[start + i]) return false;
    }
    return true;
  }
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv). */
function hashOf(source: Uint8Array, start: number, end: number): number {
  let hash = HASH_BASIS;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ source[at]!, HASH_PRIME);
  return finished(hash);
}

/** The high bits folded in, because the table uses the low ones. */
function finished(hash: number): number {
  return (hash ^ hash >>> 15) >>> 0;
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(Math.max(array.length * 2, 1 << 8));
  grown.set(array);
  return grown;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isUsual(chunk: Uint8Array, start: number, end: number): boolean {
  const { ascii, maxLength } = JOB_ID_RULE;
  if (start === end || end - start > maxLength) return false;
  if (((ascii[chunk[start]!] ?? 0) & (ascii[chunk[end - 1]!] ?? 0) & 2) === 0) return false;
  for (let at = start; at < end; at++) if (((ascii[chunk[at]!] ?? 0) & 1) === 0) return false;
  return true;
}
