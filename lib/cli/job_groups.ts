/**
 * The jobs of a task by the state they are in.
 *
 * @module
 */

import { decide, type Decision } from "../engine/decision.ts";
import type { Engine } from "../engine/engine.ts";
import { describe, explain, stateOf } from "../engine/explain.ts";
import { KeySet } from "../engine/key_set.ts";
import { READS } from "../engine/records.ts";
import { StoredView } from "../engine/stored_view.ts";
import type { TaskState } from "../engine/task_state.ts";
import { StoreError } from "../errors.ts";
import { sourcesOf } from "../graph.ts";
import type { Repository } from "../repository.ts";

/** Jobs that are in the same state for the same reason. */
export interface JobGroup {
  /** The state, in a word, as `why` names it. */
  readonly state: string;
  /** How many jobs. */
  readonly count: number;
  /** One of them. */
  readonly job: string;
  /** The reason, in a sentence whose subject is that job. */
  readonly reason: string;
}

/** How many records of ended jobs are read at most, to tell those that failed: here, and over a network. */
const RECORDS = 200_000;
const RECORDS_FAR = 20_000;

/** How many jobs are asked how they stand, until one does run. */
const SAMPLES = 3;

/** Jobs that share a decision. */
interface Group {
  readonly decision: Decision;
  readonly id: number;
  count: number;
}

/**
 * Groups the jobs of a task: those whose key is in a repository it is tied to, and those of the tasks it waits for. Sets
 * are counted as such; only what no link decides is looked at one by one.
 *
 * @param engine The engine, which has looked.
 * @param state The task.
 * @returns The groups: ended jobs first, then in the order in which they are found.
 */
export async function groupJobs(engine: Engine, state: TaskState): Promise<JobGroup[]> {
  const rest = knownJobs(state, new Map()).clone();
  const single = new Map<string, Group>();
  const note = (id: number, decision: Decision): void => {
    const key = keyOf(decision);
    const group = single.get(key);
    if (group === undefined) single.set(key, { decision, id, count: 1 });
    else group.count++;
  };
  const groups: Group[] = [];
  const running: JobGroup[] = [];
  const takeSet = (set: KeySet): void => {
    rest.subtract(set);
    for (const id of set) {
      groups.push({ decision: decide(state, id), id, count: set.size });
      return;
    }
  };
  let ended = new KeySet();
  if (state.task.disabled) {
    takeSet(rest.clone());
  } else {
    const looked = state.eligible.clone().union(state.live);
    for (const id of state.untaken) if (state.isUntaken(id)) looked.add(id);
    for (const id of state.retries.keys()) looked.add(id);
    rest.subtract(looked);
    for (const { link, view } of state.inhibiting) {
      if (view.error !== undefined) continue;
      const held = rest.clone().intersect(view.set);
      if (link === "done") {
        ended = held;
        rest.subtract(held);
        continue;
      }
      const standing = await runningGroup(engine, state, link, held);
      if (standing === undefined) takeSet(held);
      else {
        running.push(standing);
        rest.subtract(held);
      }
    }
    for (const { view } of state.required) {
      if (view.error !== undefined) continue;
      const lacking = rest.clone().subtract(view.set);
      if (!(view instanceof StoredView)) {
        for (const id of lacking) if (view.errorOf(id) !== undefined) lacking.delete(id);
      }
      takeSet(lacking);
    }
    await engine.records.decideAll(state, looked.union(rest), note);
  }
  const { space } = engine.keys;
  const obstacle = engine.obstacle(state.task);
  return [
    ...await endedGroups(engine, state, ended),
    ...running,
    ...[...groups, ...single.values()].map(({ decision, id, count }) => ({
      state: stateOf(decision, obstacle),
      count,
      job: space.name(id),
      reason: describe(decision, obstacle),
    })),
  ];
}

/** Jobs whose key is in a repository of the task, or of one that it waits for. */
function knownJobs(state: TaskState, found: Map<TaskState, KeySet>): KeySet {
  const before = found.get(state);
  if (before !== undefined) return before;
  const known = state.done.set.clone().union(state.live).union(state.untaken);
  found.set(state, known);
  for (const id of state.retries.keys()) known.add(id);
  for (const { view } of [...state.required, ...state.inhibiting]) known.union(view.set);
  for (const edge of state.upstream) {
    for (const id of knownJobs(edge.from, found)) {
      for (const job of edge.downstream(id)) known.add(job);
    }
  }
  return known;
}

/** Decisions that are explained by the same sentence, but for times and errors. */
function keyOf(decision: Decision): string {
  const link = "link" in decision ? decision.link : "";
  return `${decision.state} ${link} ${"from" in decision ? decision.from.index : ""}`;
}

/** The jobs that a task's account of what runs holds, if one of them can be said to run; it may hold more than that. */
async function runningGroup(
  engine: Engine,
  state: TaskState,
  link: string,
  held: KeySet,
): Promise<JobGroup | undefined> {
  const { isStatus, inhibitsOutput } = state.task.links.get(link) ?? {};
  if (state.task.state === undefined || !isStatus || !inhibitsOutput) return undefined;
  let asked = 0;
  for (const id of held) {
    if (asked++ === SAMPLES) return undefined;
    const job = engine.keys.space.name(id);
    try {
      const reason = await state.task.state(job);
      if (reason !== undefined) return { state: "running", count: held.size, job, reason };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return undefined; // that the link holds them is known all the same
    }
  }
  return undefined;
}

async function endedGroups(
  engine: Engine,
  state: TaskState,
  ended: KeySet,
): Promise<JobGroup[]> {
  const { space } = engine.keys;
  const groups: JobGroup[] = [];
  const limit = isFar(state.task.done) ? RECORDS_FAR : RECORDS;
  if (ended.size > limit) {
    for (const id of ended) {
      const reason =
        `has ended; whether it failed is in one of ${ended.size} records, too many to read: ` +
        `"why ${state.task.name} ${space.name(id)}" reads its own`;
      return [{ state: "ended", count: ended.size, job: space.name(id), reason }];
    }
  }
  const next = ended[Symbol.iterator]();
  await Promise.all(Array.from({ length: Math.min(READS, ended.size) }, async () => {
    for (const id of next) await engine.records.read(state, id);
  }));
  const unreadable = new KeySet();
  for (const id of state.unreadable.keys()) unreadable.add(id);
  unreadable.intersect(ended);
  const failed = ended.clone().intersect(state.failed);
  for (const set of [ended.clone().subtract(failed).subtract(unreadable), failed, unreadable]) {
    for (const id of set) {
      const job = space.name(id);
      const explanation = await explain(engine, state, job);
      groups.push({ state: explanation.state, count: set.size, job, reason: explanation.reason });
      break;
    }
  }
  return groups;
}

/** Whether a repository is behind a network, or shows one that is. */
function isFar(repository: Repository): boolean {
  return repository.requestCount !== undefined || sourcesOf(repository).some(isFar);
}
