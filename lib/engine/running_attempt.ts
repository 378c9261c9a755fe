/**
 * Attempts under way in this process.
 *
 * @module
 */

import type { Attempt } from "../attempt.ts";
import type { Env } from "../env.ts";
import type { Task } from "../task.ts";

/**
 * How far an attempt is: it would end with this program; it goes on without it; it is recorded, but something of it
 * still runs; nothing of it runs.
 */
export type Phase = "attached" | "detached" | "lingering" | "ended";

/** An attempt as the engine sees it. */
export class RunningAttempt implements Attempt {
  readonly task: Task;
  readonly job: string;
  readonly number: number;
  readonly started: number;
  readonly env: Env;
  /** How far it is. */
  phase: Phase = "attached";
  /** Whether the job is not tried again, whatever comes of it. */
  isLast = false;
  /** Whether the record of the job is kept, when it has ended for good. */
  isRecorded = true;
  /** Whether its end is left to whoever recovers it. */
  abandoned = false;
  /** Aborts it when its time is up. */
  timer: Disposable | undefined;
  /** What still runs although the attempt has ended; undefined if nothing does. */
  rest: Promise<void> | undefined;

  #controller: AbortController | undefined;
  readonly #observers: ((from: Phase) => void)[] = [];

  /** Begins an attempt. */
  constructor(task: Task, job: string, number: number, started: number, env: Env) {
    this.task = task;
    this.job = job;
    this.number = number;
    this.started = started;
    this.env = env;
    const jobs = underWay.get(task);
    if (jobs === undefined) underWay.set(task, new Map([[job, this]]));
    else jobs.set(job, this);
  }

  /** Made when it is first looked at: most attempts never do. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  detach(): void {
    if (this.phase === "attached") this.enter("detached");
  }

  linger(rest: Promise<void>): void {
    this.rest = rest;
  }

  /** Asks the attempt to end. */
  abort(reason: DOMException): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }

  /** Calls `observer` whenever it has entered another phase, with the one that it was in. */
  observe(observer: (from: Phase) => void): void {
    this.#observers.push(observer);
  }

  /** Takes in that it is further. */
  enter(phase: Phase): void {
    const from = this.phase;
    this.phase = phase;
    if (phase === "ended") this.#leave();
    for (const observer of this.#observers) observer(from);
  }

  /** Leaves its end to whoever recovers it. */
  abandon(): void {
    this.abandoned = true;
    this.timer?.[Symbol.dispose]();
    this.#leave();
  }

  #leave(): void {
    underWay.get(this.task)?.delete(this.job);
  }
}

/** By task and job, whichever engine started them: an engine that is closed leaves those that this process runs. */
const underWay = new WeakMap<Task, Map<string, RunningAttempt>>();

/** The attempts at jobs of a task that are under way in this process, by job. */
export function attemptsUnderWay(task: Task): ReadonlyMap<string, RunningAttempt> {
  return underWay.get(task) ?? new Map();
}
