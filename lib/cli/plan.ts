/**
 * The verb `plan`: what the next cycle would start.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import { KeySet } from "../engine/key_set.ts";
import { Scheduler } from "../engine/scheduler.ts";
import { engineOf } from "../pipeline.ts";
import { EXIT } from "./exit_code.ts";
import { writeJson, writeLines, writeMessage } from "./output.ts";
import type { Verb } from "./verb.ts";

/** A job that is ready. */
interface PlannedJob {
  /** The task's name. */
  readonly task: string;
  /** The job. */
  readonly job: string;
  /** Why it is not started although it is ready, in a sentence whose subject is the job. */
  readonly obstacle?: string;
}

/** The jobs that are ready, in the order in which they would be started. */
async function planJobs(engine: Engine): Promise<PlannedJob[]> {
  await engine.survey();
  const { space } = engine.keys;
  const scheduler = new Scheduler(engine.states, space, engine.priority);
  const obstacles = new Map<string, string>();
  for (const state of engine.states) {
    const ready = new KeySet();
    await engine.records.decideAll(state, state.eligible, (id, decision) => {
      if (decision.state === "ready") ready.add(id);
    });
    scheduler.fill(state, ready);
    const obstacle = engine.obstacle(state.task);
    if (obstacle !== undefined) {
      const { describe } = await import("../engine/explain.ts");
      obstacles.set(state.task.name, describe({ state: "ready" }, obstacle));
    }
  }
  const jobs: PlannedJob[] = [];
  for (let next = scheduler.peek(); next !== undefined; next = scheduler.peek()) {
    const task = next.state.task.name;
    const obstacle = obstacles.get(task);
    jobs.push({ task, job: space.name(next.id), ...obstacle !== undefined && { obstacle } });
    scheduler.pop(next.state);
  }
  return jobs;
}

/** The verb `plan`. */
export const planVerb: Verb = {
  name: "plan",
  summary: "Show what would be started next, in order: a task and a job a line",
  reads: true,
  options: { json: { type: "boolean", description: "write JSON" } },
  async run({ pipeline, options }) {
    const engine = engineOf(pipeline);
    const jobs = await planJobs(engine);
    const startable = jobs.filter(({ obstacle }) => obstacle === undefined);
    if (options.json === true) await writeJson(jobs);
    else await writeLines(startable.map(({ task, job }) => `${task} ${job}`));
    const blocked = Map.groupBy(
      jobs.filter(({ obstacle }) => obstacle !== undefined),
      ({ task }) => task,
    );
    for (const [task, [first, ...others]] of blocked) {
      const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
      writeMessage(`${task} ${first!.job}${more} ${first!.obstacle}\n`);
    }
    const unreachable = engine.unreachable();
    if (unreachable.length > 0) {
      const { unreachableText } = await import("./run_summary.ts");
      for (const each of unreachable) writeMessage(`${unreachableText(each)}\n`);
    }
    return unreachable.length === 0 ? EXIT.OK : EXIT.UNREACHABLE;
  },
};
