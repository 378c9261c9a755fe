/**
 * The ends of logs: what a node still has of a log whose reader fell behind.
 *
 * @module
 */

/** How many bytes of the end are remembered. */
const SIZE = 4096;

/** Copies a log, and remembers its end. */
export class LogTail {
  /** How many bytes were copied. */
  size = 0;
  #end = new Uint8Array();

  /** Takes in the next bytes. */
  push(bytes: Uint8Array): void {
    this.size += bytes.length;
    if (bytes.length >= SIZE) {
      this.#end = bytes.slice(-SIZE);
      return;
    }
    const both = new Uint8Array(this.#end.length + bytes.length);
    both.set(this.#end);
    both.set(bytes, this.#end.length);
    this.#end = both.slice(-SIZE);
  }

  /**
   * What a log holds behind this end.
   *
   * @param log The log, from wherever it begins.
   * @param write Called with what is behind the end.
   * @returns Whether the end is in the log.
   */
  async findIn(
    log: AsyncIterable<Uint8Array>,
    write: (bytes: Uint8Array) => Promise<void>,
  ): Promise<boolean> {
    const end = new Uint8Array(this.#end);
    let found = false;
    let before = new Uint8Array();
    for await (const bytes of log) {
      if (found) {
        await write(bytes);
        continue;
      }
      const both = new Uint8Array(before.length + bytes.length);
      both.set(before);
      both.set(bytes, before.length);
      const at = indexOf(both, end);
      found = at >= 0;
      if (found) await write(both.slice(at + end.length));
      else before = both.slice(Math.max(0, both.length - end.length + 1));
    }
    return found;
  }
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  if (part.length === 0) return 0;
  const first = part[0]!;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + part.length > bytes.length) return -1;
    let same = 1;
    while (same < part.length && bytes[at + same] === part[same]) same++;
    if (same === part.length) return at;
  }
  return -1;
}
