/**
 * Limits how much is done at once.
 *
 * @module
 */

/** Lets a number of calls through at a time, in the order in which they came. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /**
   * Makes a semaphore.
   *
   * @param size How many calls may be under way.
   */
  constructor(size: number) {
    this.#free = size;
  }

  /**
   * Calls a function when there is room for it.
   *
   * @typeParam Result What it gives.
   * @param action The function.
   * @returns What it gives.
   */
  async use<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
