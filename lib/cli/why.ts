/**
 * The verb `why`: why a job is, or is not, done.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import type { Explanation } from "../engine/explain.ts";
import { engineOf } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { EXIT } from "./exit_code.ts";
import { printable, writeJson, writeMessage, writeOutput } from "./output.ts";
import type { Verb } from "./verb.ts";

async function whyJob(engine: Engine, task: Task, job: string, json: boolean): Promise<number> {
  const { explain } = await import("../engine/explain.ts");
  const { checkKnown } = await import("./known_job.ts");
  const explanation = await explain(engine, engine.state(task), job);
  checkKnown(engine, job);
  await (json ? writeJson(explanation) : writeOutput(explanationText(explanation, "")));
  return explanation.state === "unknown" ? EXIT.UNREACHABLE : EXIT.OK;
}

function explanationText({ task, job, reason, because }: Explanation, indent: string): string {
  const below = because.map((explanation) => explanationText(explanation, `${indent}  `));
  return `${indent}${task} ${job} ${printable(reason)}\n${below.join("")}`;
}

async function whyTask(engine: Engine, task: Task, json: boolean): Promise<number> {
  const { groupJobs } = await import("./job_groups.ts");
  await engine.survey();
  const groups = await groupJobs(engine, engine.state(task));
  if (json) {
    await writeJson({ task: task.name, groups });
  } else if (groups.length === 0) {
    writeMessage(`task "${task.name}" has no jobs: no repository that it is tied to holds a key\n`);
  } else {
    const lines = groups.map(({ state, count, job, reason }) =>
      `${count} ${state}: ${job} ${printable(reason)}\n`
    );
    await writeOutput(lines.join(""));
  }
  return groups.some(({ state }) => state === "unknown") ? EXIT.UNREACHABLE : EXIT.OK;
}

/** The verb `why`. */
export const whyVerb: Verb = {
  name: "why",
  summary: "Tell why a job is, or is not, done; or how many jobs of a task are in which state",
  reads: true,
  words: "TASK [JOB]",
  options: { json: { type: "boolean", description: "write JSON" } },
  async run({ pipeline, words: [name = "", job], options }) {
    const { selectTask } = await import("./select.ts");
    const task = selectTask(pipeline, name);
    const json = options.json === true;
    const engine = engineOf(pipeline);
    return await (job === undefined
      ? whyTask(engine, task, json)
      : whyJob(engine, task, job, json));
  },
};
