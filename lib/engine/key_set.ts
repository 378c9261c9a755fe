/**
 * Sets of keys as bits.
 *
 * @module
 */

/**
 * A set of small non-negative integers, the ids of a {@linkcode KeySpace}: one bit an id, so that sets of a million
 * keys are combined in a millisecond.
 */
export class KeySet {
  /** The bits, 32 ids a word. Ids beyond the last word are not in the set. */
  words: Uint32Array;

  /**
   * Makes an empty set.
   *
   * @param capacity For how many ids to make room. It grows by itself.
   */
  constructor(capacity = 0) {
    this.words = new Uint32Array((capacity + 31) >>> 5);
  }

  /** Whether the set holds an id; -1, the id of no key, never is. */
  has(id: number): boolean {
    return id >= 0 && ((this.words[id >>> 5] ?? 0) >>> (id & 31) & 1) === 1;
  }

  /** Adds an id. */
  add(id: number): void {
    const word = id >>> 5;
    if (word >= this.words.length) this.#grow(word + 1);
    this.words[word]! |= 1 << (id & 31);
  }

  /** Removes an id. */
  delete(id: number): void {
    const word = id >>> 5;
    if (word < this.words.length) this.words[word]! &= ~(1 << (id & 31));
  }

  /** Adds or removes an id; returns whether that changed anything. */
  set(id: number, present: boolean): boolean {
    if (this.has(id) === present) return false;
    if (present) this.add(id);
    else this.delete(id);
    return true;
  }

  /** Adds all ids from 0 to below `end`. */
  addAllBelow(end: number): void {
    if (end === 0) return;
    const last = (end - 1) >>> 5;
    if (last >= this.words.length) this.#grow(last + 1);
    this.words.fill(0xffffffff, 0, last);
    this.words[last]! |= 0xffffffff >>> (31 - ((end - 1) & 31));
  }

  /** Removes all. */
  clear(): void {
    this.words.fill(0);
  }

  /** How many ids are in the set. */
  get size(): number {
    let size = 0;
    for (let word of this.words) {
      word -= word >>> 1 & 0x55555555;
      word = (word & 0x33333333) + (word >>> 2 & 0x33333333);
      size += Math.imul(word + (word >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return size;
  }

  /** True if no id is in the set. */
  get empty(): boolean {
    return this.words.every((word) => word === 0);
  }

  /** The ids, ascending. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let index = 0; index < this.words.length; index++) {
      for (let word = this.words[index]!; word !== 0; word &= word - 1) {
        yield index * 32 + 31 - Math.clz32(word & -word);
      }
    }
  }

  /** A copy. */
  clone(): KeySet {
    return new KeySet().assign(this);
  }

  /** Makes this set equal to another. */
  assign(other: KeySet): this {
    this.words = other.words.slice();
    return this;
  }

  /** Adds what another set holds. */
  union(other: KeySet): this {
    if (other.words.length > this.words.length) this.#grow(other.words.length);
    for (let index = 0; index < other.words.length; index++) {
      this.words[index]! |= other.words[index]!;
    }
    return this;
  }

  /** Keeps only what another set holds, too. */
  intersect(other: KeySet): this {
    for (let index = 0; index < this.words.length; index++) {
      this.words[index]! &= other.words[index] ?? 0;
    }
    return this;
  }

  /** Removes what another set holds. */
  subtract(other: KeySet): this {
    const shared = Math.min(this.words.length, other.words.length);
    for (let index = 0; index < shared; index++) this.words[index]! &= ~other.words[index]!;
    return this;
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }
}
