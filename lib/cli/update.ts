/**
 * The verb `update`: one cycle.
 *
 * @module
 */

import { engineOf, type Pipeline } from "../pipeline.ts";
import { opened } from "./opened.ts";
import { writeMessage } from "./output.ts";
import { interruptedText, runExitCode, summaryText } from "./run_summary.ts";
import { showStats, STATS } from "./stats.ts";
import { Tally } from "./tally.ts";
import type { Verb } from "./verb.ts";

/**
 * Does one cycle: looks, starts what is ready, and waits for those jobs that run in this process. Opens the pipeline if
 * it is not open.
 *
 * @param pipeline The pipeline.
 * @returns Whether another cycle could do something.
 * @throws {PipelineError} If it is opened, and tasks cannot work.
 * @throws {StoreError} If it is opened, and a repository cannot be used.
 */
export async function update(pipeline: Pipeline): Promise<boolean> {
  return await opened(pipeline, () => pipeline.update());
}

/** The verb `update`. */
export const updateVerb: Verb = {
  name: "update",
  summary: "Start what is ready now, and wait for what runs in this process",
  options: { stats: STATS },
  stops: true,
  async run({ pipeline, options, closed, signal }) {
    const engine = engineOf(pipeline);
    using _stats = options.stats === true ? showStats(engine, closed) : undefined;
    using tally = new Tally(engine);
    signal.addEventListener("abort", () => {
      engine.stop();
      writeMessage(`${interruptedText(engine)}\n`);
    }, { once: true });
    await update(pipeline);
    const report = {
      succeeded: tally.succeeded,
      failed: tally.failed,
      unrecorded: tally.unrecordedCount,
      running: engine.running + engine.lingering,
      left: [], // what became ready meanwhile is for the next cycle
      unreachable: engine.unreachable(),
      interrupted: signal.aborted,
    };
    writeMessage(summaryText(tally, report));
    return runExitCode(report, true);
  },
};
