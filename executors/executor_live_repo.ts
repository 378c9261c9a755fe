/**
 * The jobs of a task that an executor runs.
 *
 * @module
 */

import { changes } from "../lib/changes.ts";
import { Repository, type RepositoryChange } from "../lib/repository.ts";

/** What is known of a job that runs. */
export interface LiveJobInfo {
  /** When it was started: ISO 8601, UTC. */
  readonly start_time: string;
}

/** A job that runs. */
interface LiveJob {
  readonly started: number;
  cancel(): Promise<void>;
}

/**
 * A view of the jobs of a task that its executor runs. Deleting a key cancels the job: it has failed with class
 * `cancelled`.
 *
 * An `ExecutorTask` makes it, and has it as its link `live`.
 *
 * @example Usage
 * ```ts
 * import { ExecutorTask, InProcessMetadataRepository, WorkerExecutor } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const task = new ExecutorTask("count", new WorkerExecutor(), new InProcessMetadataRepository());
 * deepStrictEqual(await Array.fromAsync(task.live), []);
 * ```
 */
export class ExecutorLiveRepo extends Repository<LiveJobInfo | undefined> {
  /** True. */
  override readonly isInMemory: boolean = true;

  readonly #task: string;
  readonly #jobs = new Map<string, LiveJob>();

  /**
   * Makes the view; nothing runs yet.
   *
   * @param task The name of the task.
   */
  constructor(task: string) {
    super();
    this.#task = task;
  }

  /** The jobs that run. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* [...this.#jobs.keys()];
  }

  /** Whether a job runs. */
  override contains(job: string): Promise<boolean> {
    return Promise.try(() => {
      this.check(job);
      return this.#jobs.has(job);
    });
  }

  /** When a job was started; undefined if it does not run. */
  override info(job: string): Promise<LiveJobInfo | undefined> {
    return Promise.try(() => {
      this.check(job);
      const live = this.#jobs.get(job);
      return live && { start_time: new Date(live.started).toISOString() };
    });
  }

  /** Cancels a job, and waits until it has ended. What does not run is fine. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    await this.#jobs.get(job)?.cancel();
  }

  /** The changes of jobs that this process runs. */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return changes(signal, (push) => this.subscribe(push));
  }

  /**
   * For the task: takes in that a job runs.
   *
   * @param job The job.
   * @param started When it was started: milliseconds since 1970 UTC.
   * @param cancel Ends it.
   */
  begin(job: string, started: number, cancel: () => Promise<void>): void {
    this.#jobs.set(job, { started, cancel });
    this.changed({ type: "put", job });
  }

  /**
   * For the task: takes in that a job has ended.
   *
   * @param job The job.
   */
  end(job: string): void {
    if (this.#jobs.delete(job)) this.changed({ type: "delete", job });
  }

  /** Its class and the task. */
  override toString(): string {
    return `<${this.constructor.name} of ${this.#task}>`;
  }
}
