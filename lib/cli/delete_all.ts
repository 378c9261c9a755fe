/**
 * Deletes keys, and tells of each.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import { sourcesOf } from "../graph.ts";
import type { Repository } from "../repository.ts";
import { warn } from "../warnings.ts";
import type { Affected } from "./affected.ts";
import { writeOutput } from "./output.ts";

/** How many keys of a repository are deleted at the same time. */
const DELETES = 32;

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
