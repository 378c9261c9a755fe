/**
 * The verb `logs`: shows what a job has written.
 *
 * @module
 */

import { JobIdError } from "../errors.ts";
import { engineOf } from "../pipeline.ts";
import { EXIT } from "./exit_code.ts";
import { writeStream } from "./output.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** The verb `logs`. */
export const logsVerb: Verb = {
  name: "logs",
  summary: "Show what the latest attempt at a job has written",
  reads: true,
  words: "TASK JOB",
  options: {
    follow: { type: "boolean", short: "f", description: "go on until the job has ended" },
  },
  stops: true,
  async run({ pipeline, words: [name = "", job = ""], options, signal }) {
    const { selectTask } = await import("./select.ts");
    const task = selectTask(pipeline, name);
    if (task.logs === undefined) {
      throw new UsageError(`What jobs of task "${name}" write goes to the program that runs them`);
    }
    if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    const text = await task.logs(job, { follow: options.follow === true, signal });
    if (text !== undefined) {
      await writeStream(text);
      return signal.aborted ? EXIT.INTERRUPTED : EXIT.OK;
    }
    const engine = engineOf(pipeline);
    await engine.look();
    const { checkKnown } = await import("./known_job.ts");
    checkKnown(engine, job);
    throw new UsageError(`Nothing is known of what ${name} ${job} has written`);
  },
};
