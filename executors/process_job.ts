/**
 * Jobs that are processes.
 *
 * @module
 */

import type { FailureClass } from "../lib/errors.ts";
import type { NotedProcess, ProcessStat } from "./process_identity.ts";

/** How the process of a job ended. */
export interface ProcessEnd {
  /** The code it ended with, 128 plus the signal if it was killed; undefined if its end was not seen. */
  readonly code: number | undefined;
  /** When, in milliseconds since 1970 UTC. */
  readonly at: number;
  /** Why it is not the script that failed: it was ended, never started, or lost. */
  readonly failure?: { readonly class: FailureClass; readonly message: string };
}

/** A job that was handed to a process manager. */
export class ProcessJob {
  /** Tells it from every other job, and from another attempt of the same. */
  readonly nonce: string;
  /** Its task. */
  readonly task: string;
  /** Its id. */
  readonly job: string;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** When the attempt began, in milliseconds since 1970 UTC. */
  readonly started: number;
  /** The program that is to run its script; undefined if that is not known. */
  readonly interpreter: string | undefined;
  /** The journal that tells of it. */
  readonly journal: string;
  /** When that was in milliseconds since the machine was started, whose clock nobody sets; undefined if it is not known. */
  startedAt: number | undefined;
  /** Its process; undefined until it is known to be started. */
  process: NotedProcess | undefined;
  /** Why somebody has decided to end it. */
  killed: FailureClass | undefined;
  /** The shell that was told to start it, if it was told by this program. */
  shell: Pick<ProcessStat, "pid" | "start"> | undefined;
  /** Whether its process and that shell were seen to have ended together. */
  endedWithShell = false;
  /** Whether the machine has not been told of it yet. */
  unsent = false;
  /** How it ended; undefined while it has not. */
  end: ProcessEnd | undefined;

  readonly #ended = Promise.withResolvers<ProcessEnd>();

  /** Takes in that it is about to be started. */
  constructor(
    intent: {
      readonly nonce: string;
      readonly task: string;
      readonly job: string;
      readonly attempt: number;
      readonly started: number;
      readonly interpreter?: string | undefined;
    },
    journal: string,
  ) {
    this.nonce = intent.nonce;
    this.task = intent.task;
    this.job = intent.job;
    this.attempt = intent.attempt;
    this.started = intent.started;
    this.interpreter = intent.interpreter;
    this.journal = journal;
  }

  /** Resolves when it has ended, or is known to be lost. */
  get ended(): Promise<ProcessEnd> {
    return this.#ended.promise;
  }

  /** Takes in how it ended. */
  conclude(end: ProcessEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#ended.resolve(end);
  }
}
