/**
 * Messages in a stream of bytes that others write to as well.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { deserialize, serialize } from "node:v8";
import { concat } from "../lib/streams.ts";
import type { CallMessage } from "./calls.ts";

/** How many bytes mark the beginning of a message: no other output has them by chance. */
const MARK_SIZE = 16;

/**
 * A mark that nothing else has.
 *
 * @returns Hexadecimal digits.
 */
export function newMark(): string {
  return crypto.getRandomValues(new Uint8Array(MARK_SIZE)).toHex();
}

/**
 * The bytes of a message: the mark, the length in four bytes, the message as `structuredClone` would copy it.
 *
 * @param mark What {@linkcode newMark} gave to both ends.
 * @param message The message.
 * @returns The bytes.
 * @throws {Error} If it has a value that cannot be copied.
 */
export function frame(mark: string, message: CallMessage): Uint8Array<ArrayBuffer> {
  const body = serialize(message);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length);
  return concat([Uint8Array.fromHex(mark), length, body]);
}

/** Takes messages out of a stream, and the rest, in their order. */
export class FrameReader {
  readonly #mark: Uint8Array;
  readonly #onMessage: (message: CallMessage) => void;
  readonly #onOutput: (output: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** How many bytes there must be before there is anything to do. */
  #needed = 1;

  /**
   * Makes a reader.
   *
   * @param mark What {@linkcode newMark} gave to both ends.
   * @param onMessage Takes each message.
   * @param onOutput Takes what is between messages.
   */
  constructor(
    mark: string,
    onMessage: (message: CallMessage) => void,
    onOutput: (output: Uint8Array) => void,
  ) {
    this.#mark = Uint8Array.fromHex(mark);
    this.#onMessage = onMessage;
    this.#onOutput = onOutput;
  }

  /** Takes in the next bytes of the stream. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    let rest = this.#chunks.length === 1 ? this.#chunks[0]! : concat(this.#chunks);
    for (;;) {
      const at = Buffer.from(rest.buffer, rest.byteOffset, rest.length).indexOf(this.#mark);
      // What may be the beginning of a mark is kept until more is there.
      const output = at < 0 ? rest.length - this.#beginning(rest) : at;
      if (output > 0) this.#onOutput(rest.slice(0, output));
      rest = rest.subarray(output);
      this.#needed = rest.length + 1;
      if (at < 0 || rest.length < MARK_SIZE + 4) break;
      const length = new DataView(rest.buffer, rest.byteOffset + MARK_SIZE).getUint32(0);
      const end = MARK_SIZE + 4 + length;
      this.#needed = end;
      if (rest.length < end) break;
      this.#onMessage(deserialize(rest.slice(MARK_SIZE + 4, end)));
      rest = rest.subarray(end);
      this.#needed = 1;
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  /** Takes in the end of the stream. */
  end(): void {
    if (this.#size > 0) this.#onOutput(concat(this.#chunks));
    this.#chunks = [];
    this.#size = 0;
  }

  /** How many of the last bytes may be the beginning of a mark. */
  #beginning(bytes: Uint8Array): number {
    for (let size = Math.min(MARK_SIZE - 1, bytes.length); size > 0; size--) {
      const tail = bytes.subarray(bytes.length - size);
      if (tail.every((byte, i) => byte === this.#mark[i])) return size;
    }
    return 0;
  }
}
