/**
 * What the state of a pod means.
 *
 * @module
 */

import type { FailureClass } from "../lib/errors.ts";
import { FAILURE_CLASSES } from "../lib/errors.ts";
import type { Pod, PodContainerStatus, PodTime } from "./pod_api.ts";
import { ENDED_ANNOTATION } from "./pod_names.ts";

/** How a pod ended. */
export interface PodEnd {
  /** Why it failed; undefined if it did not. */
  readonly class: FailureClass | undefined;
  /** Why it ended, in a word. */
  readonly reason: string;
  /** Why it is not the program in it that failed, in a sentence. */
  readonly message?: string | undefined;
  /** The code that its container ended with; of several, that of the first that failed. */
  readonly code?: number | undefined;
  /** When, in milliseconds since 1970 UTC; undefined if that is not known. */
  readonly at?: number | undefined;
}

/** Why a pod does not run. */
export interface PodWait {
  /** Why, in a word. */
  readonly reason: string;
  /** Why, in a sentence. */
  readonly message: string | undefined;
  /** Whether it may never end. */
  readonly grave: boolean;
}

/** Reasons for which a container waits that pass by themselves. */
const STARTING: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing"]);

/** Reasons for which a container ended that never began. */
const UNSTARTED: ReadonlySet<string> = new Set([
  "StartError",
  "ContainerCannotRun",
  "RunContainerError",
]);

/** Why a container ended of which its node does not know that it ever ran, or what became of it. */
const UNKNOWN = "ContainerStatusUnknown";

/** What shells say by the code that they end with. */
const SHELL_CODES: ReadonlyMap<number, string> = new Map([
  [126, "a command cannot be executed"],
  [127, "a command is not found"],
]);

