/**
 * The record that a task keeps of a job that has ended.
 *
 * @module
 */

import type { FailureClass } from "./errors.ts";
import type { Repository } from "./repository.ts";

/** What is written to a task's `done` repository when a job has ended for good. The rest depends on the kind of task. */
export interface DoneRecord {
  /** Whether it did what it should. */
  readonly success: boolean;
  /** When its last attempt was started: ISO 8601, UTC. */
  readonly start_time: string;
  /** When that ended: ISO 8601, UTC. */
  readonly end_time: string;
  /** Why it failed; only if it did. */
  readonly class?: FailureClass;
  /** How often it was tried; only if it failed. */
  readonly attempts?: number;
  /** What a function threw, as one line; only if it threw. */
  readonly exception?: string;
  /** The lines of the stack, that of each cause behind it; only if a function threw. */
  readonly traceback?: readonly string[];
  /** The code that a process ended with. */
  readonly return_code?: number;
}

/** A repository that can take the records of jobs that have ended: any repository of metadata whose data admits them. */
export interface DoneRepository extends Repository<unknown> {
  /**
   * Stores a record.
   *
   * @param job The job.
   * @param record What is to be kept of it.
   */
  dump(job: string, record: DoneRecord): Promise<void>;
}

/**
 * Whether a record, of whatever origin, says that its job failed. One that does not say so counts as a success: the
 * job has been done, if only by hand.
 *
 * @param record What a `done` repository holds for a job.
 * @returns True only if it says `success: false`.
 */
export function saysFailed(record: unknown): boolean {
  return typeof record === "object" && record !== null && "success" in record &&
    record.success === false;
}

/**
 * The record of an attempt that ended well.
 *
 * @param started When it was started, in milliseconds since 1970 UTC.
 * @param ended When it ended, likewise.
 * @returns The record.
 */
export function successRecord(started: number, ended: number): DoneRecord {
  return {
    success: true,
    start_time: new Date(started).toISOString(),
    end_time: new Date(ended).toISOString(),
  };
}
