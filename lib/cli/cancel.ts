/**
 * The verb `cancel`: ends jobs that run.
 *
 * @module
 */

import { JobIdError } from "../errors.ts";
import { engineOf } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { EXIT } from "./exit_code.ts";
import { writeMessage, writeOutput } from "./output.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** The verb `cancel`. */
export const cancelVerb: Verb = {
  name: "cancel",
  summary: "End jobs that run, wherever that is",
  words: "TASK JOB...|__all__",
  details: `Prints the jobs that it has ended. "__all__" stands for all of the task that run.`,
  async run({ pipeline, words: [name = "", ...words] }) {
    const { ALL, selectTask } = await import("./select.ts");
    const task = selectTask(pipeline, name);
    if (task.cancel === undefined) {
      throw new UsageError(
        `Jobs of task "${name}" run inside the program that started them: interrupt that to end them`,
      );
    }
    for (const job of words) {
      if (job !== ALL && !task.done.isValidJobId(job)) throw new JobIdError(job);
    }
    const all = words[0] === ALL;
    let code: number = EXIT.OK;
    let count = 0;
    for (const job of all ? await listedAsRunning(task) : words) {
      if (await task.cancel(job)) {
        count++;
        await writeOutput(`${job}\n`);
        continue;
      }
      if (all) continue; // it has ended meanwhile
      const engine = engineOf(pipeline);
      await engine.look();
      const { checkKnown } = await import("./known_job.ts");
      checkKnown(engine, job);
      writeMessage(`${name} ${job} does not run\n`);
      code = EXIT.FAILED;
    }
    if (all && count === 0) writeMessage(`no job of task "${name}" runs\n`);
    return code;
  },
};

/**
 * The jobs of a task that run as far as it keeps account of them: in a status that says that results are not complete.
 * What is left to recover is the business of the program that starts jobs, which may be another one.
 */
async function listedAsRunning(task: Task): Promise<Set<string>> {
  const jobs = new Set<string>();
  for (const { repo, isStatus, inhibitsOutput } of task.links.values()) {
    if (!isStatus || !inhibitsOutput) continue;
    for await (const job of repo) jobs.add(job);
  }
  return jobs;
}
