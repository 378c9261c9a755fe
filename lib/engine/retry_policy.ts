/**
 * Whether and when a job that failed is tried again.
 *
 * @module
 */

import type { FailureClass } from "../errors.ts";
import type { TaskOptions } from "../task.ts";

/** How often a failure of a class is tried again if the task does not say. */
const DEFAULT_RETRIES: Readonly<Record<FailureClass, number>> = {
  user: 0,
  timeout: 0,
  oom: 0,
  infra: 2,
  config: 0,
  cancelled: 0,
};

/** The classes that a plain number of retries is for. */
const COUNTED_TOGETHER: readonly FailureClass[] = ["user", "timeout", "oom"];

/** The longest time before a retry, in milliseconds. */
const MAX_DELAY = 300_000;

/** How often a job has failed so far, by class. */
export type Failures = Partial<Record<FailureClass, number>>;

/**
 * Whether a job is tried again.
 *
 * @param options What the task says.
 * @param failures How often the job failed, the last failure included.
 * @param last The class of the last failure.
 * @returns True if its budget is not used up.
 */
export function mayRetry(options: TaskOptions, failures: Failures, last: FailureClass): boolean {
  const { retries = {} } = options;
  if (typeof retries === "number") {
    if (!COUNTED_TOGETHER.includes(last)) return (failures[last] ?? 0) <= DEFAULT_RETRIES[last];
    return COUNTED_TOGETHER.reduce((sum, each) => sum + (failures[each] ?? 0), 0) <= retries;
  }
  return (failures[last] ?? 0) <= (retries[last] ?? DEFAULT_RETRIES[last]);
}

/**
 * How long to wait before a job is tried again: exponential back-off with equal jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param options What the task says.
 * @param attempts How often the job was tried.
 * @param random A number from 0 to below 1.
 * @returns Milliseconds.
 */
export function retryDelay(options: TaskOptions, attempts: number, random: number): number {
  const full = Math.min((options.backoff ?? 1) * 1000 * 2 ** (attempts - 1), MAX_DELAY);
  return full / 2 + full / 2 * random;
}
