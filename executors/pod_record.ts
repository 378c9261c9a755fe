/**
 * The records of jobs that were pods.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { FAILURE_CLASSES } from "../lib/errors.ts";
import type { Pod } from "./pod_api.ts";
import type { PodManager } from "./pod_manager.ts";
import { identityOf } from "./pod_names.ts";
import { containerStatuses, hasBegun, imageOf, lastWords, type PodEnd } from "./pod_state.ts";

/** What is kept of a job that was a pod. */
export interface PodRecord extends DoneRecord {
  /** Why it ended, in a word: `Succeeded`, `Failed`, `Timeout`, `OOMKilled`, or what else the cluster says. */
  readonly reason: string;
  /** Its image; that of its main container. */
  readonly image?: string;
  /** The node on which it ran. */
  readonly node?: string;
  /** What happened to it last; only if it is not its program that failed, or took too long. */
  readonly events?: readonly string[];
}

/** How many events a record holds. */
const EVENTS = 5;

/**
 * Makes the record of an attempt.
 *
 * @param pod The pod, as it was last seen.
 * @param end How it ended.
 * @param now When that is taken in, in milliseconds since 1970 UTC.
 * @param manager Knows what happened to it.
 */
export async function recordOf(
  pod: Pod,
  end: PodEnd,
  now: number,
  manager: PodManager,
): Promise<PodRecord> {
  const started = identityOf(pod)?.started ?? now;
  const image = imageOf(pod);
  const node = pod.spec?.nodeName;
  const failure = end.class === undefined ? {} : await failureOf(pod, end, manager);
  return {
    success: end.class === undefined,
    reason: end.reason,
    ...end.code !== undefined && { return_code: end.code },
    start_time: new Date(started).toISOString(),
    end_time: new Date(Math.max(started, Math.min(end.at ?? now, now))).toISOString(), // by the node's clock, in whole seconds
    ...image !== undefined && { image },
    ...node !== undefined && { node },
    ...failure,
  };
}

async function failureOf(pod: Pod, end: PodEnd, manager: PodManager): Promise<Partial<PodRecord>> {
  const { class: class_, message } = end;
  if (class_ === "user") return { class: "user", ...saidBy(lastWords(pod)) };
  const awaited = class_ === "timeout" && containerStatuses(pod).some(hasBegun);
  const events = class_ === "cancelled" || awaited ? [] : await lastEvents(pod, manager);
  return {
    ...class_ !== undefined && { class: class_ },
    ...message !== undefined && { exception: message },
    ...events.length > 0 && { events },
  };
}

/** What Kubernetes keeps of the last words of a container, in bytes. */
const MAX_WORDS = 4096;

/**
 * The last words of a container whose function failed.
 *
 * @param record The function's record.
 * @returns What {@linkcode recordOf} understands.
 */
export function lastWordsOf(record: DoneRecord): string {
  const { class: class_, exception = "" } = record;
  for (let lines = record.traceback ?? [];; lines = lines.slice(0, -1)) {
    const shown = lines.length > 0 ? exception : exception.slice(0, MAX_WORDS / 8);
    const words = JSON.stringify({
      datatask: { class: class_, exception: shown, traceback: lines },
    });
    if (lines.length === 0 || new TextEncoder().encode(words).length <= MAX_WORDS) return words;
  }
}

/** What a container said last of why it failed. */
function saidBy(words: string | undefined): Partial<PodRecord> {
  if (words === undefined) return {};
  try {
    const { class: class_, exception, traceback } = JSON.parse(words).datatask;
    return {
      class: FAILURE_CLASSES.find((each) => each === class_) ?? "user",
      exception: String(exception),
      traceback: Array.from(traceback, String),
    };
  } catch {
    return { exception: words.trim() }; // a program's own
  }
}

/** What happened last; nothing, if that cannot be learned: it is no part of the result. */
async function lastEvents(pod: Pod, manager: PodManager): Promise<string[]> {
  try {
    const events = await manager.events(pod);
    return events.slice(-EVENTS).map(({ reason, message }) =>
      [reason, message].filter(Boolean).join(": ")
    );
  } catch {
    return [];
  }
}
