/**
 * The engine: what is ready is started, and what ends makes other things ready.
 *
 * @module
 */

import type { RecoveredJob } from "../attempt.ts";
import type { DoneRecord } from "../done_record.ts";
import { type Env, systemEnv } from "../env.ts";
import { InUseError, JobError, JobIdError, PipelineError, StoreError } from "../errors.ts";
import { headline } from "../failure.ts";
import type { ResourceManager } from "../resource_manager.ts";
import type { Task } from "../task.ts";
import { warn } from "../warnings.ts";
import type { Decision } from "./decision.ts";
import { Dispatcher } from "./dispatcher.ts";
import { connect } from "./edges.ts";
import type { EngineEvent } from "./events.ts";
import { KeyIndex } from "./key_index.ts";
import { Launcher } from "./launcher.ts";
import { Records } from "./records.ts";
import type { Unreachable } from "./report.ts";
import { attemptsUnderWay } from "./running_attempt.ts";
import { type Obstacle, Scheduler } from "./scheduler.ts";
import { noStats, type Stats } from "./stats.ts";
import { TaskState } from "./task_state.ts";

/** What an engine works on. */
export interface EngineOptions {
  /** The tasks, in their order. */
  readonly tasks: readonly Task[];
  /** Which jobs come first: the greater number. */
  readonly priority?: ((task: Task, job: string) => number) | undefined;
  /** Quotas of which it is asked anew at the start of each run what is in use. */
  readonly resources?: readonly ResourceManager[] | undefined;
  /** The folder for snapshots of what repositories hold; none are made, if it is not given. */
  readonly snapshots?: string | undefined;
  /** How many keys are worth a snapshot. */
  readonly minKeys?: number | undefined;
  /** The world outside. */
  readonly env?: Env | undefined;
}

/**
 * Knows the keys of all repositories of a pipeline, decides which jobs are ready, and starts them.
 *
 * It never asks a store the same thing twice: each repository is listed once, and from then on its set follows the
 * changes that it tells. A change costs what hangs on its key.
 */
export class Engine {
  /** What it did so far. */
  readonly stats: Stats = noStats();
  /** The keys of all repositories. */
  readonly keys: KeyIndex;
  /** The tasks, in their order. */
  readonly states: readonly TaskState[];
  /** The world outside. */
  readonly env: Env;
  /** Which jobs come first: the greater number. */
  readonly priority: EngineOptions["priority"];

  /** What the records of ended jobs say. */
  readonly records: Records;

  readonly #byTask = new Map<Task, TaskState>();
  readonly #scheduler: Scheduler;
  readonly #launcher: Launcher;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #looking: Promise<void> | undefined;
  #looked = false;
  /** The tasks of which it was taken in what an earlier run of the program left. */
  readonly #recovered = new Set<TaskState>();
  /** Those of which it was asked, and could not be said. */
  readonly #unrecovered = new Set<TaskState>();
  #recovering: Promise<void> | undefined;
  /** What had ended when it was recovered, and is being taken in: by task and job. */
  readonly #takingIn = new Map<TaskState, Map<string, Promise<unknown>>>();
  /** What starts jobs, while a run or a cycle is under way. */
  #dispatcher: Dispatcher | undefined;

