/**
 * The verb `retry`: lets jobs that failed run again.
 *
 * @module
 */

import { saysFailed } from "../done_record.ts";
import { FAILURE_CLASSES, JobIdError } from "../errors.ts";
import { engineOf, type Pipeline } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { EXIT } from "./exit_code.ts";
import { writeMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** How many records are read at the same time. */
const READS = 64;

/** The verb `retry`. */
export const retryVerb: Verb = {
  name: "retry",
  summary: "Let jobs that failed run again: all, or those of a task, or some of them",
  words: "[TASK] [JOB...]",
  details:
    `Deletes their records, and what they wrote before they failed, and prints a line for each; "run" starts them then.`,
  options: {
    class: {
      type: "string",
      values: FAILURE_CLASSES,
      description: `only those whose failure was of this class: ${FAILURE_CLASSES.join(", ")}`,
    },
  },
  async run({ pipeline, words: [name, ...jobs], options }) {
    const { affected } = await import("./affected.ts");
    const { deleteAll } = await import("./delete_all.ts");
    const { selectTask } = await import("./select.ts");
    const failureClass = await classOf(options.class);
    const tasks = name === undefined ? pipeline.tasks : [selectTask(pipeline, name)];
    for (const task of tasks) {
      for (const job of jobs) if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    }
    let code: number = EXIT.OK;
    let count = 0;
    for (const task of tasks) {
      const failed = await failedJobs(task, jobs.length === 0 ? task.done : jobs, failureClass);
      for (const job of jobs.filter((job) => !failed.has(job))) {
        await complain(pipeline, task, job, failureClass);
        code = EXIT.FAILED;
      }
      // What a job wrote before it failed would keep it from running again, as its record does; the record goes last,
      // because without it nobody would know that the rest is to go.
      const written = new Map(affected(task, failed));
      written.delete(task.done);
      await deleteAll(written);
      await deleteAll(new Map([[task.done, failed]]));
      count += failed.size;
      if (failed.size > 0) {
        const jobs = failed.size === 1 ? "1 failed job" : `${failed.size} failed jobs`;
        writeMessage(`${jobs} of task "${task.name}" may run again\n`);
      }
    }
    if (count === 0 && code === EXIT.OK) writeMessage("no job has failed\n");
    return code;
  },
};

async function classOf(option: string | boolean | undefined): Promise<string | undefined> {
  if (typeof option !== "string") return undefined;
  if (FAILURE_CLASSES.some((known) => known === option)) return option;
  const { didYouMean } = await import("./suggest.ts");
  throw new UsageError(
    `There is no failure of class "${option}"${didYouMean(option, FAILURE_CLASSES, "classes")}`,
  );
}

/** Those of some jobs whose record says that they failed. */
async function failedJobs(
  task: Task,
  jobs: Iterable<string> | AsyncIterable<string>,
  failureClass: string | undefined,
): Promise<Set<string>> {
  const failed = new Set<string>();
  const next = (await Array.fromAsync(jobs)).values();
  await Promise.all(Array.from({ length: READS }, async () => {
    for (const job of next) {
      const record: unknown = await task.done.contains(job) ? await task.done.info(job) : undefined;
      if (!saysFailed(record)) continue;
      if (failureClass === undefined || classIn(record) === failureClass) failed.add(job);
    }
  }));
  return failed;
}

/** The class in a record; `user`, if it has none. */
function classIn(record: unknown): unknown {
  return typeof record === "object" && record !== null && "class" in record ? record.class : "user";
}

/** Says that a job has not failed. */
async function complain(
  pipeline: Pipeline,
  task: Task,
  job: string,
  failureClass: string | undefined,
): Promise<void> {
  const { checkKnown } = await import("./known_job.ts");
  const engine = engineOf(pipeline);
  await engine.look();
  checkKnown(engine, job);
  const how = failureClass === undefined ? "" : ` with class "${failureClass}"`;
  writeMessage(`${task.name} ${job} has not failed${how}\n`);
}
