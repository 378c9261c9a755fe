/**
 * The verb `rm`: deletes data.
 *
 * @module
 */

import { JobIdError, StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import { type GraphNode, sourcesOf } from "../graph.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Repository } from "../repository.ts";
import { warn } from "../warnings.ts";
import { type Affected, affected, affectedRecursively } from "./affected.ts";
import { nearestKey } from "./nearest_key.ts";
import { opened } from "./opened.ts";
import { writeOutput } from "./output.ts";
import { ALL, selectLink, selectTask } from "./select.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** How many keys of a repository are deleted at the same time. */
const DELETES = 32;

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
  const node: GraphNode = data.includes(".")
    ? selectLink(pipeline, data).link.repo
    : selectTask(pipeline, data);
  if (jobs.length === 0) throw new UsageError(`Name the jobs to delete, or ${ALL}`);
  const keys = jobs[0] === ALL ? undefined : new Set(jobs);
  const direct = affected(node, keys);
  for (const job of keys ?? []) {
    if (![...direct.keys()].some((repository) => repository.isValidJobId(job))) {
      throw new JobIdError(job);
    }
  }
  await opened(pipeline, async () => {
    const found = await deleteAll(
      recursive ? await affectedRecursively(pipeline, node, keys) : direct,
    );
    if (found || keys === undefined) return;
    const guess = await nearestKey(jobs[0]!, direct.keys());
    const asked = jobs.length === 1 ? `no "${jobs[0]}"` : "none of these jobs";
    throw new UsageError(`There is ${asked} to delete from ${data}${guess}`);
  });
}

/**
 * Deletes keys from all repositories, those behind one that fails as well, and writes a line for each deletion.
 *
 * @param affected Keys by repository.
 * @returns Whether any key was there.
 * @throws {StoreError} If keys cannot be deleted.
 */
export async function deleteAll(affected: Affected): Promise<boolean> {
  let found = false;
  const errors: unknown[] = [];
  for (const [repository, keys] of affected) {
    try {
      if (await deleteFrom(repository, keys)) found = true;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1) {
    throw new StoreError(
      `Cannot delete from ${errors.length} repositories: ${errors.map(headline).join("; ")}`,
      { cause: new AggregateError(errors) },
    );
  }
  if (errors.length === 1) throw errors[0];
  return found;
}

/** Deletes keys from a repository; returns whether any was there. */
async function deleteFrom(
  repository: Repository,
  keys: ReadonlySet<string> | undefined,
): Promise<boolean> {
  let found = false;
  let kept = 0;
  let heard = true;
  for await (const batch of batches(keys ?? repository)) {
    const outcomes = await Promise.allSettled(
      batch.map((job) => deleteOne(repository, job, keys === undefined)),
    );
    let lines = "";
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected" || outcome.value === "absent") continue;
      found = true;
      if (outcome.value === "deleted") lines += `${batch[index]} ${repository}\n`;
      else kept++;
    }
    heard &&= await tellOf(lines);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
  if (kept > 0) {
    warn(`${repository} still holds ${kept === 1 ? "a key" : `${kept} keys`}: it does not delete`);
  }
  return found;
}

/** Writes what was deleted; false if nobody wants to read it any more, which is no reason to stop half way. */
async function tellOf(lines: string): Promise<boolean> {
  try {
    await writeOutput(lines);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

async function deleteOne(
  repository: Repository,
  job: string,
  listed: boolean,
): Promise<"absent" | "deleted" | "kept"> {
  if (!listed && !(repository.isValidJobId(job) && await repository.contains(job))) return "absent";
  await repository.delete(job);
  // A store has deleted when it says so, but views may be made not to pass it on.
  const mayKeep = sourcesOf(repository).length > 0;
  return mayKeep && await repository.contains(job) ? "kept" : "deleted";
}

async function* batches(
  jobs: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string[], void, undefined> {
  let batch: string[] = [];
  for await (const job of jobs) {
    if (batch.push(job) < DELETES) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The verb `rm`. */
export const rmVerb: Verb = {
  name: "rm",
  summary: "Delete data of jobs, so that what makes it is done again",
  words: "TASK|TASK.LINK JOB...",
  options: {
    recursive: { type: "boolean", short: "r", description: "delete also what was made from it" },
  },
  run: ({ pipeline, words: [data = "", ...jobs], options }) =>
    deleteData(pipeline, data, jobs, { recursive: options.recursive === true }),
};
