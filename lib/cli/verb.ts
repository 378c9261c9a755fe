/**
 * What a verb of the command line is.
 *
 * @module
 */

import type { Pipeline } from "../pipeline.ts";

/** An option of a verb. */
export interface VerbOption {
  /** Whether it is a switch or takes a text. */
  readonly type: "boolean" | "string";
  /** One letter for it. */
  readonly short?: string;
  /** What its text is, for its help: `"SECONDS"`. The name in capitals, if it is not given. */
  readonly value?: string;
  /** The texts it can have, if they are few: shells complete them. */
  readonly values?: readonly string[];
  /** What it does, in a line. */
  readonly description: string;
}

/** What a verb is given. */
export interface VerbContext {
  /** The pipeline. It is open, unless the verb says that it need not be. */
  readonly pipeline: Pipeline;
  /** The words behind the verb that are no options. */
  readonly words: readonly string[];
  /** The options that were given, by name. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** All verbs of the program, by name. */
  readonly verbs: ReadonlyMap<string, Verb>;
  /** What is to be disposed of at the very end: when the pipeline has been closed again, if it was opened for the verb. */
  readonly closed: DisposableStack;
  /** Aborted when the user interrupts, if the verb {@linkcode Verb.stops}. */
  readonly signal: AbortSignal;
}

/** A verb of the command line. */
export interface Verb {
  /** How it is called. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What there is to know besides, for its help: lines. */
  readonly details?: string;
  /** The words it takes, for its help: `"TASK JOB"`; a word in brackets may be left out, dots say that it may recur. */
  readonly words?: string;
  /** Its options, by name. */
  readonly options?: Readonly<Record<string, VerbOption>>;
  /**
   * Whether the pipeline is opened first.
   *
   * @default {true}
   */
  readonly opens?: boolean;
  /**
   * Whether it only reads: then the pipeline is opened so.
   *
   * @default {false}
   */
  readonly reads?: boolean;
  /**
   * Whether it ends in good order, soon after `signal` is aborted. Otherwise the program ends at once when the user
   * interrupts; nothing is half-written by that.
   *
   * @default {false}
   */
  readonly stops?: boolean;
  /**
   * Does it.
   *
   * @returns The exit code; 0, if it is not given.
   */
  run(context: VerbContext): Promise<number | void>;
}
