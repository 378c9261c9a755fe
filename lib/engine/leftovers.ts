/**
 * What a run leaves.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { Engine } from "./engine.ts";
import { describe } from "./explain.ts";
import type { Leftover } from "./report.ts";

/** What a job can be that is left: not what runs or has ended, and not what the links speak against. */
const LEFT: ReadonlySet<Decision["state"]> = new Set([
  "ready",
  "retrying",
  "waiting",
  "held",
  "unknown",
]);

/**
 * What is left: eligible as far as the links say, or of which they cannot say whether it is, and not started.
 *
 * @param engine The engine, which has looked.
 * @returns The jobs, those of one task that were left for one reason together.
 */
export async function leftoversOf(engine: Engine): Promise<Leftover[]> {
  const left = new Map<string, Leftover>();
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
      left.set(key, {
        task: state.task,
        state: decision.state,
        reason: before?.reason ?? describe(decision, obstacle),
        count: (before?.count ?? 0) + 1,
        job: before?.job ?? engine.keys.space.name(id),
      });
    });
  }
  return [...left.values()];
}
