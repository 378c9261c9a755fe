/**
 * The one way in which the library says something that nobody asked for.
 *
 * @module
 */

let sink: (message: string) => void = (message) => console.warn(`warning: ${message}`);

/**
 * Says something that is no error but that somebody should know, on standard error unless
 * {@linkcode interceptWarnings} sends it elsewhere.
 *
 * @param message One sentence that names the thing concerned.
 */
export function warn(message: string): void {
  sink(message);
}

/**
 * Sends all warnings of the library to `handler` until the result is disposed of. The last one to intercept wins.
 *
 * @param handler Called with each message.
 * @returns Restores what was before.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, interceptWarnings } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const seen: string[] = [];
 * using _ = interceptWarnings((message) => void seen.push(message));
 * for await (const _job of new InProcessMetadataRepository(new Map([["no id!", 1]])));
 * strictEqual(seen.length, 1);
 * ```
 */
export function interceptWarnings(handler: (message: string) => void): Disposable {
  const before = sink;
  sink = handler;
  return {
    [Symbol.dispose]() {
      sink = before;
    },
  };
}
