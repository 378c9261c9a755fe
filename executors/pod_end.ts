/**
 * Waiting for the ends of pods.
 *
 * @module
 */

import type { Attempt } from "../lib/attempt.ts";
import type { FailureClass } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";
import type { PodManager } from "./pod_manager.ts";
import { identityOf } from "./pod_names.ts";
import {
  describeWait,
  endOf,
  isTerminating,
  type PodEnd,
  reasonToWait,
  waitOf,
} from "./pod_state.ts";
import type { PodTracker } from "./pod_tracker.ts";

/** Milliseconds before something is tried again that must not be given up. */
const RETRY = 5_000;

/** The longest time between two looks at a pod, in milliseconds: its changes are told. */
const LONGEST_LOOK = 60_000;

/** When the end of a pod is due, and who has to do with it. */
export interface PodEndOptions {
  /** How messages call the job. */
  readonly what: string;
  /** The attempt. */
  readonly attempt: Attempt;
  /** Ends the pod. */
  readonly manager: PodManager;
  /** Seconds that it may take; any number, if it is undefined. */
  readonly timeout: number | undefined;
  /** Milliseconds that it may wait for what may never come. */
  readonly grace: number;
  /** Called when its logs can be followed, and with true when that is urgent, because it is about to go. */
  readonly follow: (urgent: boolean) => void;
}

/**
 * Waits for the end of a pod, and brings it about if it is due.
 *
 * @param tracker The pod.
 * @param options When it is due.
 * @returns How it ended.
 */
export async function awaitPodEnd(
  tracker: PodTracker,
  { what, attempt, manager, timeout, grace, follow }: PodEndOptions,
): Promise<PodEnd> {
  const { env, signal } = attempt;
  const started = identityOf(tracker.pod)?.started ?? attempt.started;
  let graveSince: number | undefined;
  let ending = false;
  let refused = false;
  const finish = async (reason: FailureClass, message: string): Promise<void> => {
    follow(true);
    try {
      await manager.end(tracker.pod, reason, message);
      ending = true;
    } catch (error) {
      if (!refused) {
        warn(
          `${what} cannot be ended, which is tried again: ${headline(error)}`,
        );
      }
      refused = true;
    }
  };
  for (;;) {
    const { pod, gone, changed } = tracker;
    const end = endOf(pod, gone);
    if (end !== undefined) return end;
    if (pod.status?.phase === "Running") follow(false);
    const now = env.now();
    const wait = waitOf(pod);
    const grave = wait?.grave ? wait : undefined;
    graveSince = grave && (graveSince ?? now);
    const due: {
      readonly at: number;
      readonly reason: FailureClass;
      readonly message: string;
    }[] = [];
    if (signal.aborted) due.push({ at: now, reason: "cancelled", message: "it was cancelled" });
    if (timeout !== undefined) {
      const waiting = reasonToWait(pod);
      const message = waiting === undefined
        ? `it ran longer than ${timeout} s`
        : `it had not begun after ${timeout} s: ${waiting}`;
      due.push({ at: started + timeout * 1000, reason: "timeout", message });
    }
    if (grave !== undefined && graveSince !== undefined) {
      const message = describeWait(grave);
      due.push({ at: graveSince + grace, reason: "config", message });
    }
    const next = due.toSorted((a, b) => a.at - b.at)[0];
    let delay = LONGEST_LOOK;
    if (isTerminating(pod)) {
      follow(true);
    } else if (ending) delay = RETRY;
    else if (next !== undefined && next.at <= now) {
      await finish(next.reason, next.message);
      delay = RETRY;
    } else if (next !== undefined) delay = Math.min(delay, next.at - now);
    await manager.pause(delay, signal.aborted ? undefined : signal, changed);
  }
}
