/**
 * What the jobs of tasks wait for that have been started.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import type { Task } from "../task.ts";
import { printable } from "./output.ts";

/** Jobs that wait for the same. */
export interface WaitingGroup {
  /** How many jobs. */
  readonly count: number;
  /** One of them. */
  readonly job: string;
  /** What they wait for, in words. */
  readonly reason: string;
}

/** How many reasons are shown of a task, and how much of each. */
const REASONS = 5;
const LENGTH = 200;

/**
 * Asks a task what its jobs wait for that have been started.
 *
 * @param task The task.
 * @returns The jobs by reason, the most frequent reason first; what went wrong in place of it.
 */
export async function groupWaiting(task: Task): Promise<readonly WaitingGroup[] | StoreError> {
  const groups = new Map<
    string,
    { count: number; readonly job: string; readonly reason: string }
  >();
  try {
    for (const [job, reason] of await task.waiting?.() ?? []) {
      const group = groups.get(reason);
      if (group === undefined) groups.set(reason, { count: 1, job, reason });
      else group.count++;
    }
  } catch (error) {
    return new StoreError(
      `Cannot tell what the jobs of task "${task.name}" wait for: ${headline(error)}`,
      { cause: error },
    );
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/**
 * Puts into words what jobs wait for.
 *
 * @param groups The jobs by reason.
 * @returns A line for each of the most frequent reasons, and one for all others.
 */
export function waitingText(groups: readonly WaitingGroup[]): string {
  const shown = groups.length <= REASONS + 1 ? groups : groups.slice(0, REASONS);
  const rest = groups.slice(shown.length).reduce((sum, { count }) => sum + count, 0);
  const lines = shown.map(({ count, reason }) =>
    `  ${count === 1 ? "1 job waits" : `${count} jobs wait`}: ${shortened(printable(reason))}\n`
  );
  if (rest > 0) {
    lines.push(`  ${rest} jobs wait for ${groups.length - shown.length} other reasons\n`);
  }
  return lines.join("");
}

function shortened(text: string): string {
  return text.length <= LENGTH ? text : `${text.slice(0, LENGTH - 1)}…`;
}
