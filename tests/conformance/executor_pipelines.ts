/**
 * Pipelines whose functions run in threads and processes, for the bugs of the original that concern these. They are
 * imported there as well.
 *
 * @module
 */

import type { Executor } from "../../executors/executor.ts";
import { ExecutorTask, type ExecutorTaskOptions } from "../../executors/executor_task.ts";
import { SubprocessExecutor } from "../../executors/subprocess_executor.ts";
import { WorkerExecutor } from "../../executors/worker_executor.ts";
import type { DoneRecord } from "../../lib/done_record.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import { access, Session } from "../../lib/session.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";

/** How many functions have been called in this thread or process. */
let calls = 0;

/** How many functions have been called in this thread or process, for those who import the module. */
export function callsHere(): number {
  return calls;
}

/** This thread, by its place in `/proc`. */
export function thisThread(): string {
  return Deno.readLinkSync("/proc/thread-self");
}

let opened = 0;
const session = new Session();
const counted = session.resource(function* counted() {
  yield ++opened;
});

/** A store that needs the resource. */
class NeedyRepository extends InProcessMetadataRepository<number> {
  override async validate(): Promise<void> {
    access(counted);
    await super.validate();
  }
}

/** What a call has seen where it was made. */
export interface Seen {
  /** The thread, by its place in `/proc`. */
  readonly thread: string;
  /** The how many-th call it was there. */
  readonly call: number;
  /** How often the resource was opened there. */
  readonly opened: number;
}

const options: ExecutorTaskOptions = { module: import.meta.url, retries: 0 };

/** Functions that never end, whatever they are told. */
function deaf(name: string, executor: Executor) {
  const begun = new InProcessMetadataRepository<number>();
  const threads = new InProcessMetadataRepository<string>();
  const done = new InProcessMetadataRepository<DoneRecord>();
  const task = new ExecutorTask(`${name}-deaf`, executor, done, options)
    .link("jobs", new InProcessMetadataRepository(new Map([["1", 1]])), { isInput: true })
    .link("begun", begun)
    .link("threads", threads)
    .func(async ({ job, begun, threads }) => {
      await threads.dump(job, thisThread());
      await begun.dump(job, (await begun.info(job) ?? 0) + 1);
      await new Promise(() => {});
    });
  return { pipeline: new Pipeline([task]), task, begun, threads, done };
}

/** Functions that tell where they are called. */
function counting(name: string, executor: Executor) {
  const jobs = new Map(Array.from({ length: 8 }, (_, at) => [`${at}`, at]));
  const seen = new InProcessMetadataRepository<Seen>();
  const task = new ExecutorTask(
    `${name}-counting`,
    executor,
    new InProcessMetadataRepository(),
    options,
  )
    .link("jobs", new InProcessMetadataRepository(jobs), { isInput: true })
    .link("needy", new NeedyRepository())
    .link("seen", seen, { isOutput: true })
    .func(async ({ job, seen }) => {
      calls++;
      await seen.dump(job, { thread: thisThread(), call: calls, opened: counted() });
    });
  return { pipeline: new Pipeline([task], session), seen };
}

/** Executors with one thread or process. */
const worker = new WorkerExecutor({ size: 1 });
const process = new SubprocessExecutor({ size: 1 });

/** All pipelines and their stores, by the class of their executor. */
export const pipelines = {
  WorkerExecutor: { deaf: deaf("worker", worker), counting: counting("worker", worker) },
  SubprocessExecutor: { deaf: deaf("process", process), counting: counting("process", process) },
};

// What threads and processes look for.
export const workerDeaf: Pipeline = pipelines.WorkerExecutor.deaf.pipeline;
export const workerCounting: Pipeline = pipelines.WorkerExecutor.counting.pipeline;
export const processDeaf: Pipeline = pipelines.SubprocessExecutor.deaf.pipeline;
export const processCounting: Pipeline = pipelines.SubprocessExecutor.counting.pipeline;
