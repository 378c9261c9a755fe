/**
 * Handles on the values of blob repositories, over Web streams.
 *
 * @module
 */

/**
 * One array of many.
 *
 * @param chunks The parts.
 * @returns Their bytes, one after the other, in an array of its own.
 */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Reads the bytes of a value. */
export class BlobReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  #ended = false;

  /**
   * Takes over a stream.
   *
   * @param stream The bytes.
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * Reads on.
   *
   * @param size How many bytes at most. All that are left, if it is not given.
   * @returns The bytes: as many as were asked for, fewer only at the end, none behind it.
   */
  async read(size: number = Infinity): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    let wanted = size;
    while (wanted > 0 && (this.#rest.length > 0 || await this.#fill())) {
      const part = this.#rest.subarray(0, wanted);
      this.#rest = this.#rest.subarray(part.length);
      wanted -= part.length;
      parts.push(part);
    }
    return concat(parts);
  }

  /** Ends the reading. Calling it again does nothing. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#rest = new Uint8Array();
    await this.#reader.cancel();
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #fill(): Promise<boolean> {
    while (!this.#ended && this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) this.#ended = true;
      else this.#rest = value;
    }
    return this.#rest.length > 0;
  }
}

/** Reads the text of a value, decoded as UTF-8. What is no UTF-8 becomes U+FFFD. */
export class TextReader implements AsyncDisposable {
  readonly #bytes: BlobReader;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #rest = "";
  #ended = false;

  /**
   * Takes over a reader.
   *
   * @param bytes Reads the bytes.
   */
  constructor(bytes: BlobReader) {
    this.#bytes = bytes;
  }

  /**
   * Reads on.
   *
   * @param size How many UTF-16 code units at most (a surrogate pair is not torn apart, so it may be one less). All
   * that are left, if it is not given.
   * @returns The text; empty only at the end, or if `size` is 0.
   */
  async read(size: number = Infinity): Promise<string> {
    while (this.#rest.length < Math.max(size, 2) && !this.#ended) {
      const chunk = await this.#bytes.read(size === Infinity ? Infinity : CHUNK);
      this.#ended = chunk.length < CHUNK || size === Infinity;
      this.#rest += this.#decoder.decode(chunk, { stream: !this.#ended });
    }
    let end = Math.min(size, this.#rest.length);
    if (end > 1 && end < this.#rest.length && isHighSurrogate(this.#rest.charCodeAt(end - 1))) {
      end--;
    } else if (end === 1 && isHighSurrogate(this.#rest.charCodeAt(0)) && this.#rest.length > 1) {
      end = 2;
    }
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    return text;
  }

  /** Ends the reading. Calling it again does nothing. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#rest = "";
    await this.#bytes.close();
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** How many bytes a text reader takes at once. */
const CHUNK = 65536;

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

/** Writes the bytes of a value. {@linkcode close} commits; whatever else ends it discards. */
export class BlobWriter implements AsyncDisposable {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #ended = false;

  /**
   * Takes over a stream.
   *
   * @param stream Where the bytes go.
   */
  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {}); // told by the calls that fail
  }

  /**
   * Writes on.
   *
   * @param data The bytes.
   */
  async write(data: Uint8Array): Promise<void> {
    await this.#writer.write(data);
  }

  /** Commits: when this resolves, the key exists with all that was written. */
  async close(): Promise<void> {
    await this.#writer.close();
    this.#ended = true;
  }

  /**
   * Discards what was written.
   *
   * @param reason Why.
   */
  async abort(reason?: unknown): Promise<void> {
    this.#ended = true;
    await this.#writer.abort(reason);
  }

  /** Discards what was written, unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.abort();
  }
}

/** Writes the text of a value, as UTF-8. {@linkcode close} commits; whatever else ends it discards. */
export class TextWriter implements AsyncDisposable {
  readonly #bytes: BlobWriter;
  readonly #encoder = new TextEncoder();
  #high = "";

  /**
   * Takes over a writer.
   *
   * @param bytes Writes the bytes.
   */
  constructor(bytes: BlobWriter) {
    this.#bytes = bytes;
  }

  /**
   * Writes on.
   *
   * @param text The text. A surrogate pair may be torn apart between two calls.
   */
  async write(text: string): Promise<void> {
    const whole = this.#high + text;
    this.#high = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : "";
    await this.#bytes.write(this.#encoder.encode(whole.slice(0, whole.length - this.#high.length)));
  }

  /** Commits: when this resolves, the key exists with all that was written. */
  async close(): Promise<void> {
    if (this.#high !== "") await this.#bytes.write(this.#encoder.encode(this.#high));
    await this.#bytes.close();
  }

  /**
   * Discards what was written.
   *
   * @param reason Why.
   */
  async abort(reason?: unknown): Promise<void> {
    await this.#bytes.abort(reason);
  }

  /** Discards what was written, unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bytes[Symbol.asyncDispose]();
  }
}
