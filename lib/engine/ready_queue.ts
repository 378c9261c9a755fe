/**
 * The jobs of one task that wait to be started, in order.
 *
 * @module
 */

import { KeySet } from "./key_set.ts";

/**
 * Ids in an order that is given. Most come in bulk, and are sorted once; the few that come later go through a heap.
 */
export class ReadyQueue {
  readonly #compare: (a: number, b: number) => number;
  readonly #members = new KeySet();
  #sorted: Uint32Array = new Uint32Array();
  #next = 0;
  readonly #heap: number[] = [];

  /** Makes an empty queue; `compare` is negative if `a` comes first, and never 0 for two ids. */
  constructor(compare: (a: number, b: number) => number) {
    this.#compare = compare;
  }

  /** How many ids wait. */
  get size(): number {
    return this.#sorted.length - this.#next + this.#heap.length;
  }

  /** Puts these ids in place of all that wait. */
  fill(ids: KeySet): void {
    this.#members.assign(ids);
    this.#sorted = Uint32Array.from(ids).sort(this.#compare);
    this.#next = 0;
    this.#heap.length = 0;
  }

  /** Adds an id, unless it waits already. */
  push(id: number): void {
    if (this.#members.has(id)) return;
    this.#members.add(id);
    const heap = this.#heap;
    let at = heap.push(id) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (this.#compare(heap[parent]!, id) <= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = id;
  }

  /** The first id; undefined if none waits. */
  peek(): number | undefined {
    const [sorted, heaped] = [this.#sorted[this.#next], this.#heap[0]];
    if (sorted === undefined || heaped === undefined) return sorted ?? heaped;
    return this.#compare(sorted, heaped) <= 0 ? sorted : heaped;
  }

  /** Takes the first id out. */
  pop(): void {
    const first = this.peek();
    if (first === undefined) return;
    this.#members.delete(first);
    if (first === this.#sorted[this.#next]) this.#next++;
    else this.#popHeap();
  }

  #popHeap(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#compare(heap[child + 1]!, heap[child]!) < 0) child++;
      if (this.#compare(last, heap[child]!) <= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
