/**
 * Workers of user's modules: they get their module as the program got its own.
 *
 * @module
 */

import { isOwnModule } from "./own_package.ts";

/** What a worker is told before anything else. */
export interface WorkerOrder {
  /** The URL of its module. */
  readonly module: string;
}

/**
 * Makes `new Worker(URL)` load modules from the network, and TypeScript from this machine, through the loader. A
 * worker of this package, or one of a file that the runtime can run as it is, is left alone.
 */
export function loadWorkersHere(): void {
  const Native = globalThis.Worker;
  globalThis.Worker = class Worker extends Native {
    constructor(specifier: string | URL, options?: WorkerOptions) {
      const url = String(specifier);
      if (!/^(?:https?|file):/.test(url) || isOwnModule(url)) {
        super(specifier, options);
        return;
      }
      super(new URL("./worker_boot.ts", import.meta.url), { ...options, type: "module" });
      this.postMessage({ module: url } satisfies WorkerOrder);
    }
  };
}
