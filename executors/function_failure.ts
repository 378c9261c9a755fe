/**
 * Records of functions that have failed.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { failureRecord } from "../lib/failure.ts";

/** Where the modules of this library are: those that call functions, and those that functions call. */
const LIBRARY = ["executors/", "lib/", "repos/"].map((folder) =>
  new URL(`../${folder}`, import.meta.url).href
);

/** How the module begins by which a process is started, as far as stacks show it. */
const ENTRY = "data:text/javascript,import%20%7B%20serve";

/** A line of a stack. */
const FRAME = /^\s+at /;

/**
 * The record of a call that has failed: with the lines of the user's own, and not of what has called the function.
 *
 * @param error What was thrown, or why the call was ended.
 * @param started When the attempt was started, in milliseconds since 1970 UTC.
 * @param beneath The record of what the function itself has thrown, if it was ended for another reason.
 * @returns The record.
 */
export function functionFailure(
  error: unknown,
  started: number,
  beneath?: DoneRecord,
): DoneRecord {
  const record = failureRecord(error, started, Date.now());
  const lines = userLines(record.traceback ?? []);
  const [first, ...more] = beneath?.traceback ?? [];
  if (first !== undefined && more.some((line) => FRAME.test(line))) {
    lines.push(`Caused by ${first}`, ...more);
  }
  return { ...record, traceback: lines };
}

/** The lines of stacks without those, at the end of each, that are all of this library and of the platform. */
function userLines(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let held: string[] = [];
  for (const line of lines) {
    if (FRAME.test(line) && isInternal(line)) {
      held.push(line);
      continue;
    }
    if (FRAME.test(line)) kept.push(...held); // something of the library that the user's function has called
    held = [];
    kept.push(line);
  }
  return kept;
}

function isInternal(line: string): boolean {
  return /\b(?:ext|node):|<anonymous>\)?$/.test(line) || line.includes(ENTRY) ||
    LIBRARY.some((url) => line.includes(url));
}
