/**
 * Time that passes only when a test says so.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Env } from "../../../lib/env.ts";

/** When the time of every test begins. */
export const START = Date.UTC(2026, 0, 1);

/** How many turns something may take that waits for no timer. */
const MAX_IDLE = 1000;

/** Lets everything go on that waits for promises alone. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A clock that stands still until it is advanced, and chance that always gives the same. */
export class FakeEnv implements Env {
  /** What chance gives. */
  chance = 0;
  #elapsed = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return START + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  random(): number {
    return this.chance;
  }

  schedule(callback: () => void, delay: number): Disposable {
    const timer = { at: this.#elapsed + delay, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass: fires the timers that become due, in their order, and what hangs on each of them. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await turn();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#fire(next);
      await turn();
    }
    this.#elapsed = end;
  }

  /** Lets as much time pass as something needs to end. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => void (ended = true);
    promise.then(end, end);
    let idle = 0;
    for (await turn(); !ended; await turn()) {
      const next = this.#next();
      if (next !== undefined) this.#fire(next);
      else if (idle++ === MAX_IDLE) throw new Error("It waits for something that never happens");
    }
    return await promise;
  }

  #next(): { readonly at: number; readonly callback: () => void } | undefined {
    return [...this.#timers].sort((a, b) => a.at - b.at)[0];
  }

  #fire(timer: { readonly at: number; readonly callback: () => void }): void {
    this.#timers.delete(timer);
    this.#elapsed = Math.max(this.#elapsed, timer.at);
    timer.callback();
  }
}
