/**
 * Time and chance, in one place, so that tests can drive them.
 *
 * @module
 */

/** What the engine needs of the world outside. */
export interface Env {
  /** Milliseconds since 1970 UTC, by the wall clock: for records. */
  now(): number;
  /** Milliseconds on a clock that is never set back: for durations. */
  elapsed(): number;
  /** A number from 0 to below 1. */
  random(): number;
  /**
   * Calls `callback` once.
   *
   * @param callback What to call.
   * @param delay When, in milliseconds from now.
   * @returns Takes it back.
   */
  schedule(callback: () => void, delay: number): Disposable;
  /**
   * Optional, for tests: called at each step between which a crash must do no harm.
   *
   * @param point The name of the step that is done.
   */
  fault?(point: string): void;
}

/** The longest delay that a timer of the platform can take, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** The world as it is. */
export const systemEnv: Env = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, Math.min(delay, MAX_DELAY));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
