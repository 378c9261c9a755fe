/**
 * Changes that are told by calls, as the iteration that `watch` gives.
 *
 * @module
 */

import type { RepositoryChange } from "./repository.ts";

/** How many changes wait for a reader that lags behind. With more, it had better list again. */
const MAX_WAITING = 65536;

/**
 * The changes that something tells of, in the order in which it does.
 *
 * @param signal Ends the iteration.
 * @param begin Called once, when the iteration begins: tells of changes by calling `push` from then on, and of the
 * error that ends it by calling `fail`, until what it returned is disposed of.
 * @returns The changes. Ends, without an error, when `signal` is aborted.
 */
export async function* changes(
  signal: AbortSignal,
  begin: (push: (change: RepositoryChange) => void, fail: (error: unknown) => void) => Disposable,
): AsyncGenerator<RepositoryChange, void, undefined> {
  if (signal.aborted) return;
  let waiting: RepositoryChange[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  using source = begin((change) => {
    if (waiting.length === MAX_WAITING) waiting = [{ type: "relist" }];
    waiting.push(change);
    wake();
  }, (error) => {
    errors.push(error);
    wake();
  });
  // At once, and not when the reader comes back: a reader that was given up never does.
  const stop = () => {
    source[Symbol.dispose]();
    wake();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!signal.aborted) {
      const batch = waiting;
      waiting = [];
      for (const change of batch) {
        yield change;
        if (signal.aborted) return;
      }
      if (errors.length > 0) throw errors[0];
      if (waiting.length === 0) await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
