/**
 * What jobs that are processes have written.
 *
 * @module
 */

import type { BlobRepository } from "../lib/blob_repository.ts";
import type { ProcessJob } from "./process_job.ts";
import type { AbstractProcessManager } from "./process_manager.ts";

/** Milliseconds between two looks at what a job has written: when it has just written something, and the longest. */
const FIRST_LOOK = 20;
const LONGEST_LOOK = 500;

/** Where one stream of a job's output is. */
export interface LogSource {
  /** The file in the job's folder. */
  readonly path: string;
  /** Where it is kept besides, once the job has ended. */
  readonly repository: BlobRepository | undefined;
}

/**
 * What a job that has ended has written, one stream after the other.
 *
 * @param manager Where it ran.
 * @param job The job.
 * @param sources Where its output is: in its folder, or else where it is kept besides.
 * @returns The text; undefined if nothing is there.
 */
export async function endedLog(
  manager: AbstractProcessManager,
  job: string,
  sources: readonly LogSource[],
): Promise<ReadableStream<Uint8Array> | undefined> {
  const parts: (() => AsyncIterable<Uint8Array>)[] = [];
  for (const { path, repository } of sources) {
    if (await manager.readAt(path, 0) !== undefined) parts.push(() => readFile(manager, path));
    else if (await repository?.contains(job)) parts.push(() => readBlob(repository!, job));
  }
  return parts.length === 0 ? undefined : ReadableStream.from(chain(parts));
}

/**
 * What a job that runs writes, in the order in which it is seen.
 *
 * @param manager Where it runs.
 * @param job The job.
 * @param paths The files to which it writes.
 * @param options Whether to go on until it has ended; and what stops that.
 * @returns The text.
 */
export function liveLog(
  manager: AbstractProcessManager,
  job: ProcessJob,
  paths: readonly string[],
  options: { readonly follow: boolean; readonly signal?: AbortSignal | undefined },
): ReadableStream<Uint8Array> {
  return ReadableStream.from(follow(manager, job, paths, options));
}

async function* follow(
  manager: AbstractProcessManager,
  job: ProcessJob,
  paths: readonly string[],
  { follow, signal }: { readonly follow: boolean; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const offsets = paths.map(() => 0);
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  signal?.addEventListener("abort", () => stop(), { once: true });
  for (let wait = FIRST_LOOK; !signal?.aborted; wait = Math.min(2 * wait, LONGEST_LOOK)) {
    const running = follow && await manager.isRunning(job); // before what it has written is read
    for (const [index, path] of paths.entries()) {
      for (let bytes; (bytes = await manager.readAt(path, offsets[index]!))?.length;) {
        offsets[index]! += bytes.length;
        yield bytes;
        if (signal?.aborted) return;
        wait = FIRST_LOOK / 2;
      }
    }
    if (!running) return;
    await manager.pause(wait, job.ended, stopped);
  }
}

async function* chain(
  parts: readonly (() => AsyncIterable<Uint8Array>)[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) yield* part();
}

async function* readFile(
  manager: AbstractProcessManager,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  for (let bytes; (bytes = await manager.readAt(path, offset))?.length;) {
    offset += bytes.length;
    yield bytes;
  }
}

async function* readBlob(
  repository: BlobRepository,
  job: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await repository.readable(job);
}
