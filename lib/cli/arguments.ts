/**
 * Takes the words of a command line apart.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";
import type { Verb, VerbOption } from "./verb.ts";

/** What stands behind a verb. */
export interface Arguments {
  /** The words that are no options. */
  readonly words: readonly string[];
  /** The options, by name. */
  readonly options: Readonly<Record<string, string | boolean>>;
}

/** The option that every verb has. */
export const HELP: VerbOption = { type: "boolean", short: "h", description: "show this help" };

/**
 * Takes apart what stands behind a verb.
 *
 * @param verb The verb, which says what it takes.
 * @param args What stands behind it.
 * @returns Words and options.
 * @throws {UsageError} If the verb does not take that.
 */
export async function parseArguments(verb: Verb, args: readonly string[]): Promise<Arguments> {
  if (!args.some((arg) => arg.startsWith("-"))) {
    checkWords(verb, args);
    return { words: args, options: {} };
  }
  const { parseArgs } = await import("node:util"); // which takes a tenth of the shortest run to load
  const known: Record<string, VerbOption> = { ...verb.options, help: HELP };
  // Not strict, because the messages of the platform suggest nothing.
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(known).map((
        [name, { type, short }],
      ) => [name, { type, ...short && { short } }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const options: Record<string, string | boolean> = {};
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option === undefined) throw await unknownOption(verb, rawName, known);
    if (option.type === "boolean") {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
      options[name] = true;
    } else {
      if (value === undefined || (!token.inlineValue && value.startsWith("-"))) {
        throw new UsageError(`${rawName} needs a value`);
      }
      options[name] = value;
    }
  }
  if (options.help !== true) checkWords(verb, words);
  return { words, options };
}

async function unknownOption(
  verb: Verb,
  rawName: string,
  known: Readonly<Record<string, VerbOption>>,
): Promise<UsageError> {
  const { nearest } = await import("./suggest.ts");
  const guess = nearest(rawName.replace(/^-+/, ""), Object.keys(known));
  return new UsageError(
    `"${verb.name}" has no option ${rawName}` +
      (guess === undefined ? "" : `; did you mean --${guess}?`),
  );
}

function checkWords(verb: Verb, words: readonly string[]): void {
  const expected = verb.words?.split(" ") ?? [];
  const required = expected.filter((word) => !word.startsWith("["));
  if (words.length < required.length) {
    throw new UsageError(`"${verb.name}" needs ${required[words.length]!.replace("...", "")}`);
  }
  const open = expected.some((word) => word.includes("..."));
  if (words.length > expected.length && !open) {
    throw new UsageError(`"${verb.name}" does not take "${words[expected.length]}"`);
  }
}
