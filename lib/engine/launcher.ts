/**
 * Attempts, from their start to their record.
 *
 * @module
 */

import type { DoneRecord } from "../done_record.ts";
import type { Env } from "../env.ts";
import { JobError } from "../errors.ts";
import { failureRecord, headline } from "../failure.ts";
import type { RecoveredJob } from "../attempt.ts";
import { warn } from "../warnings.ts";
import type { EngineEvent } from "./events.ts";
import type { KeyIndex } from "./key_index.ts";
import { type Failures, mayRetry, retryDelay } from "./retry_policy.ts";
import { RunningAttempt } from "./running_attempt.ts";
import type { Stats } from "./stats.ts";
import type { TaskState } from "./task_state.ts";

/** How often the record of a job that has ended is written before that is given up. */
const RECORD_ATTEMPTS = 3;

/** Milliseconds between two attempts to write a record. */
const RECORD_DELAY = 1_000;

/** What the launcher tells its engine. */
export interface LauncherEvents {
  /** Something for those who listen. */
  onEvent(event: EngineEvent): void;
  /** A job takes up no room any more. */
  onRelease(state: TaskState): void;
  /** A job has left the state it was in: it, and those that wait for it, may be ready now, and nothing else to be done. */
  onFree(state: TaskState, id: number): void;
}

/** Options of {@linkcode Launcher.start}. */
export interface LaunchOptions {
  /** Called if the job goes on without this program. */
  readonly onDetach?: () => void;
  /** Whether the job is tried again if it fails. */
  readonly retry?: boolean;
}

/** Starts attempts, keeps their records, and arranges further attempts. */
export class Launcher {
  /** How many attempts end with this program if it ends. */
  attached = 0;
  /** How many attempts go on without this program. */
  detached = 0;
  /** How many jobs were recorded although something of them still runs. */
  lingering = 0;
  /** How many jobs wait to be tried again. */
  retrying = 0;

  readonly #keys: KeyIndex;
  readonly #stats: Stats;
  readonly #env: Env;
  readonly #events: LauncherEvents;
  readonly #timers = new Set<Disposable>();
  /** How often jobs that are not recorded yet have failed. */
  readonly #failures = new Map<TaskState, Map<number, Failures>>();

  /** Makes a launcher that has started nothing. */
  constructor(keys: KeyIndex, stats: Stats, env: Env, events: LauncherEvents) {
    this.#keys = keys;
    this.#stats = stats;
    this.#env = env;
    this.#events = events;
  }

