/**
 * Counts what a run does.
 *
 * @module
 */

import type { DoneRecord } from "../done_record.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineEvent } from "../engine/events.ts";
import { headline } from "../failure.ts";
import type { Task } from "../task.ts";

/** How many failures are kept to be shown. */
const EXAMPLES = 5;

/** What became of the jobs of a task in a run. */
export interface TaskTally {
  /** How many ended well. */
  succeeded: number;
  /** How many failed for good. */
  failed: number;
}

/** A job that failed, or could not be recorded. */
export interface FailedJob {
  /** The task. */
  readonly task: Task;
  /** The job. */
  readonly job: string;
  /** What happened. */
  readonly problem: string;
  /** Whether it came so far that it may have written something. */
  readonly began: boolean;
}

/** Counts the jobs that end, until it is disposed of. */
export class Tally implements Disposable {
  /** What became of the jobs of each task. */
  readonly tasks: ReadonlyMap<Task, TaskTally>;
  /** The first jobs that failed for good. */
  readonly failures: FailedJob[] = [];
  /** The first jobs whose record could not be kept. */
  readonly unrecorded: FailedJob[] = [];
  /** How many records could not be kept. */
  unrecordedCount = 0;
  readonly #subscription: Disposable;

  /** Begins to count. */
  constructor(engine: Engine) {
    this.tasks = new Map(engine.states.map(({ task }) => [task, { succeeded: 0, failed: 0 }]));
    this.#subscription = engine.subscribe((event) => this.#take(event));
  }

  /** How many jobs ended well. */
  get succeeded(): number {
    return [...this.tasks.values()].reduce((sum, { succeeded }) => sum + succeeded, 0);
  }

  /** How many jobs failed for good. */
  get failed(): number {
    return [...this.tasks.values()].reduce((sum, { failed }) => sum + failed, 0);
  }

  /** Stops counting. */
  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #take(event: EngineEvent): void {
    if (event.type === "unrecorded") {
      this.unrecordedCount++;
      note(this.unrecorded, event, { problem: headline(event.error), began: true });
    } else if (event.type === "end" && event.retryAt === undefined) {
      const counts = this.tasks.get(event.task)!;
      if (event.record.success) {
        counts.succeeded++;
      } else {
        counts.failed++;
        const { class: failureClass, return_code: code } = event.record;
        note(this.failures, event, {
          problem: problemIn(event.record),
          began: code !== undefined || failureClass !== "config",
        });
      }
    }
  }
}

function note(
  list: FailedJob[],
  { task, job }: { readonly task: Task; readonly job: string },
  what: Pick<FailedJob, "problem" | "began">,
): void {
  if (list.length < EXAMPLES) list.push({ task, job, ...what });
}

/** What a record says of a failure, in a line. */
function problemIn(record: DoneRecord): string {
  const { class: failureClass = "user", exception, return_code: code } = record;
  if (exception !== undefined) return exception;
  if (code !== undefined) return `return code ${code}`;
  return "reason" in record ? `${failureClass}: ${record.reason}` : failureClass;
}
