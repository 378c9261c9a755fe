/**
 * The verb `ls`: which keys repositories hold.
 *
 * @module
 */

import { KeyIndex } from "../engine/key_index.ts";
import { noStats } from "../engine/stats.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Repository } from "../repository.ts";
import { opened } from "./opened.ts";
import { writeJson, writeLines } from "./output.ts";
import type { SetExpression } from "./set_expression.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode listData}. */
export interface ListDataOptions {
  /**
   * Whether to write one JSON array, in place of a key a line.
   *
   * @default {false}
   */
  readonly json?: boolean;
}

/**
 * Writes the keys that repositories hold to standard output, sorted, one a line. Opens the pipeline if it is not open.
 *
 * @param pipeline The pipeline.
 * @param expression Which keys: the name of a link, `task.link`, or several joined by `&` (in both), `|` (in any), `-`
 * (in the first but not in the second; with white space around it) and `^` (in one of them only), with parentheses.
 * @param options How to write them.
 * @throws {UsageError} If there is no such link, or the expression is none. Nothing is written.
 * @throws {StoreError} If a repository cannot be listed. Nothing is written.
 */
export async function listData(
  pipeline: Pipeline,
  expression: string,
  { json = false }: ListDataOptions = {},
): Promise<void> {
  if (pipeline.tasks.some(({ name }) => name === expression)) {
    const { selectLink } = await import("./select.ts");
    selectLink(pipeline, expression); // says which links there are
  }
  const { namesIn, parseSetExpression } = await import("./set_expression.ts");
  const parsed = parseSetExpression(expression);
  const repositories = new Map<string, Repository>();
  for (const { name, at } of namesIn(parsed)) {
    repositories.set(name, await repositoryAt(pipeline, expression, name, at));
  }
  await opened(pipeline, async () => {
    const keys = await keysOf(parsed, repositories);
    await (json ? writeJson(keys) : writeLines(keys));
  }, { readOnly: true });
}

async function repositoryAt(
  pipeline: Pipeline,
  text: string,
  name: string,
  at: number,
): Promise<Repository> {
  const { selectLink } = await import("./select.ts");
  try {
    return selectLink(pipeline, name).link.repo;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { usageErrorAt } = await import("./set_expression.ts");
    throw usageErrorAt(text, at, error.message);
  }
}

/** Lists only the repositories that are named: the rest of the pipeline may be large, slow or out of reach. */
async function keysOf(
  expression: SetExpression,
  repositories: ReadonlyMap<string, Repository>,
): Promise<string[]> {
  const { evaluateSetExpression } = await import("./set_expression.ts");
  const index = new KeyIndex(noStats());
  try {
    for (const repository of repositories.values()) index.view(repository);
    await index.look("all");
    const set = evaluateSetExpression(expression, (name) => {
      const { set, doubt } = index.view(repositories.get(name)!);
      if (doubt !== undefined) throw doubt; // the set may lack keys, or hold too many
      return set;
    });
    return Array.from(set, (id) => index.space.name(id)).sort();
  } finally {
    await index.close();
  }
}

/** The verb `ls`. */
export const lsVerb: Verb = {
  name: "ls",
  summary: "List the keys of a repository, or of several with & | - ^ and parentheses",
  reads: true,
  words: "EXPRESSION...",
  details: `EXPRESSION is TASK.LINK, or several joined by operators; those that bind tightest first:

  a.x - b.y  in the first and not in the second; with white space around the "-"
  a.x & b.y  in both
  a.x ^ b.y  in one of them only
  a.x | b.y  in any of them

Equal ones group to the left: "a.x - b.y - c.z" is "(a.x - b.y) - c.z". Shells give a meaning to &, |, ( and ): put
the expression in quotes.`,
  options: { json: { type: "boolean", description: "print a JSON array" } },
  run: ({ pipeline, words, options }) =>
    listData(pipeline, words.join(" "), { json: options.json === true }),
};
