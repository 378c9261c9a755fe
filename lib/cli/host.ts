/**
 * What the command line asks of its process.
 *
 * @module
 */

/**
 * Calls a function each time the user, or whoever started the program, asks it to end.
 *
 * @param listener What to call.
 * @returns Stops it: then such a request ends the program again.
 */
export function onInterrupt(listener: () => void): Disposable {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, listener);
    },
  };
}
