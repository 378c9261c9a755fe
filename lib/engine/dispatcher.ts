/**
 * Starting what is ready, during one run or cycle.
 *
 * @module
 */

import type { Env } from "../env.ts";
import { decide } from "./decision.ts";
import type { KeyIndex } from "./key_index.ts";
import { KeySet } from "./key_set.ts";
import type { Launcher } from "./launcher.ts";
import { READS, type Records } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TaskState } from "./task_state.ts";

/** Milliseconds after which timers and signals have their turn, as long as there is something to start. */
const SLICE = 20;

/** What to wait for: attempts that would end with this program; all attempts; all attempts and retries. */
export type Patience = "attached" | "running" | "retries";

/** How many jobs are considered between two looks at the clock. */
const PACE = 16;

/** The parts of an engine that it works with. */
export interface DispatcherParts {
  readonly env: Env;
  readonly states: readonly TaskState[];
  readonly keys: KeyIndex;
  readonly records: Records;
  readonly scheduler: Scheduler;
  readonly launcher: Launcher;
}

/** Starts what is ready and finds room, from {@linkcode start} to {@linkcode stop}. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #ending = new AbortController();
  /** Whether anything is started. */
  #launching = false;
  /** Whether jobs that become ready are started; otherwise only those that wait already. */
  #admitting = false;
  #reading = 0;
  #pumping = false;
  #pumpComes = false;
  /** How many jobs were considered. */
  #considered = 0;
  /** When timers and signals are to have had their turn, by the clock of elapsed time. */
  #due = 0;
  /** Fires when they have their turn, from some time before that is due. */
  #turn: Disposable | undefined;
  /** Whether nothing is started before. */
  #isOverdue = false;
  #alarm: Disposable | undefined;
  #patience: Patience = "attached";
  #onQuiet: (() => void) | undefined;

  /** Prepares to start jobs. */
  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Aborted when it is stopped. */
  get stopped(): AbortSignal {
    return this.#ending.signal;
  }

  /**
   * Begins to start jobs, after a look, unless it was stopped during that.
   *
   * @param which What is ready now; or also what becomes ready later.
   */
  start(which: "once" | "always"): void {
    if (this.stopped.aborted) return;
    this.#admitting = which === "always";
    this.#launching = true;
    this.#due = this.#parts.env.elapsed() + SLICE;
    this.enqueue();
  }

  /** Enters all that is eligible among the jobs to be looked at: after a look. */
  enqueue(): void {
    if (!this.#launching) return;
    const { states, scheduler } = this.#parts;
    for (const state of states) {
      scheduler.fill(state, state.task.disabled ? new KeySet() : state.eligible.clone());
    }
    scheduler.unblock();
    this.pump();
  }

  /**
   * Resolves when nothing that could make it start something is under way.
   *
   * @param what What to wait for: attempts that would end with this program; all attempts; retries as well. After
   * {@linkcode stop}, only the first.
   */
  quiet(what: Patience): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    this.#patience = what;
    this.pump();
    return promise;
  }

  /** Starts nothing any more. What runs goes on. */
  stop(): void {
    this.#launching = false;
    this.#admitting = false;
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
    this.#isOverdue = false;
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = undefined;
    this.#ending.abort();
    this.#settle();
  }

  /** Enters a job, and those that may wait for it, among those to be looked at, if they could start. */
  touch(state: TaskState, id: number): void {
    if (!this.#admitting) return;
    this.#push(state, id);
    for (const edge of state.downstream) {
      for (const job of edge.downstream(id)) this.#push(edge.to, job);
    }
  }

  /** Starts what is ready when a change has been taken in everywhere: until then, views of one store may disagree. */
  pumpSoon(): void {
    if (this.#pumpComes || !this.#launching) return;
    this.#pumpComes = true;
    queueMicrotask(() => {
      this.#pumpComes = false;
      this.pump();
    });
  }

  /** Starts what is ready and finds room. */
  pump(): void {
    if (this.#pumping || this.#isOverdue) return;
    if (this.#launching) {
      this.#pumping = true;
      try {
        this.#work();
      } finally {
        this.#pumping = false;
      }
    }
    this.#settle();
  }

  #work(): void {
    while (this.#launching && !this.#isOverdue) {
      const next = this.#parts.scheduler.peek();
      if (next === undefined || this.#reading >= READS) break;
      this.#consider(next.state, next.id);
      if (++this.#considered % PACE === 0) this.#giveWay();
    }
    if (this.#launching) this.#awaitRoom();
  }

  /**
   * Starts nothing until timers and signals have had their turn, when that is due. They may have had it meanwhile, by
   * themselves: once in a while it does no harm, and a timer for each time would. The first timer takes longer to load than
   * a short run takes; and each fires a millisecond late, so that it is made before it is needed.
   */
  #giveWay(): void {
    const { env } = this.#parts;
    const left = this.#due - env.elapsed();
    if (left > SLICE / 2 || !this.#launching) return;
    this.#turn ??= env.schedule(() => {
      this.#turn = undefined;
      this.#isOverdue = false;
      this.#due = env.elapsed() + SLICE;
      this.pump();
    }, 0);
    this.#isOverdue = left <= 0;
  }

  #push(state: TaskState, id: number): void {
    if (state.eligible.has(id) && !state.task.disabled) this.#parts.scheduler.push(state, id);
  }

  #consider(state: TaskState, id: number): void {
    const { scheduler, launcher, records } = this.#parts;
    const decision = decide(state, id);
    if (decision.state === "ready" && state.eligible.has(id)) {
      if (!scheduler.admit(state)) return;
      scheduler.pop(state);
      launcher.start(state, id, { onDetach: () => this.#settle() });
      return;
    }
    scheduler.pop(state);
    if (decision.state !== "unread") return; // it comes back when what decided changes
    this.#reading++;
    records.read(decision.from, decision.id).then(() => {
      this.#reading--;
      scheduler.push(state, id);
      this.pump();
    });
  }

  #settle(): void {
    const { keys, launcher } = this.#parts;
    if (this.#onQuiet === undefined || this.#pumping || this.#pumpComes) return;
    if (launcher.attached > 0 || this.#reading > 0 || this.#isOverdue) return;
    if (keys.busy) {
      keys.settled().then(() => this.pump());
      return;
    }
    if (this.#launching) {
      if (this.#patience !== "attached" && launcher.detached > 0) return;
      if (this.#patience === "retries" && (launcher.retrying > 0 || this.#awaitRoom())) return;
    }
    const quiet = this.#onQuiet;
    this.#onQuiet = undefined;
    quiet();
  }

  /** Waits for the next launch that the rate limits allow; false if nothing waits for one. */
  #awaitRoom(): boolean {
    const { env, scheduler } = this.#parts;
    const delay = scheduler.nextLaunchIn;
    if (delay === undefined) return false;
    this.#alarm?.[Symbol.dispose](); // another task may have to wait less
    this.#alarm = env.schedule(() => {
      this.#alarm = undefined;
      scheduler.unblock();
      this.pump();
    }, delay);
    return true;
  }
}
