/**
 * Shell scripts with values in them.
 *
 * @module
 */

import { ScriptPosition } from "./script_position.ts";
import type { Refusal } from "./script_refusal.ts";

/** What scripts consist of that have values in them, which are looked at anew when one becomes part of another. */
const partsOf = new WeakMap<ShellScript, readonly ScriptPart[]>();

/** The first line of a script that is run by no shell which knows quotes as these. */
const FOREIGN =
  /^#!(?![ \t]*\S*\/(?:(?:env|busybox)[ \t]+(?:-S[ \t]+)?(?:\S*\/)?)?(?:[bd]?ash|sh|m?ksh|zsh)(?:[ \t\r\n]|$)).*/;

/**
 * A value as words of a shell script, in single quotes: whatever is in it, the shell takes it for that and nothing else,
 * unless the words stand inside other quotes, a comment, a here-document or the like. {@linkcode sh} sees that they do
 * not.
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
 * strictEqual(shquote(["a.txt", "b c"]), "'a.txt' 'b c'");
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
  // Always in quotes: `a` could be part of `$xa`, `a,b` of `{a,b}`, and `2` of `2>`.
  return `'${text.replaceAll("'", `'\\''`)}'`;
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
 * Makes a shell script. Every value in it is quoted by {@linkcode shquote}, and may stand wherever a word may. A script in
 * it stays as it is. Backslashes reach the shell as they are written.
 *
 * The shell hands a value to a command as it is; what the command makes of it is another matter: `eval` and `sh -c` run
 * what is in it, and bash does so wherever it calculates, as in `$((x))` with the value in `x`, or `[[ ... -eq ... ]]`.
 *
 * @param strings The script around the values.
 * @param values What stands in it.
 * @returns The script.
 * @throws {TypeError} If a value cannot be quoted, or stands where quotes mean something else or nothing: inside other
 * quotes or backticks, a comment, a here-document, `${...}`, `$((...))` or `[...]`, or behind `$` or a backslash; or if the
 * script is not for a shell.
 *
 * @example Usage
 * ```ts
 * import { sh } from "@datatask/datatask";
 * import { strictEqual, throws } from "node:assert";
 *
 * const file = "Moby Dick; rm -rf.txt";
 * strictEqual(sh`wc -w < ${file}`.text, "wc -w < 'Moby Dick; rm -rf.txt'");
 * throws(() => sh`echo "The file is ${file}"`, TypeError); // write: echo "The file is "${file}
 * ```
 */
export function sh(strings: TemplateStringsArray, ...values: unknown[]): ShellScript {
  const parts: ScriptPart[] = [];
  let isPlain = true;
  strings.raw.forEach((text, index) => {
    append(parts, text);
    if (index === values.length) return;
    const value = values[index];
    if (value instanceof ShellScript) {
      isPlain = false;
      for (const part of partsOf.get(value) ?? [value.text]) {
        append(parts, typeof part === "string" ? part : { ...part, number: index + 1 });
      }
    } else {
      const isList = Array.isArray(value);
      isPlain &&= !isList;
      parts.push({ number: index + 1, isList, words: shquote(value) });
    }
  });
  if (!isPlain || !checked.has(strings)) check(parts);
  if (isPlain) checked.add(strings);
  const script = new ShellScript(
    parts.map((part) => typeof part === "string" ? part : part.words).join(""),
  );
  partsOf.set(script, parts);
  return script;
}

/** Scripts around values that may each stand where it does, if it is one word: the same at every call from one place. */
const checked = new WeakSet<TemplateStringsArray>();

/** A part of a script: text, or a value. */
type ScriptPart = string | {
  /** Which of the values that it came with. */
  readonly number: number;
  /** Whether it is a list, of which there may be several words. */
  readonly isList: boolean;
  /** What stands for it. */
  readonly words: string;
};

function append(parts: ScriptPart[], part: ScriptPart): void {
  const last = parts.at(-1);
  if (typeof last === "string" && typeof part === "string") parts[parts.length - 1] = last + part;
  else parts.push(part);
}

/** Sees that each value is taken for itself where it stands. */
function check(parts: readonly ScriptPart[]): void {
  const position = new ScriptPosition();
  const [first] = parts;
  const foreign = typeof first === "string" ? FOREIGN.exec(first)?.[0] : undefined;
  let line = 1;
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text = part;
      line += part.split("\n").length - 1;
      continue;
    }
    const refusal = foreign !== undefined
      ? {
        where: `behind ${JSON.stringify(foreign)}`,
        advice: "it would be quoted as for a shell; give it as an argument, or in the environment",
      }
      : position.read(text) ?? (part.isList && position.isInWord ? IN_WORD : undefined);
    if (refusal !== undefined) {
      throw new TypeError(
        `Cannot put value ${part.number} into a shell script ${refusal.where}, in line ${line}, after ${
          JSON.stringify(text.slice(-20))
        }: ${refusal.advice}`,
      );
    }
    position.pass();
    text = "";
  }
}

const IN_WORD: Refusal = {
  where: "inside a word",
  advice:
    "it is a list, and its items would be words of their own; put a blank before it, or join it",
};

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
      if (
        typeof value?.toString === "function" && value.toString !== Object.prototype.toString
      ) return String(value);
  }
  throw new TypeError(
    `Cannot quote ${
      Deno.inspect(value, { breakLength: Infinity, compact: true })
    } for a shell: it has no text; name one of its properties`,
  );
}
