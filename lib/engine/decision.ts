/**
 * Whether a job is ready, and if it is not, why.
 *
 * @module
 */

import type { Retry, TaskState } from "./task_state.ts";

/** Whether a job is ready, and what decided that. */
export type Decision =
  | { readonly state: "ready" }
  /** The task is switched off. */
  | { readonly state: "disabled" }
  /** It runs. */
  | { readonly state: "running"; readonly since: number }
  /** It failed and will be tried again. */
  | { readonly state: "retrying"; readonly retry: Retry }
  /** It has ended while no program was there, and nobody has taken that in yet. */
  | { readonly state: "untaken" }
  /** The repository of a link holds the key, and inhibits. */
  | { readonly state: "inhibited"; readonly link: string }
  /** The repository of a link lacks the key, and is required. */
  | { readonly state: "lacking"; readonly link: string }
  /** The repository of a link cannot be listed, or cannot say whether it holds the key. */
  | { readonly state: "unknown"; readonly link: string; readonly error: unknown }
  /** It is not known what an earlier run of a task has left running: of its own, or of one whose results it needs. */
  | { readonly state: "unknown"; readonly from: TaskState; readonly error: unknown }
  /** It ended in this run, and nothing has changed since that would give it a reason to run again. */
  | { readonly state: "ended" }
  /** Another task may still write what it requires. */
  | {
    readonly state: "waiting";
    readonly link: string;
    readonly from: TaskState;
    readonly id: number;
  }
  /** Another task failed to write what it requires. */
  | { readonly state: "held"; readonly link: string; readonly from: TaskState; readonly id: number }
  /** The record of another task has to be read first. */
  | {
    readonly state: "unread";
    readonly link: string;
    readonly from: TaskState;
    readonly id: number;
  };

const READY: Decision = { state: "ready" };
const DISABLED: Decision = { state: "disabled" };
const UNTAKEN: Decision = { state: "untaken" };
const ENDED: Decision = { state: "ended" };

/**
 * Decides about a job. The one place where this is done: what it says is what the engine does, and what `why` shows.
 *
 * @param state The task.
 * @param id The job; -1 for one whose key is in no repository.
 * @returns The first reason against starting it, in the order of {@linkcode Decision}; or that it is ready.
 */
export function decide(state: TaskState, id: number): Decision {
  if (state.task.disabled) return DISABLED;
  if (state.live.has(id)) return { state: "running", since: state.liveSince.get(id)! };
  const retry = state.retries.get(id);
  if (retry !== undefined) return { state: "retrying", retry };
  if (state.isUntaken(id)) return UNTAKEN;
  const hindrance = findHindrance(state, id);
  if (hindrance !== undefined) return hindrance;
  if (state.ended.has(id)) return ENDED;
  for (const { from, link, upstream } of state.upstream) {
    for (const source of upstream(id)) {
      const { unknown } = from;
      if (unknown !== undefined) return unknownOf(from, unknown.link, unknown.error);
      if (from.mayRun(source)) return { state: "waiting", link, from, id: source };
      const before = from.task.disabled ? undefined : findHindrance(from, source);
      if (before?.state === "unknown") {
        return "link" in before ? unknownOf(from, before.link, before.error) : before;
      }
      if (from.task.options.failureOk) continue;
      const unreadable = from.done.errorOf(source) ?? from.unreadable.get(source);
      if (unreadable !== undefined) return unknownOf(from, "done", unreadable);
      if (!from.done.set.has(source)) continue;
      if (!from.read.has(source)) return { state: "unread", link, from, id: source };
      if (from.failed.has(source)) return { state: "held", link, from, id: source };
    }
  }
  return READY;
}

/** What of the links is against starting a job. */
function findHindrance(state: TaskState, id: number): Decision | undefined {
  if (state.eligible.has(id)) return undefined;
  for (const { link, view } of state.inhibiting) {
    if (view.error === undefined && view.set.has(id)) return { state: "inhibited", link };
  }
  for (const { link, view } of state.required) {
    if (view.errorOf(id) === undefined && !view.set.has(id)) return { state: "lacking", link };
  }
  for (const { link, view } of [...state.inhibiting, ...state.required]) {
    const error = view.error ?? view.errorOf(id);
    if (error !== undefined) return { state: "unknown", link, error };
  }
  const { unrecovered } = state;
  return unrecovered && unknownOf(state, undefined, unrecovered.error);
}

function unknownOf(from: TaskState, link: string | undefined, error: unknown): Decision {
  return link === undefined
    ? { state: "unknown", from, error }
    : { state: "unknown", link: `${from.task.name}.${link}`, error };
}
