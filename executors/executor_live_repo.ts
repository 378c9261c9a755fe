/**
 * The jobs of a task that an executor runs.
 *
 * @module
 */

import { changes } from "../lib/changes.ts";
import { Repository, type RepositoryChange } from "../lib/repository.ts";
import type { OtherPrograms } from "./live_client.ts";

/** What is known of a job that runs. */
export interface LiveJobInfo {
  /** When it was started: ISO 8601, UTC. */
  readonly start_time: string;
  /** The last line that it has written to its console, which may say how far it is. */
  readonly last_line?: string;
}

/** A job that runs. */
interface LiveJob {
  readonly started: number;
  cancel(): Promise<void>;
  lastLine(): string | undefined;
}

/**
 * A view of the jobs of a task that its executor runs, and of those that other programs of this user run of the same
 * pipeline, as far as these can be asked. Deleting a key cancels the job: it has failed with class `cancelled`.
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
  readonly #others: Pick<OtherPrograms, "list" | "cancel"> | undefined;
  readonly #jobs = new Map<string, LiveJob>();

  /**
   * Makes the view; nothing runs yet.
   *
   * @param task The name of the task.
   * @param others Other programs that may run jobs of it.
   */
  constructor(task: string, others?: Pick<OtherPrograms, "list" | "cancel">) {
    super();
    this.#task = task;
    this.#others = others;
  }

  /** The jobs that run. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const others = await this.#others?.list() ?? new Map();
    yield* new Set([...this.#jobs.keys(), ...others.keys()]);
  }

  /** Whether a job runs. */
  override async contains(job: string): Promise<boolean> {
    return await this.info(job) !== undefined;
  }

  /** When a job was started, and what it has written last; undefined if it does not run. */
  override async info(job: string): Promise<LiveJobInfo | undefined> {
    this.check(job);
    const live = this.#jobs.get(job);
    return live === undefined ? (await this.#others?.list())?.get(job) : infoOf(live);
  }

  /** Cancels a job, and waits until it has ended. What does not run is fine. */
  override async delete(job: string): Promise<void> {
    await this.cancel(job);
  }

  /**
   * As {@linkcode delete}.
   *
   * @param job The job.
   * @returns Whether it ran.
   */
  async cancel(job: string): Promise<boolean> {
    this.check(job);
    const live = this.#jobs.get(job);
    if (live === undefined) return await this.#others?.cancel(job) ?? false;
    await live.cancel();
    return true;
  }

  /** For the task: the jobs that this program runs. */
  own(): Record<string, LiveJobInfo> {
    return Object.fromEntries(Array.from(this.#jobs, ([job, live]) => [job, infoOf(live)]));
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
   * @param lastLine Gives the last line that it has written.
   */
  begin(
    job: string,
    started: number,
    cancel: () => Promise<void>,
    lastLine: () => string | undefined = () => undefined,
  ): void {
    this.#jobs.set(job, { started, cancel, lastLine });
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

function infoOf(job: LiveJob): LiveJobInfo {
  const line = job.lastLine();
  return {
    start_time: new Date(job.started).toISOString(),
    ...line !== undefined && { last_line: line },
  };
}
