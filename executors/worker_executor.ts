/**
 * Functions in threads of this process.
 *
 * @module
 */

import { parseQuantity, type Quantity } from "../lib/resources.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import { ExecutorPool, type ExecutorPoolOptions } from "./executor_pool.ts";

/** Options of a {@linkcode WorkerExecutor}. */
export interface WorkerExecutorOptions extends ExecutorPoolOptions {
  /**
   * How much memory the heap of a thread may take, in bytes, and its array buffers as much besides. A function that needs
   * more has failed with class `oom`. Buffers are looked at while it waits for something: a function that only makes
   * buffers, and never waits, is not limited.
   *
   * @default {"2Gi"}
   */
  readonly memory?: Quantity;
}

/**
 * Runs functions in a pool of workers: threads of this process, each with variables of its own. A thread is started
 * when it is needed, and used again.
 *
 * A thread that dies (by an error that nobody handles, by `Deno.exit`) is replaced, and its job has failed with class
 * `user`. One whose function goes on after its end was asked for is ended by force.
 *
 * Each thread takes about 10 MB. The environment and the working folder are those of the whole program: a function cannot
 * change the folder. What it has started with `Deno.Command` ends with its thread; what that has started in turn does not.
 * Those who do not trust a function with this process take a {@linkcode SubprocessExecutor}.
 *
 * @example Usage
 * ```ts
 * import { ExecutorTask, InProcessMetadataRepository, WorkerExecutor } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const executor = new WorkerExecutor({ size: 4 });
 * const task = new ExecutorTask("count", executor, new InProcessMetadataRepository());
 * strictEqual(task.defaultMaxConcurrent, 4);
 * ```
 */
export class WorkerExecutor extends ExecutorPool {
  readonly #megabytes: number;

  /**
   * Makes an executor. No thread is started.
   *
   * @param options How many threads there are, and how much memory each may take.
   * @throws {TypeError} If a number cannot be.
   */
  constructor(options: WorkerExecutorOptions = {}) {
    super(options);
    this.#megabytes = Math.max(
      1,
      Math.floor(Number(parseQuantity(options.memory ?? "2Gi")) / 2 ** 20),
    );
  }

  /** Starts a thread. */
  protected override async start(
    events: HostEvents,
    module: string,
  ): Promise<HostLine> {
    const { startThread } = await import("./worker_thread.ts");
    return startThread(events, module, this.#megabytes);
  }
}
