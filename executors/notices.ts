/**
 * What a shell says of itself in a few bytes now and then.
 *
 * @module
 */

/** How many bytes are read at a time: more than what is said at once. */
const SIZE = 64;

/** Reads the standard output of a shell. One small buffer serves for all: a stream makes one of 64 KB for each read. */
export class Notices {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SIZE);

  /** Takes the stream; nothing is read. */
  constructor(stdout: ReadableStream<Uint8Array>) {
    this.#reader = stdout.getReader({ mode: "byob" });
  }

  /** What is said next, until the next call; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    const { value, done } = await this.#reader.read(this.#buffer);
    if (value !== undefined) this.#buffer = new Uint8Array(value.buffer);
    return done ? undefined : value;
  }

  /** Calls `onNotice` whenever something is said, until the end. */
  async hear(onNotice: () => void): Promise<void> {
    while (await this.next() !== undefined) onNotice();
  }

  /** Reads no more. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
