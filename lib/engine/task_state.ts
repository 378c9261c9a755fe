/**
 * What is known of the jobs of one task.
 *
 * @module
 */

import type { DoneRecord } from "../done_record.ts";
import type { Task } from "../task.ts";
import type { KeyIndex } from "./key_index.ts";
import { KeySet } from "./key_set.ts";
import { StoredView } from "./stored_view.ts";
import type { Trace, View } from "./view.ts";

/** A repository that takes part in deciding whether a job is ready. */
export interface Condition {
  /** The link's name; `ready`, where that option of the task decides in place of the links. */
  readonly link: string;
  /** Its keys. */
  readonly view: View;
}

/** A task requires what another one writes: both draw on the same repository, perhaps under other keys. */
export interface Edge {
  /** The task that writes. */
  readonly from: TaskState;
  /** The task that requires. */
  readonly to: TaskState;
  /** The link by which it requires. */
  readonly link: string;
  /** The jobs of `from` that write for a job of `to`. */
  upstream(id: number): Iterable<number>;
  /** The jobs of `to` for which a job of `from` writes. */
  downstream(id: number): Iterable<number>;
}

/** A job that failed and is to be tried again. */
export interface Retry {
  /** When, in milliseconds since 1970 UTC. */
  readonly at: number;
  /** How often it was tried. */
  readonly attempts: number;
  /** What the last attempt left. */
  readonly record: DoneRecord;
}

/** The jobs of one task: which could start as far as the links say, and what is under way. */
export class TaskState {
  /** The task. */
  readonly task: Task;
  /** Its place in the pipeline. */
  readonly index: number;
  /** What a job must be in. */
  readonly required: readonly Condition[];
  /** What a job must not be in. */
  readonly inhibiting: readonly Condition[];
  /** Where the records of ended jobs are kept. */
  readonly done: View;
  /** Jobs that are in all that is required and in nothing that inhibits. Empty while that is not known. */
  readonly eligible: KeySet = new KeySet();
  /** Jobs that run. */
  readonly live: KeySet = new KeySet();
  /** When each of them was started, in milliseconds since 1970 UTC. */
  readonly liveSince = new Map<number, number>();
  /** Jobs that failed and will be tried again. */
  readonly retries = new Map<number, Retry>();
  /** Jobs that ended while no program was there, for who only reads: who starts jobs takes them in. */
  readonly untaken: KeySet = new KeySet();
  /** Jobs that ended in this run, and nothing has changed for them since. */
  readonly ended: KeySet = new KeySet();
  /** Jobs of which it is known whether their record says that they failed. */
  readonly read: KeySet = new KeySet();
  /** Those among them that failed. */
  readonly failed: KeySet = new KeySet();
  /** Records of ended jobs that are being read. */
  readonly reading = new Map<number, Promise<void>>();
  /** Records of ended jobs that could not be read, with what went wrong. */
  readonly unreadable = new Map<number, unknown>();
  /** Why it is not known what an earlier run has left running; undefined if it is, or was not asked yet. */
  #unrecovered: { readonly error: unknown } | undefined;
  /** The repositories that its jobs write to, their `done` among them. */
  readonly written: readonly { readonly stored: StoredView; readonly trace: Trace }[];
  /** The tasks whose output this one requires. */
  readonly upstream: Edge[] = [];
  /** The tasks that require this one's output. */
  readonly downstream: Edge[] = [];

  /** Takes the task's links into an index. */
  constructor(task: Task, index: number, keys: KeyIndex) {
    this.task = task;
    this.index = index;
    this.done = keys.view(task.done);
    const { ready } = task.options;
    const conditions = [...task.links].map(([link, { repo, ...flags }]) => ({
      link,
      flags,
      view: keys.view(repo),
    }));
    this.required = ready !== undefined
      ? [{ link: "ready", view: keys.view(ready) }]
      : conditions.filter(({ flags }) => flags.requiredForStart);
    this.inhibiting = ready !== undefined
      ? []
      : conditions.filter(({ flags }) => flags.inhibitsStart);
    this.written = conditions.filter(({ flags }) => flags.isOutput || flags.isStatus).flatMap((
      { view },
    ) =>
      view.written().flatMap((trace) => {
        const stored = keys.view(trace.origin);
        return stored instanceof StoredView ? [{ stored, trace }] : [];
      })
    );
  }

  /** Why it is not known which jobs are eligible, and the link that cannot say it; undefined if it is known. */
  get unknown(): { readonly link?: string; readonly error: unknown } | undefined {
    for (const { link, view } of [...this.inhibiting, ...this.required]) {
      if (view.error !== undefined) return { link, error: view.error };
    }
    return this.#unrecovered;
  }

  /** Why it is not known what an earlier run has left running, so that nothing may be started. */
  get unrecovered(): { readonly error: unknown } | undefined {
    return this.#unrecovered;
  }

  /** Takes in whether it is known what an earlier run has left running: undefined if it is, or the error. */
  noteRecovery(unrecovered: { readonly error: unknown } | undefined): void {
    this.#unrecovered = unrecovered;
    this.#recompute();
  }

  /** Takes in what a look has found. What was read of records may be true no longer. */
  refresh(): void {
    this.read.clear();
    this.failed.clear();
    this.reading.clear();
    this.unreadable.clear();
    const before = this.eligible.clone();
    this.#recompute();
    this.ended.subtract(this.eligible.clone().subtract(before)); // something has changed for these
  }

  /** Computes which jobs are eligible. */
  #recompute(): void {
    const [first, ...others] = this.required;
    this.eligible.clear();
    if (first === undefined || this.unknown !== undefined) return;
    this.eligible.assign(first.view.set);
    for (const { view } of others) this.eligible.intersect(view.set);
    for (const { view } of this.inhibiting) {
      this.eligible.subtract(view.set);
      for (const id of view.doubtful()) this.update(id);
    }
  }

  /** Computes whether one job is eligible. */
  update(id: number): void {
    const eligible = this.required.every(({ view }) => view.set.has(id)) &&
      !this.inhibiting.some(({ view }) => view.set.has(id) || view.errorOf(id) !== undefined) &&
      this.unknown === undefined;
    this.eligible.set(id, eligible);
  }

  /** Whether a job has ended and nobody has kept its record. */
  isUntaken(id: number): boolean {
    return this.untaken.has(id) && !this.done.set.has(id);
  }

  /** Whether a job may still write its output: it could start, runs, is to be taken in, or will be tried again. */
  mayRun(id: number): boolean {
    return this.live.has(id) || this.retries.has(id) || this.isUntaken(id) ||
      (this.eligible.has(id) && !this.task.disabled && !this.ended.has(id));
  }

  /** Takes in that the record of an ended job may have changed. */
  forget(id: number): void {
    this.read.delete(id);
    this.failed.delete(id);
    this.reading.delete(id);
    this.unreadable.delete(id);
  }

  /** Takes in whether the record of an ended job says that it failed. */
  learn(id: number, failed: boolean): void {
    this.read.add(id);
    this.failed.set(id, failed);
  }
}
