/**
 * What a run did, and what it left.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import type { Task } from "../task.ts";

/** Jobs of one task that were left for one reason. */
export interface Leftover {
  /** The task. */
  readonly task: Task;
  /** The state of the jobs, in a word, as `why` names it. */
  readonly state: string;
  /** The reason, in a sentence whose subject is the job. */
  readonly reason: string;
  /** How many jobs. */
  readonly count: number;
  /** One of them. */
  readonly job: string;
}

/** What could not be asked: a repository that cannot be listed, or a task for what an earlier run has left running. */
export type Unreachable =
  | { readonly repository: Repository; readonly task?: undefined; readonly error: unknown }
  | { readonly task: Task; readonly repository?: undefined; readonly error: unknown };

/** What a run did, and what it left. */
export interface RunReport {
  /** How many jobs ended well. */
  readonly succeeded: number;
  /** How many jobs failed for good. */
  readonly failed: number;
  /** How many jobs ended without their record being kept: they will run again. */
  readonly unrecorded: number;
  /** How many jobs run on: without this program, or in it although they should have ended. */
  readonly running: number;
  /** What was ready or nearly so, and was not started. */
  readonly left: readonly Leftover[];
  /** What could not be asked, so that the jobs that depend on it were left. */
  readonly unreachable: readonly Unreachable[];
  /** Whether the run was stopped before it was at its end. */
  readonly interrupted: boolean;
}
