/**
 * What a run leaves.
 *
 * @module
 */

import type { Task } from "../task.ts";
import type { Decision } from "./decision.ts";
import type { Engine } from "./engine.ts";
import type { Leftover } from "./report.ts";
import type { Obstacle } from "./scheduler.ts";

/** What a job can be that is left: not what runs or has ended, and not what the links speak against. */
const LEFT: ReadonlySet<Decision["state"]> = new Set([
  "ready",
  "retrying",
  "waiting",
  "held",
  "unknown",
]);

/** Jobs of a task that were left for one reason. */
interface Left {
  readonly task: Task;
  /** What was decided about the first of them. */
  readonly decision: Decision;
  /** Why it is not started although it is ready. */
  readonly obstacle: Obstacle | undefined;
  /** The first of them. */
  readonly id: number;
  count: number;
}

/**
 * What is left: eligible as far as the links say, or of which they cannot say whether it is, and not started.
 *
 * @param engine The engine, which has looked.
 * @returns The jobs, those of one task that were left for one reason together.
 */
export async function leftoversOf(engine: Engine): Promise<Leftover[]> {
  const left = new Map<string, Left>();
  for (const state of engine.states.filter(({ task }) => !task.disabled)) {
    const obstacle = engine.obstacle(state.task);
    const ids = state.eligible.clone();
    for (const { view } of [...state.required, ...state.inhibiting]) {
      for (const id of view.doubtful()) if (view.errorOf(id) !== undefined) ids.add(id);
    }
    await engine.records.decideAll(state, ids, (id, decision) => {
      if (!LEFT.has(decision.state)) return;
      const from = "from" in decision ? decision.from.index : "";
      const key = `${state.index} ${decision.state} ${from}`;
      const before = left.get(key);
      if (before === undefined) {
        left.set(key, { task: state.task, decision, obstacle, id, count: 1 });
      } else before.count++;
    });
  }
  if (left.size === 0) return [];
  const { describe, stateOf } = await import("./explain.ts");
  return Array.from(left.values(), ({ task, decision, obstacle, id, count }) => ({
    task,
    state: stateOf(decision, obstacle),
    reason: describe(decision, obstacle),
    count,
    job: engine.keys.space.name(id),
  }));
}
