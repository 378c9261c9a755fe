/**
 * The verb `completions`, and the hidden one that its scripts call back.
 *
 * @module
 */

import { complete } from "./complete.ts";
import { completionScript, SHELLS } from "./completion_scripts.ts";
import { writeLines, writeOutput } from "./output.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** Milliseconds after which whoever waits for a completion types on. */
const PATIENCE = 2000;

/** Names of programs that can stand in a script as they are. */
const PROGRAM = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/**
 * The script that teaches a shell to complete the command line of a pipeline.
 *
 * @param shell `bash`, `zsh` or `fish`.
 * @param name The name of the program.
 * @returns The script.
 * @throws {UsageError} If there is no script for the shell, or `name` cannot be the name of a pipeline's program.
 */
export function completions(shell: string, name: string = "datatask"): string {
  const known = SHELLS.find((known) => known === shell);
  if (known === undefined) {
    throw new UsageError(
      `There are no completions for "${shell}"${didYouMean(shell, SHELLS, "shells")}`,
    );
  }
  if (!PROGRAM.test(name)) {
    throw new UsageError(
      `"${name}" is no name for a program: use letters, digits, ".", "_" and "-"`,
    );
  }
  if (name === "deno") {
    throw new UsageError(
      `Completions for "deno" would run any script whose arguments are being typed: define a function such as ` +
        `pipeline() { deno run -A pipeline.ts "$@"; } and take completions for its name`,
    );
  }
  return completionScript(known, name);
}

/** The verb `completions`. */
export const completionsVerb: Verb = {
  name: "completions",
  summary: "Print a script that makes a shell complete verbs, names and keys",
  words: "bash|zsh|fish",
  options: {
    name: {
      type: "string",
      value: "PROGRAM",
      description: 'how it is called; "datatask" otherwise',
    },
  },
  opens: false,
  run: ({ words: [shell = ""], options: { name } }) =>
    writeOutput(completions(shell, typeof name === "string" ? name : undefined)),
};

/** The verb that the scripts call: prints the words that could stand at the end of a command line. */
export const completeVerb: Verb = {
  name: "__complete",
  summary: "Print the words that could stand at the end of a command line",
  words: "[WORD...]",
  opens: false,
  async run({ pipeline, words, verbs }) {
    const signal = AbortSignal.timeout(PATIENCE);
    const candidates = await complete(pipeline, verbs.values(), words, signal);
    await writeLines(
      candidates.map(({ word, description }) =>
        description === undefined ? word : `${word}\t${description}`
      ),
    );
    if (signal.aborted) Deno.exit(); // a store that does not answer would keep the process
  },
};