/** Whether a pod has ended by itself, or its node has ended it. */
export function isTerminal({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Whether somebody has deleted a pod. */
export function isTerminating({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null;
}

/** The containers of which something is known, in the order in which they run. */
export function containerStatuses({ status }: Pod): readonly PodContainerStatus[] {
  return [...status?.initContainerStatuses ?? [], ...status?.containerStatuses ?? []];
}

/** Whether a container has begun, and so may have written something. */
export function hasBegun({ state }: PodContainerStatus): boolean {
  return Boolean(state?.running ?? state?.terminated?.startedAt);
}

/**
 * How a pod ended.
 *
 * @param pod The pod, as it was last seen.
 * @param gone Whether it is gone.
 * @returns How; undefined if it has not ended.
 */
export function endOf(pod: Pod, gone: boolean): PodEnd | undefined {
  const terminal = isTerminal(pod);
  if (!terminal && !gone) return undefined;
  const ends = containerStatuses(pod).flatMap(({ state }) => state?.terminated ?? []);
  const times = ends.map(({ finishedAt }) => milliseconds(finishedAt)).filter((at) => at > 0);
  const at = times.length === 0 ? undefined : Math.max(...times);
  const failed = ends.find(({ exitCode }) => exitCode !== 0);
  const code = failed === undefined ? ends[0]?.exitCode : codeOf(failed);
  if (!terminal || isInterrupted(pod, at)) {
    return { ...interruption(pod), code: failed && codeOf(failed), at };
  }
  if (pod.status?.phase === "Succeeded") {
    return { class: undefined, reason: "Succeeded", code: code ?? 0, at };
  }
  return { ...failure(pod, failed), code, at };
}

/** Whether a pod may have ended because somebody deleted it. */
function isInterrupted(pod: Pod, ended: number | undefined): boolean {
  if (!isTerminating(pod)) return false;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
  const deleted = milliseconds(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return ended === undefined || ended >= deleted; // both are whole seconds
}

/** Why a pod was deleted. */
function interruption(pod: Pod): PodEnd {
  const [given, ...message] = pod.metadata?.annotations?.[ENDED_ANNOTATION]?.split(": ") ?? [];
  const class_ = FAILURE_CLASSES.find((each) => each === given);
  if (class_ !== undefined) {
    return {
      class: class_,
      reason: capitalized(class_),
      message: message.join(": ") ||
        (class_ === "cancelled" ? "it was cancelled" : `it was ended, as ${class_}`),
    };
  }
  return disruption(pod) ??
    { class: "infra", reason: "Deleted", message: "somebody has deleted the pod" };
}

const timeout: PodEnd = { class: "timeout", reason: "Timeout", message: "it ran out of time" };

/** What the cluster has done to a pod. */
function disruption({ status }: Pod): PodEnd | undefined {
  const target = status?.conditions?.find(({ type, status }) =>
    type === "DisruptionTarget" && status === "True"
  );
  if (target !== undefined) {
    return {
      class: "infra",
      reason: status?.reason ?? target.reason ?? "Disrupted",
      message: target.message ?? status?.message ?? "the cluster has ended the pod",
    };
  }
  if (!status?.reason) return undefined;
  return {
    class: "infra",
    reason: status.reason,
    message: status.message ?? `the cluster has ended the pod: ${status.reason}`,
  };
}

/** The code that a container ended with: of one that it does not know, the node makes one up. */
function codeOf({ exitCode, reason }: Terminated): number | undefined {
  return reason === UNKNOWN ? undefined : exitCode;
}

type Terminated = NonNullable<NonNullable<PodContainerStatus["state"]>["terminated"]>;

/** Why a pod failed. */
function failure(pod: Pod, failed: Terminated | undefined): PodEnd {
  if (pod.status?.reason === "DeadlineExceeded") return timeout;
  const disrupted = disruption(pod);
  if (disrupted !== undefined) return disrupted;
  if (failed === undefined || failed.reason === UNKNOWN) {
    return {
      class: "infra",
      reason: failed?.reason ?? "Failed",
      message: pod.status?.message ?? "the pod failed, and none of its containers says why",
    };
  }
  const { exitCode, reason, message } = failed;
  if (reason === "OOMKilled") {
    return { class: "oom", reason, message: "it needed more memory than its limit allows" };
  }
  if (reason !== undefined && UNSTARTED.has(reason)) {
    return { class: "config", reason, message: message ?? "its program cannot be started" };
  }
  const shell = SHELL_CODES.get(exitCode);
  const said = message?.trim().split("\n").at(-1) ?? "";
  if (shell !== undefined) {
    return {
      class: "config",
      reason: "Failed",
      message: `it ended with code ${exitCode}: ${shell}${said === "" ? "" : ` (${said})`}`,
    };
  }
  return { class: "user", reason: "Failed" };
}

/**
 * What a container has left as its last words: what it wrote to `/dev/termination-log`.
 *
 * @returns The words of the first container that failed and left some.
 */
export function lastWords(pod: Pod): string | undefined {
  return containerStatuses(pod).find(({ state }) =>
    state?.terminated !== undefined && state.terminated.exitCode !== 0 && state.terminated.message
  )?.state?.terminated?.message;
}

/**
 * Why a pod does not run yet.
 *
 * @returns Why; undefined if it runs, has ended, or says nothing of it.
 */
export function waitOf(pod: Pod): PodWait | undefined {
  if (isTerminal(pod)) return undefined;
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") {
    const { reason = "Unschedulable", message } = scheduled;
    return { reason, message, grave: reason !== "SchedulingGated" };
  }
  const waits = containerStatuses(pod).flatMap(({ state }) => state?.waiting ?? []);
  const grave = waits.find(({ reason }) => reason !== undefined && !STARTING.has(reason));
  const { reason, message } = grave ?? waits[0] ?? {};
  return reason === undefined ? undefined : { reason, message, grave: grave !== undefined };
}

/** Why a pod does not run yet, in words. */
export function describeWait({ reason, message }: PodWait): string {
  return message ? `${reason}: ${message}` : reason;
}

/** Why a pod does not run yet; undefined if it does, has ended or is to end. */
export function reasonToWait(pod: Pod): string | undefined {
  if (isTerminating(pod)) return undefined;
  const wait = waitOf(pod);
  if (wait !== undefined) return describeWait(wait);
  return phaseOf(pod) === "Pending" ? "the cluster has not looked at it yet" : undefined;
}

/** The phase of a pod; one of which nothing is known has only just been made. */
export function phaseOf({ status }: Pod): string {
  return status?.phase ?? "Pending";
}

/** The image of the container that a pod is for: the one that it names as such, or the first. */
export function imageOf({ metadata, spec }: Pod): string | undefined {
  const name = metadata?.annotations?.["kubectl.kubernetes.io/default-container"];
  const containers = spec?.containers ?? [];
  return (containers.find((container) => container.name === name) ?? containers[0])?.image;
}

/** A time in milliseconds since 1970 UTC; 0 if there is none. */
export function milliseconds(time: PodTime | null | undefined): number {
  if (time === undefined || time === null) return 0;
  return (typeof time === "string" ? new Date(time) : time).getTime() || 0;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
