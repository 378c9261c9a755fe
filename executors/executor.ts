/**
 * What runs functions in threads or processes of their own.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import type { ResourceManager } from "../lib/resource_manager.ts";
import type { Task } from "../lib/task.ts";

/** A call of the function of a task that an {@linkcode Executor} is to make. */
export interface ExecutorJob {
  /** The task, whose function is called. */
  readonly task: Task;
  /** The URL of the module that makes the task, and exports it, or its pipeline. */
  readonly module: string;
  /** The job. */
  readonly job: string;
  /** When the attempt was started: milliseconds since 1970 UTC. */
  readonly started: number;
  /** Seconds after which the call should end, as if the signal were aborted with a `TimeoutError`. Unlimited, if it is not given. */
  readonly timeout?: number;
  /**
   * Aborted, with a `DOMException`, when the call should end. After a period of grace it is ended by force: it has failed
   * with class `timeout` for a `TimeoutError`, and `cancelled` for all else.
   */
  readonly signal: AbortSignal;
  /**
   * Takes what the function writes to its console.
   *
   * @param text UTF-8.
   */
  log(text: Uint8Array): void;
}

/** Runs functions in threads or processes of their own, several at a time. */
export interface Executor {
  /** How many functions run at the same time. */
  readonly capacity: number;
  /** As many cores as functions run at the same time: what all tasks that share it take of. */
  readonly resources: ResourceManager;
  /**
   * Optional: why functions of a module cannot be called, as far as that is known before.
   *
   * @param module The URL of the module.
   * @returns A clause whose subject is the module; `undefined` if there is nothing to say.
   */
  refusal?(module: string): string | undefined;
  /**
   * Calls a function, once there is room for it.
   *
   * @param job The call.
   * @returns What happened. When it is there, nothing of the call runs any more.
   */
  run(job: ExecutorJob): Promise<DoneRecord>;
  /** Ends threads and processes. It can be used again, which starts others. */
  close(): Promise<void>;
}
