/**
 * The verb `rm`: deletes data.
 *
 * @module
 */

import { JobIdError } from "../errors.ts";
import type { GraphNode } from "../graph.ts";
import type { Pipeline } from "../pipeline.ts";
import { opened } from "./opened.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode deleteData}. */
export interface DeleteDataOptions {
  /**
   * Whether to delete also what was made from the data.
   *
   * @default {false}
   */
  readonly recursive?: boolean;
}

/**
 * Deletes data, and writes a line for each deletion to standard output: the key and the repository. Opens the pipeline
 * if it is not open.
 *
 * Of a task, its outputs and its account of the jobs are deleted, and never what it only reads.
 *
 * @param pipeline The pipeline.
 * @param data What to delete from: the name of a task, or of a link, `task.link`.
 * @param jobs The jobs. If the first is `__all__`, every job.
 * @param options Whether to go on to what was made from the data.
 * @throws {UsageError} If there is no such task or link, or if none of the jobs was found. Nothing is deleted.
 * @throws {JobIdError} If one of the jobs is no job id. Nothing is deleted.
 * @throws {StoreError} If keys cannot be deleted. Those of the other repositories are deleted all the same.
 */
export async function deleteData(
  pipeline: Pipeline,
  data: string,
  jobs: readonly string[],
  { recursive = false }: DeleteDataOptions = {},
): Promise<void> {
  const { ALL, selectLink, selectTask } = await import("./select.ts");
  const node: GraphNode = data.includes(".")
    ? selectLink(pipeline, data).link.repo
    : selectTask(pipeline, data);
  if (jobs.length === 0) throw new UsageError(`Name the jobs to delete, or ${ALL}`);
  const { affected, affectedRecursively } = await import("./affected.ts");
  const keys = jobs[0] === ALL ? undefined : new Set(jobs);
  const direct = affected(node, keys);
  for (const job of keys ?? []) {
    if (![...direct.keys()].some((repository) => repository.isValidJobId(job))) {
      throw new JobIdError(job);
    }
  }
  await opened(pipeline, async () => {
    const { deleteAll } = await import("./delete_all.ts");
    const found = await deleteAll(
      recursive ? await affectedRecursively(pipeline, node, keys) : direct,
    );
    if (found || keys === undefined) return;
    const { nearestKey } = await import("./nearest_key.ts");
    const guess = await nearestKey(jobs[0]!, direct.keys());
    const asked = jobs.length === 1 ? `no "${jobs[0]}"` : "none of these jobs";
    throw new UsageError(`There is ${asked} to delete from ${data}${guess}`);
  });
}

/** The verb `rm`. */
export const rmVerb: Verb = {
  name: "rm",
  summary: "Delete data of jobs, so that what makes it is done again",
  words: "TASK|TASK.LINK JOB...|__all__",
  details:
    `Of a TASK, what it wrote and its account of the jobs are deleted, and nothing that it only reads; of TASK.LINK, what
is in that repository. "__all__" stands for all jobs.`,
  options: {
    recursive: { type: "boolean", short: "r", description: "delete also what was made from it" },
  },
  run: ({ pipeline, words: [data = "", ...jobs], options }) =>
    deleteData(pipeline, data, jobs, { recursive: options.recursive === true }),
};
