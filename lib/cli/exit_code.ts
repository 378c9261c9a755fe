/**
 * What the exit codes of the command line mean.
 *
 * @module
 */

import {
  DataError,
  JobError,
  JobIdError,
  NotFoundError,
  PipelineError,
  StoreError,
} from "../errors.ts";
import { UsageError } from "./usage_error.ts";

/** The exit codes. */
export const EXIT = {
  /** All is well. */
  OK: 0,
  /** Jobs failed, or are held because others did. */
  FAILED: 1,
  /** A verb, an option, a name or a value is wrong. */
  USAGE: 2,
  /** The pipeline cannot work as it is defined. */
  PIPELINE: 3,
  /** A store is out of reach. */
  UNREACHABLE: 4,
  /** The user interrupted. */
  INTERRUPTED: 130,
} as const;

/**
 * The exit code for an error.
 *
 * @param error What was thrown. If closing failed after something else had, that comes first.
 * @returns The code; undefined if it is none of the errors that the library foresees.
 */
export function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof SuppressedError) {
    return exitCodeOf(error.suppressed) ?? exitCodeOf(error.error);
  }
  if (error instanceof PipelineError) return EXIT.PIPELINE;
  if (error instanceof StoreError) return EXIT.UNREACHABLE;
  if (
    error instanceof UsageError || error instanceof JobIdError || error instanceof DataError ||
    error instanceof NotFoundError
  ) {
    return EXIT.USAGE;
  }
  return error instanceof JobError || isTimeout(error) ? EXIT.FAILED : undefined;
}

/**
 * Whether an error says that a time has passed.
 *
 * @param error What was thrown.
 * @returns True for a `TimeoutError`.
 */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
