/**
 * Decisions about many jobs at once.
 *
 * @module
 */

import { decide, type Decision } from "../engine/decision.ts";
import type { Engine } from "../engine/engine.ts";
import type { KeySet } from "../engine/key_set.ts";
import type { TaskState } from "../engine/task_state.ts";

/** How many decisions wait for a record at the same time. */
const AT_ONCE = 64;

/**
 * Decides about jobs of a task.
 *
 * @param engine The engine, which has looked.
 * @param state The task.
 * @param ids The jobs.
 * @param take Called with each decision, in no particular order. Never one that a record has to be read for.
 */
export async function decideAll(
  engine: Engine,
  state: TaskState,
  ids: KeySet,
  take: (id: number, decision: Decision) => void,
): Promise<void> {
  const unread: number[] = [];
  for (const id of ids) {
    const decision = decide(state, id);
    if (decision.state === "unread") unread.push(id);
    else take(id, decision);
  }
  const { space } = engine.keys;
  const next = unread.values();
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, unread.length) }, async () => {
    for (const id of next) take(id, await engine.decide(state.task, space.name(id)));
  }));
}
