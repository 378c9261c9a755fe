/**
 * Pools of threads or processes in which functions run, as they are declared.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { ResourceManager } from "../lib/resource_manager.ts";
import { Resources } from "../lib/resources.ts";
import type { Executor, ExecutorJob } from "./executor.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import type { HostPool } from "./host_pool.ts";

/** Options of a pool. */
export interface ExecutorPoolOptions {
  /**
   * How many threads or processes there are at most.
   *
   * @default {"the number of cores"}
   */
  readonly size?: number;
  /**
   * How many functions run at the same time in each: more than one, if they mostly wait.
   *
   * @default {1}
   */
  readonly concurrency?: number;
  /**
   * After how many functions one is replaced by a new one.
   *
   * @default {Infinity}
   */
  readonly recycleAfter?: number;
  /**
   * Seconds after which one is ended that has nothing to do.
   *
   * @default {10}
   */
  readonly idleTimeout?: number;
}

/** Runs functions in threads or processes that are used again and again. */
export abstract class ExecutorPool implements Executor {
  /** As many cores as functions run at the same time: what all tasks that share it take of. */
  readonly resources: ResourceManager;

  readonly #size: number;
  readonly #concurrency: number;
  readonly #recycleAfter: number;
  readonly #idleTimeout: number;
  readonly #timeout: number | undefined;
  /** What makes the calls, once it is loaded. */
  #hosts: HostPool | undefined;
  /** Loads that, for the first call. */
  #loading: Promise<HostPool> | undefined;

  /**
   * Makes a pool. Nothing is started.
   *
   * @param options How large it is.
   * @param timeout Seconds after which a function is ended; unlimited, if it is not given.
   * @throws {TypeError} If a number cannot be.
   */
  constructor(options: ExecutorPoolOptions = {}, timeout?: number) {
    this.#timeout = timeout;
    this.#size = options.size ?? navigator.hardwareConcurrency;
    this.#concurrency = options.concurrency ?? 1;
    this.#recycleAfter = options.recycleAfter ?? Infinity;
    this.#idleTimeout = options.idleTimeout ?? 10;
    const counts = {
      size: this.#size,
      concurrency: this.#concurrency,
      recycleAfter: this.#recycleAfter,
    };
    for (const [name, count] of Object.entries(counts)) {
      const unlimited = name === "recycleAfter" && count === Infinity;
      if (!unlimited && !(count >= 1 && Number.isInteger(count))) {
        throw new TypeError(
          `Cannot make an executor whose ${name} is ${count}: use a whole number from 1`,
        );
      }
    }
    this.resources = new ResourceManager(Resources.parse(this.capacity, 0));
  }

  /** Starts a thread or a process, which first calls a function of a module. */
  protected abstract start(events: HostEvents, module: string): Promise<HostLine>;

  /** How many functions run at the same time. */
  get capacity(): number {
    return this.#size * this.#concurrency;
  }

  /** Calls a function, once there is room for it. */
  run(job: ExecutorJob): Promise<DoneRecord> {
    if (this.#hosts !== undefined) return this.#hosts.run(job);
    this.#loading ??= this.#load();
    return this.#loading.then((hosts) => hosts.run(job));
  }

  /** Ends the threads or processes that have nothing to do, and the others when their functions have ended. */
  async close(): Promise<void> {
    await (await this.#loading)?.close();
  }

  async #load(): Promise<HostPool> {
    const { HostPool } = await import("./host_pool.ts");
    return this.#hosts = new HostPool({
      size: this.#size,
      concurrency: this.#concurrency,
      recycleAfter: this.#recycleAfter,
      idleTimeout: this.#idleTimeout,
      timeout: this.#timeout,
    }, (events, module) => this.start(events, module));
  }
}
