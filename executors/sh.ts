/**
 * Shell scripts with values in them.
 *
 * @module
 */

/**
 * Words that need no quotes wherever they stand. A word of small letters could be `if`, and digits alone before a `>`
 * would name a file descriptor.
 */
const PLAIN = /^(?=.*[^a-z0-9])[A-Za-z0-9_@%+:,./-]+$/;

/**
 * A value as words of a shell script: whatever is in it, the shell takes it for that and nothing else.
 *
 * @param value A string, number, bigint, boolean or URL, an object with a `toString` of its own, or an array of such:
 * each of its items becomes a word. A file URL becomes its path.
 * @returns The quoted word, or several with blanks between.
 * @throws {TypeError} If the value has no text, or has a NUL character in it, which no argument can hold.
 *
 * @example Usage
 * ```ts
 * import { shquote } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(shquote("it's"), `'it'\\''s'`);
 * strictEqual(shquote(["a.txt", "b c"]), "a.txt 'b c'");
 * ```
 */
export function shquote(value: unknown): string {
  if (Array.isArray(value)) return value.map(shquote).join(" ");
  const text = textOf(value);
  if (text.includes("\0")) {
    throw new TypeError(
      `Cannot quote ${JSON.stringify(text)} for a shell: it has a NUL character in it`,
    );
  }
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A shell script whose values are quoted, as {@linkcode sh} makes it. */
export class ShellScript {
  /** The script. */
  readonly text: string;

  /**
   * Takes a script as it is.
   *
   * @param text The script.
   */
  constructor(text: string) {
    this.text = text;
  }

  /** The script. */
  toString(): string {
    return this.text;
  }
}

/**
 * Makes a shell script. Every value in it is quoted by {@linkcode shquote}; a script in it stays as it is. Backslashes
 * reach the shell as they are written.
 *
 * @param strings The script around the values.
 * @param values What stands in it.
 * @returns The script.
 * @throws {TypeError} If a value cannot be quoted, or stands inside quotes.
 *
 * @example Usage
 * ```ts
 * import { sh } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const file = "Moby Dick; rm -rf.txt";
 * strictEqual(sh`wc -w < ${file}`.text, "wc -w < 'Moby Dick; rm -rf.txt'");
 * ```
 */
export function sh(strings: TemplateStringsArray, ...values: unknown[]): ShellScript {
  const quotes = new Quotes();
  return new ShellScript(
    strings.raw.map((part, index) => {
      if (index === values.length) return part;
      quotes.read(part);
      if (quotes.open) {
        throw new TypeError(
          `Cannot put value ${index + 1} into a shell script inside quotes, behind ${
            JSON.stringify(part.slice(-20))
          }: it is quoted already; leave the quotes out`,
        );
      }
      const value = values[index];
      return part + (value instanceof ShellScript ? value.text : shquote(value));
    }).join(""),
  );
}

/** Follows a script to know whether it is inside quotes, where a quoted value would not be what it seems. */
class Quotes {
  /** What is open: `'` and `"` quotes, `(` of a command substitution, which begins anew within `"`. */
  readonly #stack: string[] = [];
  #comment = false;
  #hereDocument = false;

  get open(): boolean {
    return !this.#hereDocument && (this.#stack.at(-1) === "'" || this.#stack.at(-1) === '"');
  }

  read(part: string): void {
    for (let at = 0; at < part.length; at++) {
      const char = part[at]!;
      const top = this.#stack.at(-1);
      if (this.#comment) this.#comment = char !== "\n";
      else if (top === "'") {
        if (char === "'") this.#stack.pop();
      } else if (char === "\\") at++;
      else if (char === "$" && part[at + 1] === "(") {
        this.#stack.push("(");
        at++;
      } else if (char === '"') {
        if (top === '"') this.#stack.pop();
        else this.#stack.push('"');
      } else if (top !== '"') {
        if (char === "'") this.#stack.push("'");
        else if (char === ")" && top === "(") this.#stack.pop();
        else if (char === "(" && top === "(") this.#stack.push("(");
        else if (char === "#" && /(?:^|[\s;&|(])$/.test(part.slice(0, at))) this.#comment = true;
        else if (char === "<" && part[at + 1] === "<") this.#hereDocument = true;
      }
    }
  }
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      if (value instanceof URL && value.protocol === "file:") {
        return decodeURIComponent(value.pathname);
      }
      if (value !== null && value.toString !== Object.prototype.toString) return String(value);
  }
  throw new TypeError(
    `Cannot quote ${Deno.inspect(value)} for a shell: it has no text; name one of its properties`,
  );
}
