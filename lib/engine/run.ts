/**
 * Running a pipeline to its end, or for ever.
 *
 * @module
 */

import type { Repository, RepositoryChange } from "../repository.ts";
import { warn } from "../warnings.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Engine } from "./engine.ts";
import { leftoversOf } from "./leftovers.ts";
import type { RunReport } from "./report.ts";
import type { StoredView } from "./stored_view.ts";

/** Milliseconds between two listings of a repository that cannot be watched, at least. */
const RELIST = 10_000;

/** Milliseconds between two listings of a repository that is watched, at least: no watch is trusted for ever. */
const RELIST_WATCHED = 300_000;

/** How many times as long as a listing took is waited before the next one, at least: very many keys take minutes. */
const RELIST_FACTOR = 10;

/** Options of a run. */
export interface RunOptions {
  /**
   * Whether to go on when nothing can be done, and wait for new keys. Repositories that cannot tell of them are listed
   * every ten seconds, or less often if that takes longer than one: a listing is followed by a pause ten times as long.
   *
   * @default {false}
   */
  readonly forever?: boolean;
  /**
   * Whether to start only what is ready at the first look, and wait until it has ended.
   *
   * @default {false}
   */
  readonly launchOnce?: boolean;
  /** Seconds after which to give up with a `TimeoutError`. Unlimited, if it is not given. */
  readonly timeout?: number | undefined;
  /** Stops the run when it is aborted: nothing more is started, and what runs in this process is waited for. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts what is ready, and what becomes ready, until a full look finds nothing to do.
 *
 * @param engine The engine.
 * @param options How long to go on.
 * @param onBusy Called, once or more often, when something is under way or waited for. Never, if there is nothing to do.
 * @returns What was done, and what is left.
 * @throws {TypeError} If the engine is at work already.
 * @throws {DOMException} A `TimeoutError` when `timeout` has passed; what runs goes on.
 */
export async function runEngine(
  engine: Engine,
  options: RunOptions = {},
  onBusy: () => void = () => {},
): Promise<RunReport> {
  const dispatcher = engine.claim();
  const counts = { succeeded: 0, failed: 0, unrecorded: 0 };
  using _events = engine.subscribe((event) => {
    if (event.type === "unrecorded") counts.unrecorded++;
    else if (event.type === "end" && event.retryAt === undefined) {
      counts[event.record.success ? "succeeded" : "failed"]++;
    }
  });
  const stop = (): void => dispatcher.stop();
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  const { promise: expired, reject } = Promise.withResolvers<never>();
  using _timer = options.timeout === undefined ? undefined : engine.env.schedule(() => {
    stop();
    reject(new DOMException("Pipeline run timeout", "TimeoutError"));
  }, options.timeout * 1000);
  try {
    if (!dispatcher.stopped.aborted) {
      await Promise.race([drive(engine, dispatcher, options, onBusy), expired]);
    }
    return {
      ...counts,
      running: engine.running + engine.lingering,
      left: await leftoversOf(engine),
      unreachable: engine.unreachable(),
      interrupted: dispatcher.stopped.aborted,
    };
  } finally {
    options.signal?.removeEventListener("abort", stop);
    engine.release(dispatcher);
  }
}

async function drive(
  engine: Engine,
  dispatcher: Dispatcher,
  { forever, launchOnce }: RunOptions,
  onBusy: () => void,
): Promise<void> {
  const signal = dispatcher.stopped;
  const watches = forever ? new Watches(engine, signal) : undefined; // before the look, so that nothing falls between
  let before = engine.stats.launches;
  try {
    await engine.begin(dispatcher, launchOnce ? "once" : "always");
    while (!signal.aborted) {
      if (watches !== undefined) {
        onBusy();
        await watches.due(); // whatever runs meanwhile
      } else {
        const quiet = dispatcher.quiet(launchOnce ? "running" : "retries");
        if (await Promise.race([quiet, true]) === true) onBusy();
        await quiet;
        if (launchOnce || engine.stats.launches === before) return;
      }
      before = engine.stats.launches;
      if (!signal.aborted) await engine.look(watches === undefined ? "all" : "stale");
      if (!signal.aborted) await engine.recover();
      if (!signal.aborted) dispatcher.enqueue();
    }
    await dispatcher.quiet("attached");
  } finally {
    await watches?.ended();
  }
}

/** Hears of changes in all repositories that tell of them, and says when the others are to be listed again. */
class Watches {
  readonly #engine: Engine;
  readonly #signal: AbortSignal;
  readonly #watched = new Set<StoredView>();
  readonly #ends: Promise<void>[] = [];
  #relist = Promise.withResolvers<void>();

  constructor(engine: Engine, signal: AbortSignal) {
    this.#engine = engine;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#relist.resolve());
    for (const view of engine.keys.stored) {
      view.onRelist = () => this.#relist.resolve();
      const { repository } = view;
      if (repository.watch !== undefined) {
        this.#ends.push(this.#watch(view, repository.watch(signal), repository));
      }
    }
  }

  /** Resolves when something is to be listed again; that is then marked as stale. */
  async due(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    {
      using _timer = this.#engine.env.schedule(resolve, RELIST);
      await Promise.race([promise, this.#relist.promise]);
    }
    this.#relist = Promise.withResolvers();
    for (const view of this.#engine.keys.stored) if (this.#isDue(view)) view.stale = true;
  }

  #isDue(view: StoredView): boolean {
    const { at, took } = view.looked ?? { at: -Infinity, took: 0 };
    const pause = Math.max(
      this.#watched.has(view) ? RELIST_WATCHED : RELIST,
      RELIST_FACTOR * took,
    );
    return Math.ceil(this.#engine.env.elapsed() - at) >= pause; // a timer may fire a part of a millisecond early
  }

  /** Resolves when all watches have ended. */
  async ended(): Promise<void> {
    if (!this.#signal.aborted) return; // the run failed before it was stopped: its watches end with it
    await Promise.all(this.#ends);
  }

  /**
   * What has become of a change. What contradicts what is known may be old: the watch of a change of this program, which
   * was heard of at once, and was followed by others.
   */
  async #confirm(
    { repository, set }: StoredView,
    change: RepositoryChange,
  ): Promise<RepositoryChange> {
    if (change.type === "relist") return change;
    const { job } = change;
    if (set.has(this.#engine.keys.space.find(job)) === (change.type === "put")) return change;
    try {
      return { type: await repository.contains(job) ? "put" : "delete", job };
    } catch {
      return { type: "relist" }; // the next look says what is wrong
    }
  }

  async #watch(
    view: StoredView,
    changes: AsyncIterable<RepositoryChange>,
    repository: Repository,
  ): Promise<void> {
    this.#watched.add(view);
    try {
      for await (const change of changes) view.apply(await this.#confirm(view, change));
    } catch (error) {
      this.#watched.delete(view);
      warn(
        `${repository} can no longer be watched, and is listed every ${
          RELIST / 1000
        } s instead, or less often if that takes long: ${error}`,
      );
    }
  }
}
