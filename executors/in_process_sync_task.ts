/**
 * Functions in this process.
 *
 * @module
 */

import type { Attempt } from "../lib/attempt.ts";
import { type DoneRecord, type DoneRepository, successRecord } from "../lib/done_record.ts";
import { failureRecord } from "../lib/failure.ts";
import type { TaskOptions } from "../lib/task.ts";
import { FunctionTask } from "./function_task.ts";

/** Milliseconds that a function has to end after its timeout, before its job is recorded without it. */
const GRACE = 2_000;

/**
 * Runs a function in this process for each job.
 *
 * What the function returns is ignored. A job whose function throws has failed, with class `user`, unless it throws a
 * {@linkcode JobError} that says otherwise or a {@linkcode StoreError}, which is class `infra`. At most 16 jobs run at
 * the same time, unless `maxConcurrent` says otherwise; a function that never waits runs alone.
 *
 * After `timeout` the function's `signal` is aborted. JavaScript cannot be ended from outside: a function that goes on
 * for two seconds all the same has failed with class `timeout`; it is not tried again, and its job not started while it
 * runs.
 *
 * The record of a job has `success`, `start_time` and `end_time`, and if it failed `class`, `attempts`, `exception`
 * and `traceback`.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, InProcessMetadataRepository, InProcessSyncTask, Pipeline, run } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const books = new InProcessBlobRepository();
 * const lengths = new InProcessMetadataRepository<number>();
 * const measure = new InProcessSyncTask("measure", new InProcessMetadataRepository())
 *   .link("books", books, { isInput: true })
 *   .link("lengths", lengths, { isOutput: true })
 *   .func(async ({ job, books, lengths }) => {
 *     await lengths.dump(job, (await books.readText(job)).length);
 *   });
 *
 * await books.writeText("moby", "Call me Ishmael.");
 * await run(new Pipeline([measure]));
 * strictEqual(await lengths.info("moby"), 16);
 * ```
 */
export class InProcessSyncTask extends FunctionTask {
  /**
   * Makes the task. It works once it has an input and a function.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param done Where the records of ended jobs are kept.
   * @param options What every task can be told.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(name: string, done: DoneRepository, options: TaskOptions = {}) {
    super(name, done, options);
  }

  /** 16. */
  override get defaultMaxConcurrent(): number {
    return 16;
  }

  /** Calls the function, and waits for what it returns. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    const { env, started } = attempt;
    try {
      const running = this.callFunction(job, attempt);
      await (this.options.timeout === undefined ? running : untilTimeout(running, attempt));
    } catch (error) {
      const timedOut = attempt.signal.aborted;
      return failureRecord(error, started, env.now(), timedOut ? "timeout" : undefined);
    }
    return successRecord(started, env.now());
  }
}

/** Waits for a function, but after its timeout no longer than the grace period. */
async function untilTimeout(running: Promise<void>, attempt: Attempt): Promise<void> {
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  let timer: Disposable | undefined;
  const onAbort = (): void => {
    timer = attempt.env.schedule(() => {
      attempt.linger(running.catch(() => {}));
      reject(attempt.signal.reason);
    }, GRACE);
  };
  attempt.signal.addEventListener("abort", onAbort);
  try {
    await Promise.race([running, overdue]);
    attempt.signal.throwIfAborted();
  } finally {
    timer?.[Symbol.dispose]();
    attempt.signal.removeEventListener("abort", onAbort);
  }
}
