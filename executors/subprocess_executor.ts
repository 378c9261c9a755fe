/**
 * Functions in processes of their own.
 *
 * @module
 */

import { parseQuantity, type Quantity } from "../lib/resources.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import { ExecutorPool, type ExecutorPoolOptions } from "./executor_pool.ts";
import type { FunctionProcesses } from "./function_processes.ts";
import type { ExecutorPermissions } from "./permission_flags.ts";

/** Options of a {@linkcode SubprocessExecutor}. */
export interface SubprocessExecutorOptions extends ExecutorPoolOptions {
  /**
   * How much memory the heap of a process may take, in bytes, and its array buffers as much besides. A function that needs
   * more has failed with class `oom`. What V8 takes by default, if it is not given. The memory of a function that only
   * makes array buffers, and never waits, is looked at from outside, on Linux, where this program may read `/proc`.
   */
  readonly memory?: Quantity;
  /** Seconds after which a function is ended. Unlimited, if it is not given; the `timeout` of the task holds as well. */
  readonly timeout?: number;
  /**
   * What the functions may do. By kind, true, or the names that `deno run` takes for it; what is not named is denied.
   *
   * @default {"what this program may do without a question"}
   */
  readonly permissions?: ExecutorPermissions;
}

/**
 * Runs functions in a pool of Deno processes. A process is started when it is needed, and used again; with
 * `recycleAfter: 1`, each function has one of its own.
 *
 * Whatever a function does, it can be ended, and this process goes on: one that never ends, that eats all memory, that
 * ends its process. A process costs 50 ms and 50 MB. It ends by itself when this program does. What a function has started
 * with `Deno.Command` ends with its process, unless it was made a daemon: `detached: true`.
 *
 * @example Usage
 * ```ts
 * import { ExecutorTask, InProcessMetadataRepository, SubprocessExecutor } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const executor = new SubprocessExecutor({ size: 2, memory: "512Mi", timeout: 60 });
 * const task = new ExecutorTask("count", executor, new InProcessMetadataRepository());
 * strictEqual(task.defaultMaxConcurrent, 2);
 * ```
 */
export class SubprocessExecutor extends ExecutorPool {
  readonly #megabytes: number | undefined;
  readonly #permissions: ExecutorPermissions | undefined;
  /** What starts the processes: loaded for the first. */
  #processes: Promise<FunctionProcesses> | undefined;

  /**
   * Makes an executor. No process is started.
   *
   * @param options How many processes there are, and what each may take and do.
   * @throws {TypeError} If a number cannot be.
   */
  constructor(options: SubprocessExecutorOptions = {}) {
    super(options, options.timeout);
    const { memory, permissions } = options;
    this.#megabytes = memory === undefined
      ? undefined
      : Math.max(1, Math.floor(Number(parseQuantity(memory)) / 2 ** 20));
    this.#permissions = permissions;
    if (Deno.build.standalone && (memory !== undefined || permissions !== undefined)) {
      throw new TypeError(
        "Cannot limit the memory or the permissions of processes: this program is one file, whose limits are those it " +
          "was made with; leave out memory and permissions, or run the pipeline with deno run",
      );
    }
  }

  /** Why a process could not import a module: that of a program that is in no file is known to this process only. */
  refusal(module: string): string | undefined {
    const [, origin] = /\/\$deno\$(stdin|eval|repl)\.[a-z]+$/.exec(module) ?? [];
    if (origin === undefined) return undefined;
    const source = origin === "stdin" ? "standard input" : `deno ${origin}`;
    return `is the text of ${source}, which no other process can import: write it to a file, and run that, ` +
      "or take a WorkerExecutor";
  }

  /** Starts a process. */
  protected override async start(
    events: HostEvents,
    module: string,
  ): Promise<HostLine> {
    this.#processes ??= this.#load();
    return (await this.#processes).start(events, module);
  }

  async #load(): Promise<FunctionProcesses> {
    const { FunctionProcesses } = await import("./function_processes.ts");
    return new FunctionProcesses(this.#megabytes, this.#permissions);
  }
}
