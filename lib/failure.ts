/**
 * What a thrown value says in a record.
 *
 * @module
 */

import type { DoneRecord } from "./done_record.ts";
import { type FailureClass, JobError, StoreError } from "./errors.ts";

/**
 * The failure class of a thrown value: what a {@linkcode JobError} says, `infra` for a store that failed, `user` for
 * the rest.
 *
 * @param error What was thrown.
 * @returns Its class.
 */
export function failureClass(error: unknown): FailureClass {
  if (error instanceof JobError) return error.class;
  return error instanceof StoreError ? "infra" : "user";
}

/**
 * The record of an attempt that ended with a thrown value.
 *
 * @param error What was thrown.
 * @param started When the attempt was started, in milliseconds since 1970 UTC.
 * @param ended When it ended, likewise.
 * @param class_ Why it failed.
 * @returns The record.
 */
export function failureRecord(
  error: unknown,
  started: number,
  ended: number,
  class_: FailureClass = failureClass(error),
): DoneRecord {
  return {
    success: false,
    start_time: new Date(started).toISOString(),
    end_time: new Date(ended).toISOString(),
    class: class_,
    exception: headline(error),
    traceback: stackLines(error),
  };
}

/**
 * A thrown value in one line.
 *
 * @param error What was thrown.
 * @returns Its name and the first line of its message.
 */
export function headline(error: unknown): string {
  const text = error instanceof Error
    ? `${error.name}: ${error.message}`
    : Deno.inspect(error, { compact: true });
  return text.split("\n", 1)[0]!;
}

function stackLines(error: unknown): string[] {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    const stack = (at.stack ?? `${at.name}: ${at.message}`).split("\n");
    lines.push(...(lines.length === 0 ? stack : [`Caused by ${stack[0]}`, ...stack.slice(1)]));
  }
  return lines;
}
