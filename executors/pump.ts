/**
 * Reading what a process writes, for no longer than it is there.
 *
 * @module
 */

/** Milliseconds in which what has been written comes in, when whoever wrote it has ended. */
const DRAIN = 200;

/** Reads a stream to its end. */
export class Pump {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #done: Promise<void>;

  /**
   * Begins to read.
   *
   * @param stream What the process writes.
   * @param take Takes each piece.
   */
  constructor(stream: ReadableStream<Uint8Array>, take: (chunk: Uint8Array) => void) {
    this.#reader = stream.getReader();
    this.#done = this.#read(take);
    this.#done.catch(() => {}); // thrown by finish()
  }

  /**
   * For when the process has ended: reads what is left. The stream need not end with it: what the process has started may
   * have it too, and go on. Then it is read no more.
   */
  async finish(): Promise<void> {
    const timer = setTimeout(() => void this.#reader.cancel().catch(() => {}), DRAIN);
    try {
      await this.#done;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(take: (chunk: Uint8Array) => void): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      take(value);
    }
  }
}