  /**
   * Starts an attempt.
   *
   * @returns The record of the attempt, when it has ended and the job's state is settled.
   */
  start(
    state: TaskState,
    id: number,
    { onDetach = () => {}, retry = true }: LaunchOptions = {},
  ): Promise<DoneRecord> {
    const failures = Object.values(this.#failures.get(state)?.get(id) ?? {});
    const number = failures.reduce((sum, count) => sum + count, 1);
    const job = this.#keys.space.name(id);
    const attempt = this.#begin(state, id, number, this.#env.now(), onDetach);
    attempt.isLast = !retry;
    this.#stats.launches++;
    this.#events.onEvent({ type: "start", task: state.task, job, attempt: number });
    return this.#run(state, id, job, attempt, () => state.task.execute(job, attempt));
  }

  /** Goes on with an attempt of an earlier run of the program; its former failures count as the job's own. */
  resume(state: TaskState, id: number, recovered: RecoveredJob): Promise<DoneRecord> {
    const jobs = this.#failures.get(state) ?? new Map<number, Failures>();
    this.#failures.set(state, jobs.set(id, { user: recovered.attempt - 1 }));
    const attempt = this.#begin(state, id, recovered.attempt, recovered.started, () => {});
    attempt.detach();
    return this.#run(state, id, recovered.job, attempt, () => recovered.resume(attempt));
  }

  /** Gives up all retries; the jobs are as if they had not been tried. */
  close(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #begin(
    state: TaskState,
    id: number,
    number: number,
    started: number,
    onDetach: () => void,
  ): RunningAttempt {
    state.live.add(id);
    state.liveSince.set(id, started);
    state.ended.delete(id);
    this.attached++;
    return new RunningAttempt(number, started, () => {
      this.attached--;
      this.detached++;
      onDetach();
    });
  }

  async #run(
    state: TaskState,
    id: number,
    job: string,
    attempt: RunningAttempt,
    work: () => Promise<DoneRecord>,
  ): Promise<DoneRecord> {
    const record = await this.#execute(state, attempt, work);
    const retryAt = record.success || attempt.isLast ? undefined : this.#retryAt(state, id, record);
    let kept = true;
    if (retryAt === undefined) kept = await this.#conclude(state, id, job, record, attempt.number);
    else this.#arrangeRetry(state, id, record, attempt.number, retryAt);
    if (kept && state.task.settled !== undefined) await this.#settle(state, job);
    if (attempt.detached) this.detached--;
    else this.attached--;
    this.#events.onEvent({
      type: "end",
      task: state.task,
      job,
      record,
      ...retryAt !== undefined && { retryAt },
    });
    if (attempt.rest !== undefined) {
      this.lingering++;
      attempt.rest.then(() => {
        this.lingering--;
        this.#free(state, id);
      });
      this.#events.onFree(state, id); // nobody waits for the rest
    } else {
      this.#free(state, id);
    }
    return record;
  }

  async #execute(
    state: TaskState,
    attempt: RunningAttempt,
    work: () => Promise<DoneRecord>,
  ): Promise<DoneRecord> {
    const { timeout } = state.task.options;
    const timer = timeout === undefined ? undefined : this.#env.schedule(
      () => attempt.abort(new DOMException(`The job ran longer than ${timeout} s`, "TimeoutError")),
      Math.max(0, attempt.started + timeout * 1000 - this.#env.now()),
    );
    try {
      return await work();
    } catch (error) {
      const failureClass = error instanceof JobError ? error.class : "infra";
      return failureRecord(error, attempt.started, this.#env.now(), failureClass);
    } finally {
      timer?.[Symbol.dispose]();
    }
  }

  #free(state: TaskState, id: number): void {
    state.live.delete(id);
    state.liveSince.delete(id);
    this.#events.onRelease(state);
    this.#events.onFree(state, id);
  }

  /** When a job that failed is tried again; undefined if it is not. */
  #retryAt(
    state: TaskState,
    id: number,
    { class: failureClass = "user" }: DoneRecord,
  ): number | undefined {
    const { options } = state.task;
    const jobs = this.#failures.get(state) ?? new Map<number, Failures>();
    const before = jobs.get(id) ?? {};
    const failures = { ...before, [failureClass]: (before[failureClass] ?? 0) + 1 };
    this.#failures.set(state, jobs.set(id, failures));
    if (!mayRetry(options, failures, failureClass)) return undefined;
    const attempts = Object.values(failures).reduce((sum, count) => sum + count, 0);
    return this.#env.now() + retryDelay(options, attempts, this.#env.random());
  }

  #arrangeRetry(
    state: TaskState,
    id: number,
    record: DoneRecord,
    attempts: number,
    at: number,
  ): void {
    state.retries.set(id, { at, attempts, record });
    this.retrying++;
    this.#after(at - this.#env.now(), () => {
      state.retries.delete(id);
      this.retrying--;
      this.#events.onFree(state, id);
    });
  }

  async #settle({ task }: TaskState, job: string): Promise<void> {
    try {
      await task.settled?.(job);
    } catch (error) {
      warn(
        `Task "${task.name}" cannot forget how "${job}" ended, and will take it in once more: ${
          headline(error)
        }`,
      );
    }
  }

  /** Keeps the record of a job that is not tried again, and learns what it wrote; false if the record is not kept. */
  async #conclude(
    state: TaskState,
    id: number,
    job: string,
    record: DoneRecord,
    attempts: number,
  ): Promise<boolean> {
    this.#failures.get(state)?.delete(id);
    const { metadata } = state.task;
    const kept = !metadata ||
      await this.#record(state, job, record.success ? record : { ...record, attempts });
    if (kept && metadata) state.learn(id, !record.success);
    for (const { stored, trace } of state.written) {
      const origin = trace.forward(id);
      if (origin < 0 || stored.set.has(origin)) continue;
      try {
        this.#stats.reads++;
        if (await stored.repository.contains(this.#keys.space.name(origin))) {
          stored.put(origin, true);
        }
      } catch {
        stored.stale = true; // the next look asks again, and says what is wrong
      }
    }
    state.ended.add(id);
    return kept;
  }

  /** Writes a record; false if that cannot be done. The job must not run again for a store that is away for a moment. */
  async #record(state: TaskState, job: string, record: DoneRecord): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      try {
        await state.task.done.dump(job, record);
        return true;
      } catch (error) {
        if (attempt === RECORD_ATTEMPTS) {
          this.#events.onEvent({ type: "unrecorded", task: state.task, job, error });
          return false;
        }
        await new Promise<void>((resolve) => this.#after(RECORD_DELAY, resolve));
      }
    }
  }

  #after(delay: number, callback: () => void): void {
    const timer = this.#env.schedule(() => {
      this.#timers.delete(timer);
      callback();
    }, delay);
    this.#timers.add(timer);
  }
}
