/**
 * The engine: what is ready is started, and what ends makes other things ready.
 *
 * @module
 */

import { saysFailed } from "../done_record.ts";
import type { DoneRecord } from "../done_record.ts";
import { type Env, systemEnv } from "../env.ts";
import { JobError, JobIdError } from "../errors.ts";
import { headline } from "../failure.ts";
import type { Task } from "../task.ts";
import { warn } from "../warnings.ts";
import { decide, type Decision } from "./decision.ts";
import { connect } from "./edges.ts";
import { describe } from "./explain.ts";
import type { EngineEvent } from "./events.ts";
import { KeyIndex } from "./key_index.ts";
import { KeySet } from "./key_set.ts";
import { Launcher } from "./launcher.ts";
import type { Leftover, RunReport } from "./report.ts";
import { type Obstacle, Scheduler } from "./scheduler.ts";
import { noStats, type Stats } from "./stats.ts";
import { TaskState } from "./task_state.ts";

/** Milliseconds after which the engine lets timers and signals have their turn, however much there is to start. */
const SLICE = 20;

/** How many records are read at the same time. */
const READS = 64;

/** What to wait for: attempts that would end with this program; all attempts; all attempts and retries. */
export type Patience = "attached" | "running" | "retries";

/** A stretch of work in which no timer and no signal has its turn. */
interface Turn {
  /** When it is over at the latest, by the clock of elapsed time. */
  readonly end: number;
  /** How many jobs were considered. */
  count: number;
  /** Whether nothing more is to be done in it. */
  over: boolean;
  /** Fires when it has ended. */
  readonly timer: Disposable;
}

/** What an engine works on. */
export interface EngineOptions {
  /** The tasks, in their order. */
  readonly tasks: readonly Task[];
  /** Which jobs come first: the greater number. */
  readonly priority?: ((task: Task, job: string) => number) | undefined;
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
  readonly keys: KeyIndex = new KeyIndex(this.stats);
  /** The tasks, in their order. */
  readonly states: readonly TaskState[];
  /** The world outside. */
  readonly env: Env;
  /** Which jobs come first: the greater number. */
  readonly priority: EngineOptions["priority"];

  readonly #byTask = new Map<Task, TaskState>();
  readonly #scheduler: Scheduler;
  readonly #launcher: Launcher;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #looking: Promise<void> | undefined;
  #looked = false;
  /** The tasks of which it was taken in what an earlier run of the program left. */
  readonly #recovered = new Set<TaskState>();
  /** Whether a run or a cycle is under way. */
  #claimed = false;
  #stopped = false;
  /** Whether jobs that become ready are started; otherwise only those that wait already. */
  #admitting = false;
  /** Whether anything is started. */
  #launching = false;
  #patience: Patience = "attached";
  #reading = 0;
  #pumping = false;
  #pumpComes = false;
  #turn: Turn | undefined;
  #alarm: Disposable | undefined;
  #onQuiet: (() => void) | undefined;

