/**
 * What a function writes to its console.
 *
 * @module
 */

import { concat } from "../lib/streams.ts";

/** How much is kept of what one job writes, in bytes: what goes beyond is dropped. */
const MAX_SIZE = 16 * 1024 * 1024;

/** Collects what a job writes, for those who read it while it runs, and for the end. */
export class JobConsole {
  readonly #echoes: boolean;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #dropped = 0;
  #ended = false;
  /** How many read along. */
  #followers = 0;
  #more = Promise.withResolvers<void>();

  /**
   * Begins to collect.
   *
   * @param echoes Whether all is written to standard error at once, as long as nobody reads along.
   */
  constructor(echoes: boolean) {
    this.#echoes = echoes;
  }

  /** Takes in what the job writes. */
  write(text: Uint8Array): void {
    if (this.#echoes && this.#followers === 0) {
      for (let at = 0; at < text.length;) at += Deno.stderr.writeSync(text.subarray(at));
    }
    if (this.#size + text.length > MAX_SIZE) {
      this.#dropped += text.length;
      return;
    }
    this.#chunks.push(text);
    this.#size += text.length;
    this.#wake();
  }

  /** Takes in that the job has ended. */
  end(): void {
    if (this.#dropped > 0) {
      this.#chunks.push(
        new TextEncoder().encode(`\n(${this.#dropped} bytes more were not kept)\n`),
      );
    }
    this.#ended = true;
    this.#wake();
  }

  /** All that was kept. */
  text(): Uint8Array {
    return concat(this.#chunks);
  }

  /** The last line that has something in it; undefined if there is none. */
  lastLine(): string | undefined {
    for (let count = 1;; count *= 2) { // nobody needs the rest
      const lines = new TextDecoder().decode(concat(this.#chunks.slice(-count))).trimEnd();
      const at = lines.lastIndexOf("\n");
      if (at < 0 && count < this.#chunks.length) continue;
      return lines.slice(at + 1) || undefined;
    }
  }

  /** What was written so far; and with `follow` also what comes, until the job has ended or `signal` is aborted. */
  read(
    { follow = false, signal }: { readonly follow?: boolean; readonly signal?: AbortSignal },
  ): ReadableStream<Uint8Array> {
    let next = 0;
    let follows = follow && !this.#ended && !signal?.aborted;
    if (follows) this.#followers++;
    const leave = (): void => {
      if (follows) this.#followers--;
      follows = false;
    };
    const stopped = Promise.withResolvers<void>();
    signal?.addEventListener("abort", () => {
      leave();
      stopped.resolve();
    }, { once: true });
    return new ReadableStream({
      pull: async (controller) => {
        while (follow && next === this.#chunks.length && !this.#ended && !signal?.aborted) {
          await Promise.race([this.#more.promise, stopped.promise]);
        }
        const chunk = this.#chunks[next++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: leave,
    }, { highWaterMark: 0 });
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
