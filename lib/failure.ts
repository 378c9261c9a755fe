/**
 * What a thrown value says in a record.
 *
 * @module
 */

import type { DoneRecord } from "./done_record.ts";
import { type FailureClass, JobError, StoreError } from "./errors.ts";

/** How long a headline is at most, and a line of a stack, in characters: they are printed, and kept by every store. */
const LONGEST_LINE = 1000;

/** How long the lines of a stack are together, in characters: of many more, the first and the last are kept. */
const LONGEST_STACK = 15 * 1024;

/** What a line costs beyond its characters, in a list of lines. */
const LINE_COST = 8;

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
 * The record of an attempt that ended with a thrown value. Every store takes it, whatever was thrown: it has 16 KiB of text
 * at most, and says where something was cut; otherwise a job whose failure cannot be recorded would run again and again.
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
 * @returns Its name and the first line of its message, without what is beyond 1,000 characters.
 */
export function headline(error: unknown): string {
  const text = error instanceof Error
    ? `${error.name}: ${error.message}`
    : Deno.inspect(error, { compact: true });
  return shortLine(text.split("\n", 1)[0]!);
}

function stackLines(error: unknown): string[] {
  let lines: string[] = [];
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    const stack = (at.stack ?? `${at.name}: ${at.message}`).split("\n");
    const begin = lines.length === 0 ? stack[0]! : `Caused by ${stack[0]}`;
    lines = lines.concat(begin, stack.slice(1));
  }
  return fewLines(lines).map(shortLine);
}

/** A line that is not too long, in characters that every store takes: half of a pair of UTF-16 is none. */
function shortLine(line: string): string {
  const rest = line.length - LONGEST_LINE;
  if (rest <= 0) return line.toWellFormed();
  return `${line.slice(0, LONGEST_LINE).toWellFormed()}... (${rest} more characters)`;
}

/** Lines that are not too many: a message is at their beginning, where it was thrown at their end. */
function fewLines(lines: readonly string[]): string[] {
  const first = fitting(lines);
  const last = fitting(lines.slice(first).reverse());
  const cut = lines.length - first - last;
  const note = cut > 0 ? [`... (${cut} more lines)`] : [];
  return [...lines.slice(0, first), ...note, ...lines.slice(lines.length - last)];
}

/** How many of the lines, once they are short, fill half of a stack. */
function fitting(lines: readonly string[]): number {
  let size = 0;
  const end = lines.findIndex((line) => {
    size += Math.min(line.length, LONGEST_LINE) + LINE_COST;
    return size > LONGEST_STACK / 2;
  });
  return end < 0 ? lines.length : end;
}
