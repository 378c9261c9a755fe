/**
 * Keeps jobs from taking more than there is.
 *
 * @module
 */

import { systemEnv } from "./env.ts";
import { Resources, ResourceType } from "./resources.ts";

/** Options of a {@linkcode ResourceManager}. */
export interface ResourceManagerOptions {
  /**
   * For how many seconds a launch counts.
   *
   * @default {60}
   */
  readonly window?: number;
  /** A clock in milliseconds. One that is never set back, if it is not given. */
  readonly now?: () => number;
}

/**
 * Grants jobs what they ask for, as long as all of them together stay within a quota.
 *
 * CPU and memory count from when they are reserved until they are relinquished. Launches count for a window of time,
 * whatever becomes of the job. A quota is made with `Resources.parse` where launches are not to be limited.
 *
 * What is in use when the program starts is asked of those who know it, once it is needed; see {@linkcode register}.
 *
 * @example Usage
 * ```ts
 * import { ResourceManager, Resources, ResourceType } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const machine = new ResourceManager(Resources.parse(4, "16Gi"));
 * const job = new Resources(3, "1Gi", 1);
 * strictEqual(await machine.reserve(job), undefined);
 * strictEqual(await machine.reserve(job), ResourceType.CPU);
 * machine.relinquish(job);
 * strictEqual(await machine.reserve(job), undefined);
 * ```
 */
export class ResourceManager {
  /** What all jobs together may take, and how many may be launched in a window of time. */
  readonly quota: Resources;
  /** For how many seconds a launch counts. */
  readonly window: number;
  readonly #now: () => number;
  readonly #getters: (() => Promise<Resources>)[] = [];
  /** What is left of the quota, apart from its launches; `undefined` while it is not known what is in use. */
  #free: Resources | undefined;
  #reading: Promise<void> | undefined;
  /** True if what is being read may have changed meanwhile. */
  #stale = false;
  /** The launches of the window, the oldest first, those of a millisecond as one. */
  readonly #launches: { readonly at: number; count: number }[] = [];
  #launched = 0;

  /**
   * Makes the manager.
   *
   * @param quota What all jobs together may take.
   * @param options How launches are counted.
   */
  constructor(quota: Resources, options: ResourceManagerOptions = {}) {
    this.quota = quota;
    this.window = options.window ?? 60;
    this.#now = options.now ?? systemEnv.elapsed;
  }

  /**
   * Adds somebody who knows what is in use: a task, of those of its jobs that an earlier run of the program has left.
   *
   * @param getter Tells how much CPU and memory is in use. Its launches do not count.
   */
  register(getter: () => Promise<Resources>): void {
    this.#getters.push(getter);
    this.flush();
  }

  /**
   * Forgets what is in use: it is asked for again when it is needed next. Launches are not forgotten. To be called when
   * the getters know of every job that holds a reservation; others would no longer count.
   */
  flush(): void {
    this.#free = undefined;
    this.#stale = true;
  }

  /**
   * Finds out what is in use, unless it is known.
   *
   * @throws {unknown} What a getter throws.
   */
  async load(): Promise<void> {
    while (this.#free === undefined) {
      this.#reading ??= this.#read().finally(() => void (this.#reading = undefined));
      await this.#reading;
    }
  }

  /**
   * Reserves all of what a job takes, or nothing.
   *
   * @param request What it takes.
   * @returns `undefined` if it is reserved; otherwise what there is too little of at the moment.
   * @throws {unknown} What a getter throws.
   */
  async reserve(request: Resources): Promise<ResourceType | undefined> {
    while (this.#free === undefined) await this.load(); // it may be flushed before this goes on
    return this.tryReserve(request);
  }

  /**
   * {@linkcode reserve} for when it is known what is in use: after {@linkcode load}, until the next
   * {@linkcode register} or {@linkcode flush}.
   *
   * @param request What the job takes.
   * @returns `undefined` if it is reserved; otherwise what there is too little of at the moment.
   * @throws {Error} If it is not known what is in use.
   */
  tryReserve(request: Resources): ResourceType | undefined {
    if (this.#free === undefined) {
      throw new Error("Cannot reserve resources: it is not known what is in use; await load()");
    }
    const limit = request.excess(this.#free);
    if (limit !== undefined) return limit;
    const now = this.#now();
    this.#expire(now);
    if (this.#launched + request.launches > this.quota.launches) return ResourceType.RATE;
    this.#free = this.#free.minus(request.withoutLaunches());
    this.#launch(now, request.launches);
    return undefined;
  }

  /**
   * Gives back the CPU and memory of a job that has ended and that no getter counts any longer.
   *
   * @param request What was reserved for it.
   */
  relinquish(request: Resources): void {
    if (this.#free === undefined) this.#stale = true;
    else this.#free = this.#free.plus(request.withoutLaunches());
  }

  /**
   * Whether a job could ever be granted what it takes.
   *
   * @param request What it takes.
   * @returns `undefined` if it could, were nothing in use; otherwise what the quota has too little of.
   */
  fits(request: Resources): ResourceType | undefined {
    return request.excess(this.quota);
  }

  /**
   * How long it takes until the number of launches that count goes down.
   *
   * @returns Milliseconds from now; `undefined` if no launch counts.
   */
  nextLaunchIn(): number | undefined {
    const now = this.#now();
    this.#expire(now);
    const oldest = this.#launches[0];
    return oldest && this.#end(oldest) - now;
  }

  /** What is given back, or launched, while getters are asked may be in their answers or not: then all are asked again. */
  async #read(): Promise<void> {
    let used: Resources;
    do {
      this.#stale = false;
      used = new Resources();
      for (const getter of this.#getters) used = used.plus((await getter()).withoutLaunches());
    } while (this.#stale);
    this.#free = this.quota.minus(used);
  }

  #launch(now: number, count: number): void {
    if (count === 0) return;
    this.#launched += count;
    const at = Math.ceil(now);
    const last = this.#launches.at(-1);
    if (last?.at === at) last.count += count;
    else this.#launches.push({ at, count });
  }

  #expire(now: number): void {
    for (
      let oldest = this.#launches[0];
      oldest && this.#end(oldest) <= now;
      oldest = this.#launches[0]
    ) {
      this.#launched -= oldest.count;
      this.#launches.shift();
    }
  }

  #end(launch: { readonly at: number }): number {
    return launch.at + this.window * 1000;
  }
}
