/**
 * Decisions in words.
 *
 * @module
 */

import type { DoneRecord } from "../done_record.ts";
import { saysFailed } from "../done_record.ts";
import { headline } from "../failure.ts";
import { ResourceType } from "../resources.ts";
import type { Decision } from "./decision.ts";
import type { Engine } from "./engine.ts";
import type { Obstacle } from "./scheduler.ts";
import { describeShortage } from "./shortage.ts";
import type { TaskState } from "./task_state.ts";

/** Why a job is in the state it is in. */
export interface Explanation {
  /** The task's name. */
  readonly task: string;
  /** The job. */
  readonly job: string;
  /**
   * The state, in a word; `done` and `failed` for what inhibits itself by its own record, `stuck` for what is ready and can
   * never start.
   */
  readonly state: Exclude<Decision["state"], "unread"> | "done" | "failed" | "stuck";
  /** The link that decided, if one did: `task.link`. */
  readonly link?: string;
  /** The reason, in a sentence. */
  readonly reason: string;
  /** Why the jobs that it depends on are in the state they are in. */
  readonly because: readonly Explanation[];
}

/**
 * Explains a decision about a job.
 *
 * @param engine The engine, which has looked.
 * @param state The task.
 * @param job The job.
 * @returns What decided, and why, back to where it began.
 */
export async function explain(engine: Engine, state: TaskState, job: string): Promise<Explanation> {
  return await explainTo(engine, state, job, new Set());
}

async function explainTo(
  engine: Engine,
  state: TaskState,
  job: string,
  above: Set<TaskState>,
): Promise<Explanation> {
  const { task } = state;
  const decision = await engine.decide(task, job);
  const link = "link" in decision ? decision.link : undefined;
  const common = {
    task: task.name,
    job,
    ...link !== undefined && { link: link.includes(".") ? link : `${task.name}.${link}` },
  };
  if (decision.state === "inhibited" && decision.link === "done") {
    const record = await task.done.info(job).catch((error: unknown) => ({
      unreadable: headline(error),
    }));
    const failed = saysFailed(record);
    return {
      ...common,
      state: failed ? "failed" : "done",
      reason: describeRecord(record),
      because: [],
    };
  }
  if (decision.state === "running" || decision.state === "inhibited") {
    const standing = await task.state?.(job);
    if (standing !== undefined) {
      return { ...common, state: "running", reason: standing, because: [] };
    }
  }
  const obstacle = engine.obstacle(task);
  return {
    ...common,
    state: stateOf(decision, obstacle),
    reason: describe(decision, obstacle),
    because: await becauseOf(engine, state, decision, job, new Set([...above, state])),
  };
}

async function becauseOf(
  engine: Engine,
  state: TaskState,
  decision: Decision,
  job: string,
  above: Set<TaskState>,
): Promise<Explanation[]> {
  const { space } = engine.keys;
  if (decision.state === "waiting" || decision.state === "held") {
    return [await explainTo(engine, decision.from, space.name(decision.id), above)];
  }
  if (decision.state !== "lacking") return [];
  const id = space.find(job);
  const because: Explanation[] = [];
  for (const edge of state.upstream) {
    if (edge.link !== decision.link || above.has(edge.from)) continue;
    const sources = id < 0 ? [job] : [...edge.upstream(id)].map((source) => space.name(source));
    for (const source of sources) because.push(await explainTo(engine, edge.from, source, above));
  }
  return because;
}

/**
 * A decision in a word.
 *
 * @param decision What was decided.
 * @param obstacle Why it is not started although it is ready.
 * @returns The state.
 */
export function stateOf(decision: Decision, obstacle?: Obstacle): Explanation["state"] {
  if (decision.state === "ready" && obstacle?.kind === "never") return "stuck";
  return decision.state === "unread" ? "unknown" : decision.state;
}

/**
 * A decision in a sentence whose subject is the job.
 *
 * @param decision What was decided.
 * @param obstacle Why it is not started although it is ready.
 * @returns The sentence, without its subject.
 */
export function describe(decision: Decision, obstacle?: Obstacle): string {
  switch (decision.state) {
    case "ready":
      if (obstacle === undefined) return "is ready";
      return obstacle.kind === "never"
        ? describeObstacle(obstacle)
        : `is ready, but ${describeObstacle(obstacle)}`;
    case "disabled":
      return "is not started: its task is disabled";
    case "running":
      return `has been running since ${time(decision.since)}`;
    case "retrying": {
      const { at, attempts, record } = decision.retry;
      return `failed (${describeFailure(record)}) and is tried again at ${time(at)}, for the ${
        ordinal(attempts + 1)
      } time`;
    }
    case "untaken":
      return "has ended; the next run takes that in, or the one that is under way";
    case "inhibited":
      return `is not started: "${decision.link}" holds it, which inhibits the start`;
    case "lacking":
      return `is not started: "${decision.link}" lacks it, which is required`;
    case "unknown":
      return `cannot be decided: ${
        "link" in decision
          ? `"${decision.link}" cannot say what it holds`
          : `it is not known which jobs of task "${decision.from.task.name}" still run`
      }: ${headline(decision.error)}`;
    case "ended":
      return "has ended in this run, and nothing it depends on has changed since";
    case "waiting":
      return `waits: task "${decision.from.task.name}" may still write "${decision.link}" for it`;
    case "held":
      return `is held: task "${decision.from.task.name}", which writes "${decision.link}", failed`;
    case "unread":
      return `cannot be decided: a record of task "${decision.from.task.name}" has not been read`;
  }
}

function describeObstacle(obstacle: Obstacle): string {
  switch (obstacle.kind) {
    case "never":
      return `can never start: ${describeShortage(obstacle.shortage)}`;
    case "resources":
      return obstacle.resource === ResourceType.RATE
        ? "waits until another launch is allowed"
        : `waits until enough ${obstacle.resource} is free`;
    case "concurrency":
      return `waits: its task runs ${obstacle.limit} ${
        obstacle.limit === 1 ? "job" : "jobs"
      } at a time`;
  }
}

function describeRecord(record: unknown): string {
  if (typeof record !== "object" || record === null) return "is done";
  if ("unreadable" in record) return `is done, but its record cannot be read: ${record.unreadable}`;
  const ended = "end_time" in record ? ` at ${record.end_time}` : "";
  if (!saysFailed(record)) return `is done: it ended well${ended}`;
  const tried = "attempts" in record && Number(record.attempts) > 1
    ? ` after ${record.attempts} attempts`
    : "";
  return `failed${ended}${tried} (${describeFailure(record)})`;
}

function describeFailure(record: Partial<DoneRecord> | object): string {
  const parts: string[] = ["class" in record ? String(record.class) : "user"];
  if ("exception" in record) parts.push(String(record.exception));
  else if ("return_code" in record) parts.push(`return code ${record.return_code}`);
  else if ("reason" in record) parts.push(String(record.reason));
  return parts.join(": ");
}

function time(at: number): string {
  return new Date(at).toISOString();
}

function ordinal(n: number): string {
  const suffix = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th";
  return `${n}${suffix}`;
}
