/**
 * Functions in this process.
 *
 * @module
 */

import type { DoneRecord, DoneRepository } from "../lib/done_record.ts";
import { PipelineError } from "../lib/errors.ts";
import { failureRecord } from "../lib/failure.ts";
import type { Repository } from "../lib/repository.ts";
import type { Attempt } from "../lib/attempt.ts";
import type { RepositoriesOf } from "../lib/link_types.ts";
import { Task, type TaskOptions } from "../lib/task.ts";

/** What the function of a task is given: the job, and the repository of each link under the link's name. */
export type JobArguments<T> = RepositoriesOf<T> & {
  /** The job. */
  readonly job: string;
  /** Aborted when the task's `timeout` has passed. */
  readonly signal: AbortSignal;
};

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
 * all the same has failed with class `timeout`, and its job is not started again while it runs.
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
export class InProcessSyncTask extends Task {
  #func: ((args: JobArguments<this>) => unknown) | undefined;
  #repositories: RepositoriesOf<this> | undefined;

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

  /**
   * Gives the task its function.
   *
   * @param func Called for each job with the job's id and the linked repositories.
   * @returns The task itself.
   */
  func(func: (args: JobArguments<this>) => unknown): this {
    this.#func = func;
    return this;
  }

  /** 16. */
  override get defaultMaxConcurrent(): number {
    return 16;
  }

  /**
   * Checks that there is a function.
   *
   * @throws {PipelineError} If there is none.
   */
  override validate(): Promise<void> {
    if (this.#func !== undefined) return super.validate();
    return Promise.reject(
      new PipelineError([`task "${this.name}" has no function: give it one with .func(...)`]),
    );
  }

  /** Calls the function, and waits for what it returns. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    try {
      const running = this.#call(job, attempt);
      await (this.options.timeout === undefined ? running : this.#untilTimeout(running, attempt));
    } catch (error) {
      const timedOut = attempt.signal.aborted;
      return failureRecord(error, attempt.started, Date.now(), timedOut ? "timeout" : undefined);
    }
    return {
      success: true,
      start_time: new Date(attempt.started).toISOString(),
      end_time: new Date().toISOString(),
    };
  }

  async #call(job: string, attempt: Attempt): Promise<void> {
    if (this.#func === undefined) throw new PipelineError([`task "${this.name}" has no function`]);
    this.#repositories ??= repositoriesOf(this);
    // A signal costs more than a short function: it is made only for those who look at it.
    await this.#func({
      ...this.#repositories,
      job,
      get signal(): AbortSignal {
        return attempt.signal;
      },
    });
  }

  async #untilTimeout(running: Promise<void>, attempt: Attempt): Promise<void> {
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onAbort = (): void => {
      timer = setTimeout(() => {
        attempt.linger(running.catch(() => {}));
        reject(attempt.signal.reason);
      }, GRACE);
    };
    attempt.signal.addEventListener("abort", onAbort);
    try {
      await Promise.race([running, overdue]);
      attempt.signal.throwIfAborted();
    } finally {
      clearTimeout(timer);
      attempt.signal.removeEventListener("abort", onAbort);
    }
  }
}

function repositoriesOf<T extends Task>(task: T): RepositoriesOf<T> {
  const repositories: Record<string, Repository> = {};
  for (const [name, { repo }] of task.links) repositories[name] = repo;
  return repositories as RepositoriesOf<T>; // links are only ever added by .link and .plug, which tell the compiler
}
