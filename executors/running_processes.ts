/**
 * The jobs of a task that run as processes.
 *
 * @module
 */

import { Repository, type RepositoryChange } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { AbstractProcessManager } from "./process_manager.ts";
import type { ProcessJob } from "./process_job.ts";

/** What is known of a job that runs. */
export interface ProcessInfo {
  /** Its process id; undefined while that is being learned. */
  readonly pid: number | undefined;
  /** When it was started: ISO 8601, UTC. */
  readonly start_time: string;
}

/**
 * A view of the jobs of a task that run as processes, by whichever program they were started. Deleting a key ends the
 * job: it has failed with class `cancelled`.
 */
export class RunningProcesses extends Repository<ProcessInfo | undefined> {
  readonly #manager: Accessor<AbstractProcessManager>;
  readonly #task: string;

  /** Makes the view. */
  constructor(manager: Accessor<AbstractProcessManager>, task: string) {
    super();
    this.#manager = manager;
    this.#task = task;
  }

  /** The jobs that run. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    for (const { job } of await access(this.#manager).running(this.#task)) yield job;
  }

  /** Whether a job runs. */
  override async contains(job: string): Promise<boolean> {
    return await this.#find(job) !== undefined;
  }

  /** The process of a job, and when it was started; undefined if it does not run. */
  override async info(job: string): Promise<ProcessInfo | undefined> {
    const found = await this.#find(job);
    return found && {
      pid: found.process?.pid,
      start_time: new Date(found.started).toISOString(),
    };
  }

  /** Ends a job. What does not run is fine. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    await access(this.#manager).cancel(this.#task, job);
  }

  /** For the task: tells of a job that was started or has ended. */
  tell(change: RepositoryChange): void {
    this.changed(change);
  }

  /** Its class and the task. */
  override toString(): string {
    return `<${this.constructor.name} of ${this.#task}>`;
  }

  async #find(job: string): Promise<ProcessJob | undefined> {
    this.check(job);
    return (await access(this.#manager).running(this.#task)).find((running) => running.job === job);
  }
}
