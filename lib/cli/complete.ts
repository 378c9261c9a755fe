/**
 * Which words could stand at the end of a command line.
 *
 * @module
 */

import type { Pipeline } from "../pipeline.ts";
import type { Repository } from "../repository.ts";
import type { Verb, VerbOption } from "./verb.ts";

/** How many keys are offered. */
const MAX_KEYS = 100;

/** A word that could stand at the end. */
export interface Candidate {
  /** The word. */
  readonly word: string;
  /** What it is, in a line. */
  readonly description?: string;
}

/**
 * The words that could stand at the end of a command line.
 *
 * @param pipeline The pipeline.
 * @param verbs The verbs.
 * @param words The words of the command line from the verb on. The last is the beginning of the one that is asked for.
 * @param signal When to answer with what has been found till then.
 * @returns The words, which begin with what is there already.
 */
export async function complete(
  pipeline: Pipeline,
  verbs: Iterable<Verb>,
  words: readonly string[],
  signal: AbortSignal,
): Promise<Candidate[]> {
  const before = words.slice(0, -1);
  const begun = words.at(-1) ?? "";
  const shown = [...verbs].filter(({ name }) => !name.startsWith("__"));
  if (before.length === 0 || (before.length === 1 && before[0] === "help")) {
    const help = { word: "help", description: "Show help" };
    const all = shown.map(({ name, summary }) => ({ word: name, description: summary }));
    return beginning(begun, before.length === 0 ? [...all, help] : all);
  }
  const verb = shown.find(({ name }) => name === before[0]);
  if (verb === undefined) return [];
  if (begun.startsWith("-")) return beginning(begun, optionsOf(verb));
  const { words: given, option } = readWords(verb, before.slice(1));
  if (option !== undefined) {
    return beginning(begun, (option.values ?? []).map((word) => ({ word })));
  }
  const expected = verb.words?.split(" ") ?? [];
  const last = expected.at(-1) ?? "";
  const wanted = expected[given.length] ?? (last.includes("...") ? last : "");
  const found: Candidate[] = [];
  for (const kind of wanted.replaceAll(/[[\].]{3}|[[\]]/g, "").split("|")) {
    if (kind === "JOB") found.push(...await keysFor(pipeline, given[0], begun, signal));
    else found.push(...beginning(begun, named(pipeline, kind)));
  }
  return found;
}

function beginning(begun: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ word }) => word.startsWith(begun));
}

function optionsOf(verb: Verb): Candidate[] {
  const options = Object.entries(verb.options ?? {});
  return [
    ...options.map(([name, { description }]) => ({ word: `--${name}`, description })),
    { word: "--help", description: "show help" },
  ];
}

/** The words that are no options, and the option whose value comes next, if one does. */
function readWords(
  verb: Verb,
  words: readonly string[],
): { readonly words: string[]; readonly option: VerbOption | undefined } {
  const found: string[] = [];
  let option: VerbOption | undefined;
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (!word.startsWith("-")) found.push(word);
    else {
      option = Object.entries(verb.options ?? {}).find(([name, { type, short }]) =>
        type === "string" && (word === `--${name}` || word === `-${short}`)
      )?.[1];
    }
  }
  return { words: found, option };
}

/** The names of what the help of a verb calls by a word such as `TASK`. */
function named({ tasks }: Pipeline, kind: string): Candidate[] {
  if (kind === "TASK") return tasks.map(({ name }) => ({ word: name, description: "task" }));
  if (kind === "TASK.LINK" || kind === "EXPRESSION") {
    return tasks.flatMap((task) =>
      Array.from(task.links, ([name, { repo }]) => ({
        word: `${task.name}.${name}`,
        description: `${repo}`,
      }))
    );
  }
  return kind === kind.toLowerCase() && kind !== "" ? [{ word: kind }] : [];
}

/** Keys of a link, of all links of a task, or of all there are. What cannot be listed has none. */
async function keysFor(
  pipeline: Pipeline,
  data: string | undefined,
  begun: string,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const keys = new Set<string>();
  const collecting = collect(pipeline, repositoriesOf(pipeline, data), begun, keys, signal);
  const { promise: timeUp, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await Promise.race([collecting, timeUp]);
  return Array.from(keys, (word) => ({ word }));
}

async function collect(
  { session }: Pipeline,
  repositories: readonly Repository[],
  begun: string,
  keys: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  // The pipeline itself is not opened: that would make folders, and must not happen by a keystroke.
  const opens = !session.isOpen;
  if (opens) await session.open();
  try {
    await Promise.allSettled(repositories.map(async (repository) => {
      for await (const key of repository) {
        if (signal.aborted || keys.size >= MAX_KEYS) return;
        if (key.startsWith(begun)) keys.add(key);
      }
    }));
  } finally {
    if (opens) await session.close();
  }
}

function repositoriesOf({ tasks }: Pipeline, data: string | undefined): Repository[] {
  const [taskName, linkName] = data?.split(".") ?? [];
  const task = tasks.find(({ name }) => name === taskName);
  const link = linkName === undefined ? undefined : task?.links.get(linkName);
  if (link !== undefined) return [link.repo];
  const among = task === undefined ? tasks : [task];
  return [...new Set(among.flatMap(({ links }) => [...links.values()].map(({ repo }) => repo)))];
}
