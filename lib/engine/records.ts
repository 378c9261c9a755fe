/**
 * What the records of ended jobs say.
 *
 * @module
 */

import { saysFailed } from "../done_record.ts";
import { decide, type Decision } from "./decision.ts";
import type { KeySpace } from "./key_space.ts";
import type { Stats } from "./stats.ts";
import type { TaskState } from "./task_state.ts";

/** How many records are read at the same time. */
export const READS = 64;

/** Reads records of ended jobs, for decisions that depend on whether these failed. */
export class Records {
  readonly #space: KeySpace;
  readonly #stats: Stats;

  /** Prepares to read. */
  constructor(space: KeySpace, stats: Stats) {
    this.#space = space;
    this.#stats = stats;
  }

  /** Reads whether the record of an ended job says that it failed, unless that is being read. */
  read(state: TaskState, id: number): Promise<void> {
    const known = state.reading.get(id);
    if (known !== undefined) return known;
    this.#stats.reads++;
    const take = (learn: () => void): void => {
      if (state.reading.get(id) !== reading) return; // the record has changed meanwhile
      state.reading.delete(id);
      learn();
    };
    const reading = state.task.done.info(this.#space.name(id)).then(
      (record) => take(() => state.learn(id, saysFailed(record))),
      (error) => take(() => state.unreadable.set(id, error)),
    );
    state.reading.set(id, reading);
    return reading;
  }

  /** Decides about a job, and reads what is needed for that. */
  async decide(state: TaskState, id: number): Promise<Decision> {
    for (;;) {
      const decision = decide(state, id);
      if (decision.state !== "unread") return decision;
      await this.read(decision.from, decision.id);
    }
  }

  /**
   * Decides about many jobs of a task.
   *
   * @param take Called with each decision, in no particular order. Never one that a record has to be read for.
   */
  async decideAll(
    state: TaskState,
    ids: Iterable<number>,
    take: (id: number, decision: Decision) => void,
  ): Promise<void> {
    const unread: number[] = [];
    for (const id of ids) {
      const decision = decide(state, id);
      if (decision.state === "unread") unread.push(id);
      else take(id, decision);
    }
    const next = unread.values();
    await Promise.all(Array.from({ length: Math.min(READS, unread.length) }, async () => {
      for (const id of next) take(id, await this.decide(state, id));
    }));
  }
}
