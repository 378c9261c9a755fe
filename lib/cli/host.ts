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

/**
 * A variable of the environment, where the program may read it: nobody is asked for permission only to be shown
 * progress.
 *
 * @param name Its name.
 * @returns Its value; undefined if it has none, or may not be read.
 */
export function environment(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