  /** Takes in the tasks. Nothing is listed yet. */
  constructor(options: EngineOptions) {
    const { tasks, priority, resources = [], snapshots, minKeys, env = systemEnv } = options;
    this.env = env;
    this.keys = new KeyIndex(this.stats, { snapshots, minKeys, elapsed: () => env.elapsed() });
    this.records = new Records(this.keys.space, this.stats);
    this.priority = priority;
    this.states = tasks.map((task, index) => new TaskState(task, index, this.keys));
    for (const state of this.states) this.#byTask.set(state.task, state);
    connect(this.states, this.keys);
    this.#scheduler = new Scheduler(this.states, this.keys.space, priority, resources);
    this.#launcher = new Launcher(this.keys, this.stats, env, {
      onEvent: (event) => this.#tell(event),
      onRelease: (state) => this.#scheduler.release(state),
      onFree: (state, id) => {
        this.#dispatcher?.touch(state, id);
        this.#dispatcher?.pump();
      },
    });
    for (const state of this.states) this.#follow(state);
  }

  /** Calls `listener` with all that happens, until the result is disposed of. */
  subscribe(listener: (event: EngineEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** What is known of a task's jobs. */
  state(task: Task): TaskState {
    const state = this.#byTask.get(task);
    if (state === undefined) throw new TypeError(`Task "${task.name}" is not in this pipeline`);
    return state;
  }

  /**
   * Makes sure that the keys are known: lists every repository, or only those of which it is not known what they hold.
   * A store that cannot be listed is no error here: it makes the jobs that depend on it undecidable.
   */
  async look(which: "all" | "stale" = "all"): Promise<void> {
    while (this.#looking !== undefined) await this.#looking;
    this.#looking = this.#look(which);
    try {
      await this.#looking;
    } finally {
      this.#looking = undefined;
    }
  }

  /**
   * Looks, for who only reads: finds out as well which jobs have ended that nobody has taken in. A machine that cannot be
   * asked for that is no error either. Nothing is changed, and no lock is taken.
   */
  async survey(): Promise<void> {
    await this.look(); // first: what still runs then, and has ended since, is found now
    await Promise.all(this.states.map((state) => this.#askUntaken(state)));
  }

  /** The jobs of a task that would be started now. */
  async ready(task: Task): Promise<Set<string>> {
    if (!this.#looked) await this.survey();
    const state = this.state(task);
    const ready = new Set<string>();
    if (task.disabled) return ready;
    await this.records.decideAll(state, state.eligible.clone(), (id, decision) => {
      if (decision.state === "ready") ready.add(this.keys.space.name(id));
    });
    return ready;
  }

  /**
   * Decides about a job.
   *
   * @throws {JobIdError} If `job` is no job id.
   */
  async decide(task: Task, job: string): Promise<Decision> {
    if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    if (!this.#looked) await this.survey();
    return await this.records.decide(this.state(task), this.keys.space.find(job));
  }

  /** Why ready jobs of a task are not started; undefined if they are. */
  obstacle(task: Task): Obstacle | undefined {
    return this.#scheduler.obstacle(this.state(task));
  }

  /**
   * Takes in what earlier runs have left, and waits for the end of a job to be taken in, if it has ended.
   *
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If another program does the same work.
   */
  async takeIn(task: Task, job: string): Promise<void> {
    if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    if (!this.#looked) await this.look(); // whose records are kept decides what is to be taken in
    await this.#scheduler.load();
    await this.recover();
    await this.#takingIn.get(this.state(task))?.get(job);
  }

  /**
   * Starts one job, ready or not. If it has ended and nobody has taken that in, that is done first.
   *
   * @param options `sync`: whether to wait for its end though it goes on without this program. `retry`: whether it is
   * tried again if it fails.
   * @returns Its record; undefined if it goes on without this program.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {JobError} If it is running, or there is no room for it.
   * @throws {StoreError} If it is not known whether it is running.
   */
  async launch(
    task: Task,
    job: string,
    { sync, retry = false }: { readonly sync: boolean; readonly retry?: boolean },
  ): Promise<DoneRecord | undefined> {
    if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    const state = this.state(task);
    const id = this.keys.space.intern(job);
    const doing = `Cannot launch "${job}" of task "${task.name}"`;
    await this.takeIn(task, job);
    const { unrecovered } = state;
    if (unrecovered !== undefined) {
      throw new StoreError(
        `${doing}: it is not known whether it is running: ${headline(unrecovered.error)}`,
        { cause: unrecovered.error },
      );
    }
    // From here to the start nothing is waited for, so that nobody else starts it meanwhile.
    if (state.live.has(id)) throw new JobError(`${doing}: it is running`, { class: "config" });
    if (!this.#scheduler.admit(state)) {
      const obstacle = this.#scheduler.obstacle(state);
      if (obstacle?.kind === "never") {
        const { describeShortage } = await import("./shortage.ts");
        throw new JobError(`${doing}: ${describeShortage(obstacle.shortage)}`, { class: "config" });
      }
      const lacking = obstacle !== undefined && "resource" in obstacle ? obstacle.resource : "room";
      throw new JobError(`${doing}: not enough ${lacking} is free`, { class: "infra" });
    }
    const { promise: detached, resolve } = Promise.withResolvers<undefined>();
    const record = this.#launcher.start(state, id, {
      retry,
      onDetach: () => sync || task.synchronous || resolve(undefined),
    });
    return await Promise.race([record, detached]);
  }

  /**
   * Looks once, starts what is ready then, and waits for what would end with this program.
   *
   * @returns Whether there is anything left that could go on: something was started, runs, or waits for its time.
   */
  async cycle(): Promise<boolean> {
    const dispatcher = this.claim();
    const before = this.stats.launches;
    let took: boolean;
    try {
      await this.begin(dispatcher, "once");
      const attached = !this.states.some(({ task }) => task.synchronous);
      await dispatcher.quiet(attached ? "attached" : "running");
      took = await this.#haveTakenIn(dispatcher.stopped);
    } finally {
      this.release(dispatcher);
    }
    const { detached, retrying } = this.#launcher;
    return this.stats.launches > before || took || detached > 0 || retrying > 0 ||
      this.#scheduler.nextLaunchIn !== undefined;
  }

  /** How many attempts would end with this program. */
  get attached(): number {
    return this.#launcher.attached;
  }

  /** How many attempts are under way, wherever. */
  get running(): number {
    return this.#launcher.attached + this.#launcher.detached;
  }

  /** How many jobs were recorded although something of them still runs in this process. */
  get lingering(): number {
    return this.#launcher.lingering;
  }

  /** How many jobs wait to be tried again. */
  get retrying(): number {
    return this.#launcher.retrying;
  }

  /**
   * Takes the engine for a run or a cycle, until {@linkcode release}.
   *
   * @throws {TypeError} If it is taken.
   */
  claim(): Dispatcher {
    if (this.#dispatcher !== undefined) {
      throw new TypeError("Cannot run the pipeline: it is running already");
    }
    this.forgetEnded();
    return this.#dispatcher = new Dispatcher({
      env: this.env,
      states: this.states,
      keys: this.keys,
      records: this.records,
      scheduler: this.#scheduler,
      launcher: this.#launcher,
    });
  }

  /** Lets jobs that ended in the last run be ready again, as they are for the next one. */
  forgetEnded(): void {
    if (this.#dispatcher === undefined) { for (const state of this.states) state.ended.clear(); }
  }

  /**
   * Looks, and begins to start jobs.
   *
   * @param dispatcher What {@linkcode claim} returned.
   * @param which What is ready now; or also what becomes ready later.
   */
  async begin(dispatcher: Dispatcher, which: "once" | "always"): Promise<void> {
    await this.look();
    await this.#scheduler.load();
    await this.recover();
    dispatcher.start(which);
  }

  /**
   * Takes in what an earlier run has left: one of this program that has ended, or one in this process. Where that cannot
   * be said, no job of the task is started, and it is asked again when this is called again.
   *
   * @throws {StoreError} If another program does the same work, when that is asked for the first time.
   * @throws {PipelineError} If a task cannot work, likewise.
   */
  async recover(): Promise<void> {
    this.#recovering ??= this.#recover().finally(() => void (this.#recovering = undefined));
    await this.#recovering;
  }

  /** Lets the run or cycle that is under way start nothing any more. What runs goes on. */
  stop(): void {
    this.#dispatcher?.stop();
  }

  /** Ends what {@linkcode claim} began. */
  release(dispatcher: Dispatcher): void {
    dispatcher.stop();
    if (this.#dispatcher === dispatcher) this.#dispatcher = undefined;
  }

  /** How many launches are still to come before the queue is empty, by task. */
  waiting(task: Task): number {
    return this.#scheduler.waiting(this.state(task));
  }

  /** The repositories that could not be listed, and the tasks whose jobs could not be looked for, each with what went wrong. */
  unreachable(): Unreachable[] {
    const unreachable: Unreachable[] = this.keys.stored
      .filter(({ error }) => error !== undefined)
      .map(({ repository, error }) => ({ repository, error }));
    const told = new Set(unreachable.map(({ error }) => headline(error)));
    for (const { task, unrecovered } of this.states) {
      if (unrecovered === undefined || told.has(headline(unrecovered.error))) continue;
      unreachable.push({ task, error: unrecovered.error });
    }
    return unreachable;
  }

  /**
   * Starts nothing any more, and hears of no change.
   *
   * @returns When the records of jobs that have ended are kept.
   */
  async close(): Promise<void> {
    this.stop();
    await this.#launcher.close();
    await this.keys.close();
  }

  async #look(which: "all" | "stale"): Promise<void> {
    await this.keys.look(which);
    for (const state of this.states) state.refresh();
    this.#looked = true;
  }

  async #askUntaken(state: TaskState): Promise<void> {
    // Who starts jobs has taken in what was left, or knows that it cannot be done.
    const isKnown = (): boolean => this.#dispatcher !== undefined || this.#recovered.has(state);
    if (state.task.untaken === undefined || isKnown()) return;
    let jobs: Iterable<string> = [];
    let unrecovered: { readonly error: unknown } | undefined;
    try {
      jobs = await state.task.untaken();
    } catch (error) {
      unrecovered = { error };
    }
    if (isKnown()) return;
    state.untaken.clear();
    for (const job of jobs) state.untaken.add(this.keys.space.intern(job));
    state.noteRecovery(unrecovered);
  }

  async #recover(): Promise<void> {
    const states = this.states.filter((state) => !this.#recovered.has(state));
    const outcomes = await Promise.allSettled(states.map((state) => this.#recoverTask(state)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  /**
   * Waits until all that had ended when it was recovered is taken in, or it was stopped.
   *
   * @returns Whether there was any.
   */
  async #haveTakenIn(stopped: AbortSignal): Promise<boolean> {
    const takingIn = [...this.#takingIn.values()].flatMap((jobs) => [...jobs.values()]);
    if (takingIn.length === 0) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    stopped.addEventListener("abort", () => resolve(), { once: true });
    if (stopped.aborted) resolve();
    await Promise.race([Promise.allSettled(takingIn), promise]);
    return true;
  }

  async #recoverTask(state: TaskState): Promise<void> {
    const { task } = state;
    let left: readonly RecoveredJob[];
    try {
      left = await task.recover?.() ?? [];
    } catch (error) {
      // What is known before anything was started is said at once; later, others may run, and are not given up for it.
      const first = !this.#unrecovered.has(state);
      if (first && (error instanceof PipelineError || error instanceof InUseError)) throw error;
      this.#unrecovered.add(state);
      state.noteRecovery({ error });
      return;
    }
    const underWay = attemptsUnderWay(task);
    for (const [job, attempt] of underWay) {
      this.#scheduler.occupy(state);
      this.#launcher.inherit(state, this.keys.space.intern(job), attempt);
    }
    const settled: string[] = [];
    const takingIn = new Map<string, Promise<unknown>>();
    this.#takingIn.set(state, takingIn);
    for (const recovered of left.filter(({ job }) => !underWay.has(job))) {
      const id = this.keys.space.intern(recovered.job);
      if (recovered.ended && state.done.set.has(id)) {
        settled.push(recovered.job); // its record was kept before the program ended
        continue;
      }
      this.#scheduler.occupy(state);
      const record = this.#launcher.resume(state, id, recovered);
      if (recovered.ended) {
        takingIn.set(recovered.job, record.finally(() => takingIn.delete(recovered.job)));
      }
    }
    this.#recovered.add(state);
    state.untaken.clear();
    if (state.unrecovered !== undefined) state.noteRecovery(undefined);
    for (const job of settled) await this.#launcher.settle(state, job);
  }

  /** Keeps a task's state true as its repositories change. */
  #follow(state: TaskState): void {
    const changed = (id: number): void => {
      state.update(id);
      state.ended.delete(id);
      this.#dispatcher?.touch(state, id);
      this.#dispatcher?.pumpSoon();
    };
    for (const view of new Set([...state.required, ...state.inhibiting].map(({ view }) => view))) {
      view.listen(changed);
    }
    state.done.listen((id) => {
      state.forget(id);
      this.#dispatcher?.touch(state, id);
      this.#dispatcher?.pumpSoon();
    });
  }

  #tell(event: EngineEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        warn(`Whoever listens to the engine failed: ${headline(error)}`); // which is no reason to lose a job
      }
    }
  }
}
