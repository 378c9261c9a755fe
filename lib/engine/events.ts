/**
 * What the engine tells while it works.
 *
 * @module
 */

import type { DoneRecord } from "../done_record.ts";
import type { Task } from "../task.ts";

/** Something that happened. */
export type EngineEvent =
  /** An attempt was started. */
  | { readonly type: "start"; readonly task: Task; readonly job: string; readonly attempt: number }
  /** An attempt ended; the job will be tried again at `retryAt`, in milliseconds since 1970 UTC, if that is given. */
  | {
    readonly type: "end";
    readonly task: Task;
    readonly job: string;
    readonly record: DoneRecord;
    readonly retryAt?: number;
  }
  /** A job ended, but its record could not be kept: it will run again. */
  | {
    readonly type: "unrecorded";
    readonly task: Task;
    readonly job: string;
    readonly error: unknown;
  };
