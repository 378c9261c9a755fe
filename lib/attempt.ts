/**
 * Attempts at jobs, as tasks see them.
 *
 * @module
 */

import type { DoneRecord } from "./done_record.ts";
import type { Env } from "./env.ts";

/** What a task has at hand while it runs a job once. */
export interface Attempt {
  /** Which attempt this is, from 1. */
  readonly number: number;
  /** Aborted when the attempt should end: its `reason` is a `TimeoutError` after the task's timeout. */
  readonly signal: AbortSignal;
  /** When it was started: milliseconds since 1970 UTC. */
  readonly started: number;
  /** The clock, chance and timers that the pipeline uses. */
  readonly env: Env;
  /**
   * For the task to call when the job goes on without this program, if it ends: nobody needs to wait for it.
   */
  detach(): void;
  /**
   * For the task to call when it gives its record though something of the attempt still runs: the job counts as
   * running until that ends, and is not tried again.
   *
   * @param rest Resolves when nothing runs any more.
   */
  linger(rest: Promise<void>): void;
}

/** A job that an earlier run of the program started, and whose end nobody has taken in. */
export interface RecoveredJob {
  /** The job. */
  readonly job: string;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** When it was started: milliseconds since 1970 UTC. */
  readonly started: number;
  /** For how many milliseconds it has run, by a clock that nobody sets; by the wall clock, if it is not given. */
  readonly ran?: number;
  /** Whether it has ended. */
  readonly ended: boolean;
  /**
   * Goes on as `Task.execute` would have, had the program not ended.
   *
   * @param attempt What is known of the attempt.
   * @returns What happened.
   */
  resume(attempt: Attempt): Promise<DoneRecord>;
}
