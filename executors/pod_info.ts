/**
 * What is told of pods: to whoever asks how the jobs of a task stand.
 *
 * @module
 */

import type { PodInfo } from "./kube_live_repository.ts";
import type { Pod } from "./pod_api.ts";
import { identityOf } from "./pod_names.ts";
import { describeWait, isTerminating, phaseOf, reasonToWait, waitOf } from "./pod_state.ts";

/** The job of a pod that a manager knows: it knows only those that have one. */
export function jobOf(pod: Pod): string {
  return identityOf(pod)!.job;
}

/** What is known of a pod. */
export function infoOf(pod: Pod): PodInfo {
  const wait = waitOf(pod);
  return {
    pod: pod.metadata?.name ?? "",
    phase: isTerminating(pod) ? "Terminating" : pod.status?.phase ?? "Unknown",
    start_time: new Date(identityOf(pod)?.started ?? 0).toISOString(),
    node: pod.spec?.nodeName,
    waiting: wait && describeWait(wait),
  };
}

/** A pod that runs, or does not, in a clause whose subject is the job. */
export function describePod(pod: Pod): string {
  const { name, deletionTimestamp } = pod.metadata ?? {};
  const since = new Date(identityOf(pod)?.started ?? 0).toISOString();
  if (isTerminating(pod)) {
    return `has pod ${name}, which was deleted and is to be gone by ${deletionTimestamp}`;
  }
  const phase = phaseOf(pod);
  const reason = reasonToWait(pod);
  if (reason !== undefined) return `has pod ${name}, ${phase} since ${since}, because ${reason}`;
  return `has pod ${name}, ${phase} on node ${pod.spec?.nodeName}`;
}

/** Which jobs have pods that do not run yet, and why. */
export function waitsOf(pods: readonly Pod[]): Map<string, string> {
  const waits = new Map<string, string>();
  for (const pod of pods) {
    const reason = reasonToWait(pod);
    if (reason !== undefined) waits.set(jobOf(pod), reason);
  }
  return waits;
}
