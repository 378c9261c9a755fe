/**
 * What is written to standard output within a test.
 *
 * @module
 */

/** Collects what is written to standard output, until it is disposed of. */
export class Captured implements Disposable {
  readonly #write = Deno.stdout.write;
  readonly #decoder = new TextDecoder();
  /** How often something was written. */
  writes = 0;
  /** What was written. */
  text = "";

  /** Begins. */
  constructor() {
    Deno.stdout.write = (bytes) => {
      this.writes++;
      this.text += this.#decoder.decode(bytes, { stream: true });
      return Promise.resolve(bytes.length);
    };
  }

  /** Returns what was written since the last time. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }

  /** Ends. */
  [Symbol.dispose](): void {
    Deno.stdout.write = this.#write;
  }
}
