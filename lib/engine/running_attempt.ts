/**
 * An attempt under way.
 *
 * @module
 */

import type { Attempt } from "../attempt.ts";

/** An attempt as the engine sees it. */
export class RunningAttempt implements Attempt {
  readonly number: number;
  readonly started: number;
  /** Whether the job goes on without this program, if it ends. */
  detached = false;
  /** Whether the job is not tried again, whatever comes of it. */
  isLast = false;
  /** What still runs although the attempt has ended; undefined if nothing does. */
  rest: Promise<void> | undefined;

  #controller: AbortController | undefined;
  readonly #onDetach: () => void;

  /** Begins an attempt; `onDetach` is called when the job goes on without this program, if it ends. */
  constructor(number: number, started: number, onDetach: () => void) {
    this.number = number;
    this.started = started;
    this.#onDetach = onDetach;
  }

  /** Made when it is first looked at: most attempts never do. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  detach(): void {
    if (this.detached) return;
    this.detached = true;
    this.#onDetach();
  }

  linger(rest: Promise<void>): void {
    this.rest = rest;
  }

  /** Asks the attempt to end. */
  abort(reason: DOMException): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }
}
