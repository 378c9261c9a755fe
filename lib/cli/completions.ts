/**
 * The verb `completions`, and the hidden one that its scripts call back.
 *
 * @module
 */

import { writeLines, writeOutput } from "./output.ts";
import type { Verb } from "./verb.ts";

/** Milliseconds after which whoever waits for a completion types on. */
const PATIENCE = 2000;

/** The verb `completions`. */
export const completionsVerb: Verb = {
  name: "completions",
  summary: "Print a script that makes a shell complete verbs, names and keys",
  words: "bash|zsh|fish",
  details:
    `For bash and zsh, write into ~/.bashrc or ~/.zshrc: source <(datatask completions bash), or zsh; for fish, write it to
~/.config/fish/completions/datatask.fish. Who runs a pipeline with Deno needs a function in place of the program,
pipeline() { deno run -A pipeline.ts "$@"; }, and its name as PROGRAM.`,
  options: {
    name: {
      type: "string",
      value: "PROGRAM",
      description: 'how it is called; "datatask" otherwise',
    },
  },
  opens: false,
  async run({ words: [shell = ""], options: { name } }) {
    const { completions } = await import("./completion_scripts.ts");
    await writeOutput(completions(shell, typeof name === "string" ? name : undefined));
  },
};

/** The verb that the scripts call: prints the words that could stand at the end of a command line. */
export const completeVerb: Verb = {
  name: "__complete",
  summary: "Print the words that could stand at the end of a command line",
  words: "[WORD...]",
  opens: false,
  async run({ pipeline, words, verbs }) {
    const signal = AbortSignal.timeout(PATIENCE);
    const { complete } = await import("./complete.ts");
    const candidates = await complete(pipeline, verbs.values(), words, signal);
    await writeLines(
      candidates.map(({ word, description }) =>
        description === undefined ? word : `${word}\t${description}`
      ),
    );
    if (signal.aborted) Deno.exit(); // a store that does not answer would keep the process
  },
};
