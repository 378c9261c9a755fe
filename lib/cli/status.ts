/**
 * The verb `status`: how many keys each repository holds, and what jobs wait for.
 *
 * @module
 */

import { KeyIndex } from "../engine/key_index.ts";
import { noStats } from "../engine/stats.ts";
import type { View } from "../engine/view.ts";
import { StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { opened } from "./opened.ts";
import { writeJson, writeOutput } from "./output.ts";
import { shownLinks, type ShownTask } from "./shown_links.ts";
import { STATS, StatsDisplay } from "./stats.ts";
import type { Verb } from "./verb.ts";
import { groupWaiting, type WaitingGroup, waitingText } from "./waiting.ts";

/** Options of {@linkcode printStatus}. */
export interface PrintStatusOptions {
  /**
   * Whether to show links, too, that are no input, output or status.
   *
   * @default {false}
   */
  readonly all?: boolean;
  /**
   * Whether to write JSON: an array of tasks, each with its links and their numbers of keys, and with the jobs that wait,
   * by reason.
   *
   * @default {false}
   */
  readonly json?: boolean;
  /**
   * Whether to write to standard error, too, what that took.
   *
   * @default {false}
   */
  readonly stats?: boolean;
}

/**
 * Writes to standard output how many keys the repository of each link holds: for each task its name, a line
 * `task.link count` for each link, and an empty line. Where jobs have been started but wait, as pods do for which there is
 * no room, an indented line before that says how many, and for what. Opens the pipeline if it is not open.
 *
 * @param pipeline The pipeline.
 * @param options What to show, and how.
 * @throws {StoreError} If a repository cannot be listed, or it cannot be said what jobs wait for. What could be counted
 * has been written; in place of the rest stands `?`.
 */
export async function printStatus(
  pipeline: Pipeline,
  { all = false, json = false, stats = false }: PrintStatusOptions = {},
): Promise<void> {
  const shown = shownLinks(pipeline, all);
  await opened(pipeline, async () => {
    const counts = await countKeys(shown, pipeline.snapshots, stats);
    const waits = new Map(
      await Promise.all(shown.map(async ({ task }) => [task, await groupWaiting(task)] as const)),
    );
    await (json
      ? writeJson(statusJson(shown, counts, waits))
      : writeOutput(statusText(shown, counts, waits)));
    for (const part of [...counts.values(), ...waits.values()]) {
      if (part instanceof StoreError) throw part;
    }
  }, { readOnly: true });
}

/** The number of keys of each link's repository, by full name; what went wrong in place of it. */
type Counts = ReadonlyMap<string, number | StoreError>;

/** What the jobs of each task wait for; what went wrong in place of it. */
type Waits = ReadonlyMap<Task, readonly WaitingGroup[] | StoreError>;

/** Lists only what is shown: the rest of the pipeline may be large, slow or out of reach. */
async function countKeys(
  shown: readonly ShownTask[],
  snapshots: string | undefined,
  stats: boolean,
): Promise<Counts> {
  const counted = noStats();
  const keys = new KeyIndex(counted, { snapshots });
  using display = stats ? new StatsDisplay(counted, keys) : undefined;
  try {
    for (const { links } of shown) for (const [, { repo }] of links) keys.view(repo);
    await keys.look("all");
    const counts = new Map<string, number | StoreError>();
    for (const { task, links } of shown) {
      for (const [name, { repo }] of links) {
        const link = `${task.name}.${name}`;
        counts.set(link, countView(link, keys.view(repo)));
      }
    }
    return counts;
  } finally {
    display?.closing();
    await keys.close();
  }
}

function countView(name: string, { set, doubt }: View): number | StoreError {
  return doubt === undefined
    ? set.size
    : new StoreError(`Cannot count the keys of "${name}": ${headline(doubt)}`, { cause: doubt });
}

function statusText(shown: readonly ShownTask[], counts: Counts, waits: Waits): string {
  return shown.map(({ task, links }) => {
    const lines = links.map(([link]) => {
      const count = counts.get(`${task.name}.${link}`);
      return `${task.name}.${link} ${typeof count === "number" ? count : "?"}\n`;
    });
    const groups = waits.get(task);
    if (groups instanceof StoreError) lines.push("  ? jobs wait\n");
    else lines.push(waitingText(groups ?? []));
    return `${task.name}\n${lines.join("")}\n`;
  }).join("");
}

function statusJson(shown: readonly ShownTask[], counts: Counts, waits: Waits): unknown {
  return shown.map(({ task, links }) => {
    const waiting = waits.get(task);
    return {
      task: task.name,
      links: links.map(([link]) => {
        const count = counts.get(`${task.name}.${link}`);
        return typeof count === "number"
          ? { link, count }
          : { link, count: null, error: count?.message };
      }),
      ...waiting instanceof StoreError ? { waiting: null, error: waiting.message } : { waiting },
    };
  });
}

/** The verb `status`. */
export const statusVerb: Verb = {
  name: "status",
  summary: "Show how many keys each repository holds, and what jobs wait for",
  reads: true,
  options: {
    all: { type: "boolean", short: "a", description: "show all links, not only data and status" },
    json: { type: "boolean", description: "write JSON" },
    stats: STATS,
  },
  run: ({ pipeline, options: { all, json, stats } }) =>
    printStatus(pipeline, { all: all === true, json: json === true, stats: stats === true }),
};
