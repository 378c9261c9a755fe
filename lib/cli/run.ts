/**
 * The verb `run`: cycles until nothing is left to do.
 *
 * @module
 */

import type { RunReport } from "../engine/report.ts";
import { runEngine, type RunOptions } from "../engine/run.ts";
import { engineOf, type Pipeline } from "../pipeline.ts";
import { EXIT, isTimeout } from "./exit_code.ts";
import { opened } from "./opened.ts";
import { writeMessage } from "./output.ts";
import { showProgress } from "./progress_display.ts";
import { doneLines, interruptedText, runExitCode, summaryText } from "./run_summary.ts";
import { showStats, STATS } from "./stats.ts";
import { Tally } from "./tally.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/**
 * Starts what is ready, and what becomes ready, until nothing is left to do. Opens the pipeline if it is not open.
 *
 * A job that fails, or a store that is out of reach, is no reason to stop: the rest goes on, and the report tells.
 *
 * @param pipeline The pipeline.
 * @param options How long to go on.
 * @returns What was done, and what is left.
 * @throws {DOMException} A `TimeoutError` when `timeout` has passed. Functions that run in this process go on.
 * @throws {PipelineError} If it is opened, and tasks cannot work.
 * @throws {StoreError} If it is opened, and a repository cannot be used.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, InProcessSyncTask, Pipeline, run } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const numbers = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
 * const task = new InProcessSyncTask("show", new InProcessMetadataRepository())
 *   .link("numbers", numbers, { isInput: true })
 *   .func(() => {});
 *
 * const { succeeded } = await run(new Pipeline([task]));
 * strictEqual(succeeded, 2);
 * ```
 */
export async function run(pipeline: Pipeline, options: RunOptions = {}): Promise<RunReport> {
  return await opened(pipeline, (engine) => runEngine(engine, options));
}

/** The verb `run`. */
export const runVerb: Verb = {
  name: "run",
  summary: "Start what is ready, and what becomes ready, until nothing is left to do",
  details:
    `Ctrl-C: nothing more is started, and functions that run in this process are waited for; once more ends at once.
Processes and pods go on meanwhile, and the next run takes in how they end.`,
  options: {
    forever: { type: "boolean", description: "wait for new keys when nothing is left to do" },
    "launch-once": { type: "boolean", description: "start only what is ready at the beginning" },
    stats: STATS,
    timeout: {
      type: "string",
      value: "SECONDS",
      description: "give up after so long, with exit code 1",
    },
  },
  stops: true,
  async run({ pipeline, options, closed, signal }) {
    const forever = options.forever === true;
    const launchOnce = options["launch-once"] === true;
    const timeout = secondsOf(options.timeout);
    const engine = engineOf(pipeline);
    using _stats = options.stats === true ? showStats(engine, closed) : undefined;
    using tally = new Tally(engine);
    let report: RunReport;
    {
      using progress = await showProgress(engine, tally);
      const onAbort = (): void => progress.say(interruptedText(engine, forever));
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const limits = { forever, launchOnce, timeout, signal };
        report = await runEngine(engine, limits, () => progress.begin());
      } catch (error) {
        if (!isTimeout(error)) throw error;
        for (const line of doneLines(tally)) progress.say(line);
        progress.say(`the run took longer than ${timeout} s: run it again to go on where it was`);
        return EXIT.FAILED;
      }
    }
    writeMessage(summaryText(tally, report, forever));
    return runExitCode(report, launchOnce);
  },
};

function secondsOf(text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = typeof text === "string" && text.trim() !== "" ? Number(text) : NaN;
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new UsageError(`--timeout needs a number of seconds, and not "${text}"`);
}
