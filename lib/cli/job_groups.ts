/**
 * The jobs of a task by the state they are in.
 *
 * @module
 */

import { saysFailed } from "../done_record.ts";
import { decide, type Decision } from "../engine/decision.ts";
import type { Engine } from "../engine/engine.ts";
import { describe, explain } from "../engine/explain.ts";
import { KeySet } from "../engine/key_set.ts";
import { StoredView } from "../engine/stored_view.ts";
import type { TaskState } from "../engine/task_state.ts";

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

/** How many records of ended jobs are read at most, to tell those that failed. */
const RECORDS = 1000;

/** How many of them at the same time. */
const AT_ONCE = 64;

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
      if (link === "done") ended = held;
      if (link === "done") rest.subtract(held);
      else takeSet(held);
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
  return [
    ...await endedGroups(engine, state, ended),
    ...[...groups, ...single.values()].map(({ decision, id, count }) => ({
      state: decision.state,
      count,
      job: space.name(id),
      reason: describe(decision, engine.obstacle(state.task)),
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

async function endedGroups(
  engine: Engine,
  state: TaskState,
  ended: KeySet,
): Promise<JobGroup[]> {
  const { space } = engine.keys;
  const groups: JobGroup[] = [];
  const add = async (set: KeySet): Promise<void> => {
    for (const id of set) {
      const job = space.name(id);
      const explanation = await explain(engine, state, job);
      groups.push({ state: explanation.state, count: set.size, job, reason: explanation.reason });
      return;
    }
  };
  const failed = await failedAmong(engine, state, ended);
  await add(ended.clone().subtract(failed));
  await add(failed);
  return groups;
}

/** The jobs whose record says that they failed; none, if there are too many records to read. */
async function failedAmong(engine: Engine, state: TaskState, ended: KeySet): Promise<KeySet> {
  const failed = new KeySet();
  if (ended.size > RECORDS) return failed;
  const next = ended[Symbol.iterator]();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const id of next) {
      const record = await state.task.done.info(engine.keys.space.name(id)).catch(() => undefined);
      if (saysFailed(record)) failed.add(id);
    }
  }));
  return failed;
}