  /** Takes in the tasks. Nothing is listed yet. */
  constructor({ tasks, priority, env = systemEnv }: EngineOptions) {
    this.env = env;
    this.priority = priority;
    this.states = tasks.map((task, index) => new TaskState(task, index, this.keys));
    for (const state of this.states) this.#byTask.set(state.task, state);
    connect(this.states, this.keys);
    this.#scheduler = new Scheduler(this.states, this.keys.space, priority);
    this.#launcher = new Launcher(this.keys, this.stats, env, {
      onEvent: (event) => this.#tell(event),
      onRelease: (state) => this.#scheduler.release(state),
      onFree: (state, id) => {
        this.#touch(state, id);
        this.#pump();
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

  /** The jobs of a task that would be started now. */
  async ready(task: Task): Promise<Set<string>> {
    if (!this.#looked) await this.look();
    const state = this.state(task);
    const ready = new Set<string>();
    if (task.disabled) return ready;
    await this.decideAll(state, state.eligible.clone(), (id, decision) => {
      if (decision.state === "ready") ready.add(this.keys.space.name(id));
    });
    return ready;
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
      for (const id of next) take(id, await this.#decide(state, id));
    }));
  }

  /**
   * Decides about a job.
   *
   * @throws {JobIdError} If `job` is no job id.
   */
  async decide(task: Task, job: string): Promise<Decision> {
    if (!task.done.isValidJobId(job)) throw new JobIdError(job);
    if (!this.#looked) await this.look();
    return await this.#decide(this.state(task), this.keys.space.find(job));
  }

  /** Why ready jobs of a task are not started; undefined if they are. */
  obstacle(task: Task): Obstacle | undefined {
    return this.#scheduler.obstacle(this.state(task));
  }

  /**
   * Starts one job, ready or not.
   *
   * @param options `sync`: whether to wait for its end though it goes on without this program. `retry`: whether it is
   * tried again if it fails.
   * @returns Its record; undefined if it goes on without this program.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {JobError} If it is running, or there is no room for it.
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
    await this.#recover();
    await this.#scheduler.load();
    // From here to the start nothing is waited for, so that nobody else starts it meanwhile.
    if (state.live.has(id)) throw new JobError(`${doing}: it is running`, { class: "config" });
    if (!this.#scheduler.admit(state)) {
      const obstacle = this.#scheduler.obstacle(state);
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
   * @returns Whether there is anything left that could go on: something was started, runs, or waits to be tried again.
   */
  async cycle(): Promise<boolean> {
    this.claim();
    const before = this.stats.launches;
    try {
      await this.begin("once");
      await this.quiet(this.states.some(({ task }) => task.synchronous) ? "running" : "attached");
    } finally {
      this.release();
    }
    const { detached, retrying } = this.#launcher;
    return this.stats.launches > before || detached > 0 || retrying > 0;
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
  claim(): void {
    if (this.#claimed) throw new TypeError("Cannot run the pipeline: it is running already");
    this.forgetEnded();
    this.#claimed = true;
    this.#stopped = false;
  }

  /** Lets jobs that ended in the last run be ready again, as they are for the next one. */
  forgetEnded(): void {
    if (!this.#claimed) { for (const state of this.states) state.ended.clear(); }
  }

  /**
   * Looks, and begins to start jobs.
   *
   * @param which What is ready now; or also what becomes ready later, until {@linkcode stop}.
   */
  async begin(which: "once" | "always"): Promise<void> {
    await this.look();
    await this.#scheduler.load();
    await this.#recover();
    if (this.#stopped) return; // while it looked
    this.#admitting = which === "always";
    this.#launching = true;
    this.enqueue();
  }

  /** Enters all that is eligible among the jobs to be looked at: after a look. */
  enqueue(): void {
    for (const state of this.states) {
      this.#scheduler.fill(state, state.task.disabled ? new KeySet() : state.eligible.clone());
    }
    this.#scheduler.unblock();
    this.#pump();
  }

  /**
   * Resolves when nothing that could make the engine start something is under way.
   *
   * @param what What to wait for: attempts that would end with this program; all attempts; retries as well. After
   * {@linkcode stop}, only the first.
   */
  quiet(what: Patience): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    this.#patience = what;
    this.#pump();
    this.#settle();
    return promise;
  }

  /** Ends what {@linkcode claim} began. */
  release(): void {
    this.stop();
    this.#claimed = false;
  }

  /** Starts nothing any more. What runs goes on. */
  stop(): void {
    this.#stopped = true;
    this.#launching = false;
    this.#admitting = false;
    this.#turn?.timer[Symbol.dispose]();
    this.#turn = undefined;
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = undefined;
    this.#settle();
  }

  /** What is left: eligible as far as the links say, but not started. */
  async leftovers(): Promise<Leftover[]> {
    const left = new Map<string, Leftover>();
    for (const state of this.states.filter(({ task }) => !task.disabled)) {
      const obstacle = this.obstacle(state.task);
      await this.decideAll(state, state.eligible.clone(), (id, decision) => {
        if (decision.state === "running" || decision.state === "ended") return;
        const key = `${state.index} ${decision.state} ${
          "from" in decision ? decision.from.index : ""
        }`;
        const before = left.get(key);
        left.set(key, {
          task: state.task,
          state: decision.state,
          reason: before?.reason ?? describe(decision, obstacle),
          count: (before?.count ?? 0) + 1,
          job: before?.job ?? this.keys.space.name(id),
        });
      });
    }
    return [...left.values()];
  }

  /** How many launches are still to come before the queue is empty, by task. */
  waiting(task: Task): number {
    return this.#scheduler.waiting(this.state(task));
  }

  /** The repositories that could not be listed, each with what went wrong. */
  unreachable(): RunReport["unreachable"] {
    return this.keys.stored.filter((view) => view.error !== undefined).map((
      { repository, error },
    ) => ({
      repository,
      error,
    }));
  }

  /** Starts nothing any more, and hears of no change. */
  close(): void {
    this.stop();
    this.#launcher.close();
    this.keys.close();
  }

  async #look(which: "all" | "stale"): Promise<void> {
    await this.keys.look(which);
    for (const state of this.states) state.refresh();
    this.#looked = true;
  }

  async #decide(state: TaskState, id: number): Promise<Decision> {
    for (;;) {
      const decision = decide(state, id);
      if (decision.state !== "unread") return decision;
      await this.#read(decision.from, decision.id);
    }
  }

  /** Takes in what an earlier run of the program left. */
  async #recover(): Promise<void> {
    for (const state of this.states) {
      const { task } = state;
      if (this.#recovered.has(state)) continue;
      for (const recovered of await task.recover?.() ?? []) {
        const id = this.keys.space.intern(recovered.job);
        if (recovered.ended && state.done.set.has(id)) {
          await task.settled?.(recovered.job); // its record was kept before the program ended
          continue;
        }
        this.#scheduler.occupy(state);
        this.#launcher.resume(state, id, recovered);
      }
      this.#recovered.add(state);
    }
  }

  /** Reads whether the record of an ended job says that it failed. */
  #read(state: TaskState, id: number): Promise<void> {
    const known = state.reading.get(id);
    if (known !== undefined) return known;
    this.stats.reads++;
    const take = (learn: () => void): void => {
      if (state.reading.get(id) !== reading) return; // the record has changed meanwhile
      state.reading.delete(id);
      learn();
    };
    const reading = state.task.done.info(this.keys.space.name(id)).then(
      (record) => take(() => state.learn(id, saysFailed(record))),
      (error) => take(() => state.unreadable.set(id, error)),
    );
    state.reading.set(id, reading);
    return reading;
  }

  /** Keeps a task's state true as its repositories change. */
  #follow(state: TaskState): void {
    const changed = (id: number): void => {
      state.update(id);
      state.ended.delete(id);
      this.#touch(state, id);
      this.#pumpSoon();
    };
    for (const view of new Set([...state.required, ...state.inhibiting].map(({ view }) => view))) {
      view.listen(changed);
    }
    state.done.listen((id) => {
      state.forget(id);
      this.#touch(state, id);
      this.#pumpSoon();
    });
  }

  /** Starts what is ready when a change has been taken in everywhere: until then, views of one store may disagree. */
  #pumpSoon(): void {
    if (this.#pumpComes || !this.#launching) return;
    this.#pumpComes = true;
    queueMicrotask(() => {
      this.#pumpComes = false;
      this.#pump();
    });
  }

  /** Enters a job, and those that may wait for it, among those to be looked at, if they could start. */
  #touch(state: TaskState, id: number): void {
    if (!this.#admitting) return;
    if (state.eligible.has(id) && !state.task.disabled) this.#scheduler.push(state, id);
    for (const edge of state.downstream) {
      for (const job of edge.downstream(id)) {
        if (edge.to.eligible.has(job) && !edge.to.task.disabled) this.#scheduler.push(edge.to, job);
      }
    }
  }

  /** Starts what is ready and finds room. */
  #pump(): void {
    if (this.#pumping || this.#turn?.over) return;
    if (this.#launching) {
      this.#pumping = true;
      const turn = this.#turn ??= this.#beginTurn();
      while (this.#launching && !turn.over) {
        const next = this.#scheduler.peek();
        if (next === undefined || this.#reading >= READS) break;
        this.#consider(next.state, next.id);
        turn.over = ++turn.count % 16 === 0 && this.env.elapsed() >= turn.end;
      }
      if (this.#launching) this.#awaitRoom();
      this.#pumping = false;
    }
    this.#settle();
  }

  /** Begins a stretch of work that ends when timers and signals have their turn: by themselves, or when it is over. */
  #beginTurn(): Turn {
    const timer = this.env.schedule(() => {
      const { over } = turn;
      this.#turn = undefined;
      if (over) this.#pump();
    }, 0);
    const turn: Turn = { end: this.env.elapsed() + SLICE, count: 0, over: false, timer };
    return turn;
  }

  #consider(state: TaskState, id: number): void {
    const decision = decide(state, id);
    if (decision.state === "ready" && state.eligible.has(id)) {
      if (!this.#scheduler.admit(state)) return;
      this.#scheduler.pop(state);
      this.#launcher.start(state, id, { onDetach: () => this.#settle() });
      return;
    }
    this.#scheduler.pop(state);
    if (decision.state !== "unread") return; // it comes back when what decided changes
    this.#reading++;
    this.#read(decision.from, decision.id).then(() => {
      this.#reading--;
      this.#scheduler.push(state, id);
      this.#pump();
    });
  }

  #settle(): void {
    if (this.#onQuiet === undefined || this.#pumping || this.#pumpComes) return;
    if (this.#launcher.attached > 0 || this.#reading > 0 || this.#turn?.over) return;
    if (this.keys.busy) {
      this.keys.settled().then(() => this.#pump());
      return;
    }
    if (this.#launching) {
      if (this.#patience !== "attached" && this.#launcher.detached > 0) return;
      if (this.#patience === "retries" && (this.#launcher.retrying > 0 || this.#awaitRoom())) {
        return;
      }
    }
    const quiet = this.#onQuiet;
    this.#onQuiet = undefined;
    quiet();
  }

  /** Waits for the next launch that the rate limits allow; false if nothing waits for one. */
  #awaitRoom(): boolean {
    const delay = this.#scheduler.nextLaunchIn;
    if (delay === undefined) return false;
    this.#alarm?.[Symbol.dispose](); // another task may have to wait less
    this.#alarm = this.env.schedule(() => {
      this.#alarm = undefined;
      this.#scheduler.unblock();
      this.#pump();
    }, delay);
    return true;
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
