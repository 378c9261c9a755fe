/**
 * Tasks that are functions, wherever they run.
 *
 * @module
 */

import { PipelineError } from "../lib/errors.ts";
import type { RepositoriesOf } from "../lib/link_types.ts";
import type { Repository } from "../lib/repository.ts";
import { Task } from "../lib/task.ts";

/** What the function of a task is given: the job, and the repository of each link under the link's name. */
export type JobArguments<T> = RepositoriesOf<T> & {
  /** The job. */
  readonly job: string;
  /** Aborted when the job should end: after the task's `timeout`, or when it is cancelled. */
  readonly signal: AbortSignal;
};

/** A task whose jobs are calls of a function. */
export abstract class FunctionTask extends Task {
  #func: ((args: JobArguments<this>) => unknown) | undefined;
  #repositories: RepositoriesOf<this> | undefined;

  /**
   * Gives the task its function.
   *
   * @param func Called for each job with the job's id and the linked repositories. What it returns is ignored, and if it
   * is a promise, waited for.
   * @returns The task itself.
   */
  func(func: (args: JobArguments<this>) => unknown): this {
    this.#func = func;
    return this;
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

  /**
   * Calls the function in this process.
   *
   * @param job The job.
   * @param call Its `signal` is aborted when the job should end. It is asked for only by functions that look at it, for it
   * costs more than a short function.
   * @throws {unknown} What the function throws.
   */
  async callFunction(job: string, call: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#func === undefined) throw new PipelineError([`task "${this.name}" has no function`]);
    this.#repositories ??= repositoriesOf(this);
    await this.#func({
      ...this.#repositories,
      job,
      get signal(): AbortSignal {
        return call.signal;
      },
    });
  }
}

function repositoriesOf<T extends Task>(task: T): RepositoriesOf<T> {
  const repositories: Record<string, Repository> = {};
  for (const [name, { repo }] of task.links) repositories[name] = repo;
  return repositories as RepositoriesOf<T>; // links are only ever added by .link and .plug, which tell the compiler
}
