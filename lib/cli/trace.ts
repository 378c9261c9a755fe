/**
 * The verb `trace`: which repositories hold some jobs.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Repository } from "../repository.ts";
import { opened } from "./opened.ts";
import { writeJson, writeOutput } from "./output.ts";
import type { ShownTask } from "./shown_links.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode printTrace}. */
export interface PrintTraceOptions {
  /** The jobs to look for. */
  readonly jobs: readonly string[];
  /**
   * Whether to show links, too, that are no input, output or status.
   *
   * @default {false}
   */
  readonly all?: boolean;
  /**
   * Whether to write JSON: an array of tasks, each with its links and the jobs they hold.
   *
   * @default {false}
   */
  readonly json?: boolean;
}

/**
 * Writes to standard output which of some jobs the repository of each link holds: for each task its name, a line
 * `task.link job job...` for each link, and an empty line. Opens the pipeline if it is not open.
 *
 * @param pipeline The pipeline.
 * @param options The jobs, and how to show them.
 * @throws {JobIdError} If a job is no job id. Nothing is written.
 * @throws {StoreError} If a repository cannot tell. What others hold has been written; in place of the rest stands `?`.
 */
export async function printTrace(
  pipeline: Pipeline,
  { jobs, all = false, json = false }: PrintTraceOptions,
): Promise<void> {
  const { shownLinks } = await import("./shown_links.ts");
  const shown = shownLinks(pipeline, all);
  await opened(pipeline, async () => {
    const repositories = new Set(shown.flatMap(({ links }) => links.map(([, { repo }]) => repo)));
    const held: Held = new Map(
      await Promise.all(
        [...repositories].map(async (repo) => [repo, await jobsIn(repo, jobs)] as const),
      ),
    );
    await (json ? writeJson(traceJson(shown, held)) : writeOutput(traceText(shown, held)));
    for (const jobs of held.values()) if (jobs instanceof StoreError) throw jobs;
  }, { readOnly: true });
}

/** The jobs that each repository holds; what went wrong in place of them. */
type Held = ReadonlyMap<Repository, readonly string[] | StoreError>;

async function jobsIn(
  repository: Repository,
  jobs: readonly string[],
): Promise<readonly string[] | StoreError> {
  const held: string[] = [];
  for (const job of jobs) {
    try {
      if (await repository.contains(job)) held.push(job);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      return new StoreError(`Cannot look for "${job}" in ${repository}: ${headline(cause)}`, {
        cause,
      });
    }
  }
  return held;
}

function traceText(shown: readonly ShownTask[], held: Held): string {
  return shown.map(({ task, links }) => {
    const lines = links.map(([link, { repo }]) => {
      const jobs = held.get(repo);
      return `${task.name}.${link} ${Array.isArray(jobs) ? jobs.join(" ") : "?"}\n`;
    });
    return `${task.name}\n${lines.join("")}\n`;
  }).join("");
}

function traceJson(shown: readonly ShownTask[], held: Held): unknown {
  return shown.map(({ task, links }) => ({
    task: task.name,
    links: links.map(([link, { repo }]) => {
      const jobs = held.get(repo);
      return jobs instanceof StoreError
        ? { link, jobs: null, error: jobs.message }
        : { link, jobs };
    }),
  }));
}

/** Refuses jobs of which no repository holds any: they may be mistyped. */
async function checkHeld(
  jobs: readonly string[],
  repositories: ReadonlySet<Repository>,
): Promise<void> {
  for (const job of jobs) {
    for (const repository of repositories) {
      if (repository.isValidJobId(job) && await repository.contains(job)) return;
    }
  }
  const [first = ""] = jobs;
  const { nearestKey } = await import("./nearest_key.ts");
  throw new UsageError(
    `No repository of the pipeline holds a key "${first}"${await nearestKey(first, repositories)}`,
  );
}

/** The verb `trace`. */
export const traceVerb: Verb = {
  name: "trace",
  summary: "Show which repositories hold some jobs",
  reads: true,
  words: "JOB...",
  options: {
    all: { type: "boolean", short: "a", description: "show all links, not only data and status" },
    json: { type: "boolean", description: "write JSON" },
  },
  async run({ pipeline, words, options }) {
    await printTrace(pipeline, {
      jobs: words,
      all: options.all === true,
      json: options.json === true,
    });
    const repositories = new Set(
      pipeline.tasks.flatMap(({ links }) => Array.from(links.values(), ({ repo }) => repo)),
    );
    await checkHeld(words, repositories);
  },
};
