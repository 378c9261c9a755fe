/**
 * What a run leaves.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { describe } from "./explain.ts";
import type { Leftover } from "./report.ts";

/**
 * What is left: eligible as far as the links say, but not started.
 *
 * @param engine The engine, which has looked.
 * @returns The jobs, those of one task that were left for one reason together.
 */
export async function leftoversOf(engine: Engine): Promise<Leftover[]> {
  const left = new Map<string, Leftover>();
  for (const state of engine.states.filter(({ task }) => !task.disabled)) {
    const obstacle = engine.obstacle(state.task);
    await engine.records.decideAll(state, state.eligible.clone(), (id, decision) => {
      if (decision.state === "running" || decision.state === "ended") return;
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
