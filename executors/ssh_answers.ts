/**
 * Answers of shells on other machines, as they come in.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What a shell has answered. */
export interface RemoteAnswer {
  /** The code of the last command; 0 if it went well. */
  readonly code: number;
  /** What was written to standard output. */
  readonly output: Uint8Array<ArrayBuffer>;
}

/** Takes answers from a stream. Each ends with a mark, its code and a newline. */
export class AnswerBuffer {
  readonly #mark: string;
  #bytes = Buffer.alloc(8192);
  #size = 0;
  /** How many bytes are known to hold no mark. */
  #searched = 0;

  constructor(mark: string) {
    this.#mark = mark;
  }

  /** What is not answer yet, as text. */
  get rest(): string {
    return this.#bytes.toString("utf8", 0, this.#size);
  }

  /** Adds bytes, and gives the answers that are whole now. */
  *add(chunk: Uint8Array): Generator<RemoteAnswer, void, undefined> {
    this.#reserve(this.#size + chunk.length);
    this.#bytes.set(chunk, this.#size);
    this.#size += chunk.length;
    for (;;) {
      const received = this.#bytes.subarray(0, this.#size);
      const end = received.indexOf(this.#mark, this.#searched);
      const newline = end < 0 ? -1 : received.indexOf("\n", end + this.#mark.length);
      if (newline < 0) {
        this.#searched = end < 0 ? Math.max(0, this.#size - this.#mark.length) : end;
        return;
      }
      const output = new Uint8Array(received.subarray(0, end));
      const code = Number(received.toString("latin1", end + this.#mark.length, newline));
      this.#bytes.copyWithin(0, newline + 1, this.#size);
      this.#size -= newline + 1;
      this.#searched = 0;
      yield { code, output };
    }
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const longer = Buffer.alloc(2 * size);
    longer.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = longer;
  }
}
