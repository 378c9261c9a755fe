/**
 * What is said at the end of a run.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import type { RunReport, Unreachable } from "../engine/report.ts";
import { StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import { EXIT } from "./exit_code.ts";
import { printable } from "./output.ts";
import type { FailedJob, Tally } from "./tally.ts";

/**
 * What is said at the first interrupt of what starts jobs.
 *
 * @param engine The engine that runs.
 * @param forever Whether it would go on when nothing is left to do: an interrupt is its usual end.
 * @returns A line without its end.
 */
export function interruptedText({ attached, running }: Engine, forever = false): string {
  if (attached > 0) {
    return `interrupted: waiting for ${jobs(attached)} that ${
      attached === 1 ? "runs" : "run"
    } in this process; ` +
      `interrupt again to end at once`;
  }
  if (running > 0) {
    return `interrupted: ${jobs(running)} ${running === 1 ? "goes" : "go"} on without this program`;
  }
  return forever ? "stopped" : "interrupted";
}

/**
 * Tells what a run did and what it left: the most important last.
 *
 * @param tally What was counted while it ran.
 * @param report What it returned.
 * @param forever Whether it would have gone on when nothing was left to do.
 * @returns Lines, each with a line end.
 */
export function summaryText(tally: Tally, report: RunReport, forever = false): string {
  const lines = [
    ...doneLines(tally),
    ...exampleLines(tally.failures, report.failed, "failed"),
    ...logsLines(tally.failures),
    ...exampleLines(tally.unrecorded, report.unrecorded, "ended, but its record was not kept"),
    ...leftLines(report),
    ...report.unreachable.map(unreachableText),
  ];
  if (report.interrupted) lines.push(...resumeLines(report, forever));
  else if (lines.length === 0) lines.push("nothing to do");
  return lines.map((line) => `${line}\n`).join("");
}

/** How to go on after an interruption; nothing, if there was nothing to do. */
function resumeLines({ running, left }: RunReport, forever: boolean): string[] {
  if (running > 0) {
    const they = running === 1 ? "it ends" : "they end";
    return [`${jobs(running)} still running: run it again to take in how ${they}, and to go on`];
  }
  const idle = forever && !left.some(({ state }) => state === "ready");
  return idle ? [] : ["run it again to go on where it was"];
}

/**
 * Tells how many jobs of each task have ended.
 *
 * @param tally What was counted.
 * @returns A line for each task of which any did.
 */
export function doneLines(tally: Tally): string[] {
  const lines: string[] = [];
  for (const [{ name }, { succeeded, failed }] of tally.tasks) {
    const counts = [
      ...succeeded > 0 ? [`${succeeded} done`] : [],
      ...failed > 0 ? [`${failed} failed`] : [],
    ];
    if (counts.length > 0) lines.push(`${name}: ${counts.join(", ")}`);
  }
  return lines;
}

/**
 * The exit code of a run.
 *
 * @param report What the run returned.
 * @param launchOnce Whether it was to leave what becomes ready later.
 * @returns The code.
 */
export function runExitCode(report: RunReport, launchOnce: boolean): number {
  const isLeft = (state: string): boolean => report.left.some((left) => left.state === state);
  if (report.interrupted) return EXIT.INTERRUPTED;
  if (report.unreachable.length > 0 || report.unrecorded > 0 || isLeft("unknown")) {
    return EXIT.UNREACHABLE;
  }
  if (report.failed > 0 || isLeft("held") || isLeft("stuck")) return EXIT.FAILED;
  if (isLeft("ready") && !launchOnce) return EXIT.FAILED; // whatever the reason, a full run should leave none
  return EXIT.OK;
}

/**
 * Tells what could not be asked.
 *
 * @param unreachable It, and what went wrong.
 * @returns A line without its end.
 */
export function unreachableText({ repository, task, error }: Unreachable): string {
  if (task !== undefined) {
    return printable(`cannot tell which jobs of task "${task.name}" still run: ${headline(error)}`);
  }
  return printable(
    error instanceof StoreError && error.message.startsWith("Cannot list")
      ? error.message
      : `cannot list ${repository}: ${headline(error)}`,
  );
}

function exampleLines(examples: readonly FailedJob[], count: number, what: string): string[] {
  const lines = examples.map(({ task, job, problem }) =>
    `  ${task.name} ${job} ${what}: ${printable(problem)}`
  );
  return count > examples.length ? [...lines, `  and ${count - examples.length} more`] : lines;
}

/** Names the verb that shows what one of some jobs wrote. */
function logsLines(failures: readonly FailedJob[]): string[] {
  const shown = failures.find(({ task, began }) => began && task.logs !== undefined);
  return shown === undefined ? [] : [`"logs ${shown.task.name} ${shown.job}" shows what it wrote`];
}

function leftLines({ left, interrupted }: RunReport): string[] {
  // After an interruption it goes without saying that there is more to start.
  const shown = left.filter(({ state }) => !interrupted || state !== "ready");
  const lines = shown.map(({ task, count, job, reason }) =>
    `${task.name}: ${jobs(count)} left: ${job} ${printable(reason)}`
  );
  const first = shown.find(({ state }) => state !== "ready" && state !== "stuck");
  return first ? [...lines, `"why ${first.task.name} ${first.job}" tells more`] : lines;
}

function jobs(count: number): string {
  return count === 1 ? "1 job" : `${count} jobs`;
}
