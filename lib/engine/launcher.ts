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
import { type Phase, RunningAttempt } from "./running_attempt.ts";
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
  /** The attempts whose end it waits for, to take it in; not those of other engines. */
  readonly #own = new Map<RunningAttempt, TaskState>();
  /** What fires when jobs are tried again. */
  readonly #retryTimers = new Set<Disposable>();
  /** Ends the pauses before records are written again. */
  readonly #pauses = new Set<() => void>();
  #closed = false;
  /** How many records are being kept. */
  #concluding = 0;
  #onConcluded: (() => void) | undefined;
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
    const attempt = new RunningAttempt(state.task, job, number, this.#env.now(), this.#env);
    attempt.isLast = !retry;
    attempt.isRecorded = state.task.metadata;
    this.#follow(state, id, attempt, onDetach);
    this.#stats.launches++;
    this.#events.onEvent({ type: "start", task: state.task, job, attempt: number });
    return this.#run(state, id, attempt, () => state.task.execute(job, attempt));
  }

  /** Goes on with an attempt of an earlier run of the program; its former failures count as the job's own. */
  resume(state: TaskState, id: number, recovered: RecoveredJob): Promise<DoneRecord> {
    const { job, attempt: number, started, ran = this.#env.now() - started } = recovered;
    const jobs = this.#failures.get(state) ?? new Map<number, Failures>();
    this.#failures.set(state, jobs.set(id, { user: number - 1 }));
    const attempt = new RunningAttempt(state.task, job, number, started, this.#env);
    attempt.isRecorded = state.task.metadata;
    this.#follow(state, id, attempt);
    attempt.detach();
    return this.#run(state, id, attempt, () => recovered.resume(attempt), ran);
  }

  /** Takes in an attempt that another engine in this process has started, and keeps the record of. */
  inherit(state: TaskState, id: number, attempt: RunningAttempt): void {
    this.#follow(state, id, attempt);
  }

  /**
   * Gives up all retries: the jobs are as if they had not been tried. Attempts that go on without this program are left
   * to whoever recovers them, who takes the room for them anew. Others, if they end, are still recorded.
   *
   * @returns When the records of those that have ended are kept.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#retryTimers) timer[Symbol.dispose]();
    this.#retryTimers.clear();
    for (const [attempt, state] of this.#own) {
      if (attempt.phase !== "detached") continue;
      this.#own.delete(attempt);
      attempt.abandon();
      this.#events.onRelease(state);
    }
    for (const endPause of this.#pauses) endPause();
    if (this.#concluding === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onConcluded = resolve;
    await promise;
  }

  /** Counts an attempt, and keeps what is known of its job true, until it has ended. */
  #follow(
    state: TaskState,
    id: number,
    attempt: RunningAttempt,
    onDetach: () => void = () => {},
  ): void {
    state.live.add(id);
    state.liveSince.set(id, attempt.started);
    state.ended.delete(id);
    this.#count(attempt.phase, 1);
    attempt.observe((from) => {
      this.#count(from, -1);
      this.#count(attempt.phase, 1);
      if (attempt.phase === "detached") onDetach();
      if (attempt.phase === "lingering") this.#events.onFree(state, id); // nobody waits for the rest
      if (attempt.phase === "ended") this.#free(state, id);
    });
  }

  #count(phase: Phase, by: 1 | -1): void {
    if (phase !== "ended") this[phase] += by;
  }

  async #run(
    state: TaskState,
    id: number,
    attempt: RunningAttempt,
    work: () => Promise<DoneRecord>,
    ran = 0,
  ): Promise<DoneRecord> {
    const { job } = attempt;
    this.#own.set(attempt, state);
    const record = await this.#execute(state, attempt, work, ran);
    this.#own.delete(attempt);
    if (attempt.abandoned) return record;
    this.#concluding++;
    const retryAt = this.#retryAt(state, id, attempt, record);
    let kept = true;
    if (retryAt === undefined) kept = await this.#conclude(state, id, attempt, record);
    else this.#arrangeRetry(state, id, record, attempt.number, retryAt);
    if (kept && state.task.settled !== undefined) await this.settle(state, job);
    if (--this.#concluding === 0) this.#onConcluded?.();
    this.#events.onEvent({
      type: "end",
      task: state.task,
      job,
      record,
      ...retryAt !== undefined && { retryAt },
    });
    if (attempt.rest !== undefined) {
      const end = (): void => attempt.enter("ended");
      attempt.rest.then(end, end);
      attempt.enter("lingering");
    } else {
      attempt.enter("ended");
    }
    return record;
  }

  async #execute(
    state: TaskState,
    attempt: RunningAttempt,
    work: () => Promise<DoneRecord>,
    ran: number,
  ): Promise<DoneRecord> {
    const { timeout } = state.task.options;
    attempt.timer = timeout === undefined ? undefined : this.#env.schedule(
      () => attempt.abort(new DOMException(`The job ran longer than ${timeout} s`, "TimeoutError")),
      Math.max(0, timeout * 1000 - ran),
    );
    try {
      return await work();
    } catch (error) {
      const failureClass = error instanceof JobError ? error.class : "infra";
      return failureRecord(error, attempt.started, this.#env.now(), failureClass);
    } finally {
      attempt.timer?.[Symbol.dispose]();
    }
  }

  #free(state: TaskState, id: number): void {
    state.live.delete(id);
    state.liveSince.delete(id);
    this.#events.onRelease(state);
    this.#events.onFree(state, id);
  }

  /** When a job is tried again; undefined if it is not. */
  #retryAt(
    state: TaskState,
    id: number,
    attempt: RunningAttempt,
    { success, class: failureClass = "user" }: DoneRecord,
  ): number | undefined {
    if (success || attempt.isLast || attempt.rest !== undefined) return undefined;
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
    if (this.#closed) return;
    state.retries.set(id, { at, attempts, record });
    this.retrying++;
    const timer = this.#env.schedule(() => {
      this.#retryTimers.delete(timer);
      state.retries.delete(id);
      this.retrying--;
      this.#events.onFree(state, id);
    }, at - this.#env.now());
    this.#retryTimers.add(timer);
  }

  /** Lets a task forget how a job ended, now that its record is kept. */
  async settle({ task }: TaskState, job: string): Promise<void> {
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
    { job, number: attempts, isRecorded }: RunningAttempt,
    record: DoneRecord,
  ): Promise<boolean> {
    this.#failures.get(state)?.delete(id);
    const kept = !isRecorded ||
      await this.#record(state, job, record.success ? record : { ...record, attempts });
    if (kept && isRecorded) state.learn(id, !record.success);
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
    const { task } = state;
    for (let attempt = 1;; attempt++) {
      const isLast = attempt === RECORD_ATTEMPTS || this.#closed;
      try {
        this.#stats.writes++;
        await task.done.dump(job, record);
        return true;
      } catch (error) {
        if (isLast) {
          if (this.#closed) {
            warn(
              `Task "${task.name}" has run "${job}", but cannot record that: ${headline(error)}`,
            );
          }
          this.#events.onEvent({ type: "unrecorded", task, job, error });
          return false;
        }
      }
      await this.#pause();
    }
  }

  /** Waits before a record is written again; not once the launcher is closed. */
  async #pause(): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#env.schedule(resolve, RECORD_DELAY);
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
  }
}
