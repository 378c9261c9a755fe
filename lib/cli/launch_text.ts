/**
 * What is said of one job that was started.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import type { Task } from "../task.ts";

/**
 * What is said when a launch has begun or ended well.
 *
 * @param task The task.
 * @param job The job.
 * @param outcome Whether it goes on without this program.
 * @returns A line, with its end.
 */
export function launchedText(task: Task, job: string, outcome: "started" | "succeeded"): string {
  const name = `${task.name} ${job}`;
  if (outcome === "succeeded") return `${name} is done\n`;
  return task.logs === undefined
    ? `started ${name}; "why ${name}" tells how it stands\n`
    : `started ${name}; "logs -f ${name}" shows what it writes\n`;
}

/**
 * What is said when the wait for a job is interrupted, which ends this program.
 *
 * @param engine The engine that has started it.
 * @param task The task.
 * @param job The job.
 * @returns A line, with its end.
 */
export function abandonedText(engine: Engine, task: Task, job: string): string {
  const name = `${task.name} ${job}`;
  const started = engine.state(task).live.has(engine.keys.space.find(job));
  if (!started) return `interrupted: ${name} has not been started\n`;
  if (engine.attached > 0) return `interrupted: ${name} ends with this program\n`;
  const logs = task.logs === undefined ? "" : `; "logs -f ${name}" shows what it writes`;
  return `interrupted: ${name} goes on without this program${logs}\n`;
}
