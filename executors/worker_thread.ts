/**
 * Threads of a `WorkerExecutor`.
 *
 * @module
 */

import { MessageChannel, Worker } from "node:worker_threads";
import { JobError } from "../lib/errors.ts";
import { mainModule } from "../lib/main_module.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import type { WorkerStart } from "./worker_main.ts";

/**
 * Starts a thread in which functions run.
 *
 * @param events What it tells.
 * @param module The URL of the module whose functions are called first.
 * @param megabytes How much memory its heap may take, and its array buffers besides.
 * @returns The line to it.
 */
export function startThread(
  { onMessage, onEnd }: HostEvents,
  module: string,
  megabytes: number,
): HostLine {
  const { port1: line, port2: other } = new MessageChannel();
  const worker = new Worker(entry(), {
    resourceLimits: { maxOldGenerationSizeMb: megabytes },
    workerData: {
      line: other,
      main: mainModule(),
      module,
      memory: megabytes * 2 ** 20,
    } satisfies WorkerStart,
    transferList: [other],
  });
  let problem: JobError | undefined;
  line.on("message", onMessage);
  worker.on("error", (error: Error & { readonly code?: string }) => {
    problem = error.code === "ERR_WORKER_OUT_OF_MEMORY"
      ? new JobError("The function needs more memory than it may have", { class: "oom" })
      : new JobError(`The thread of the function has died: ${error}`, {
        class: "user",
        cause: error,
      });
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  worker.on("exit", (code: number) => {
    line.close();
    onEnd(
      problem ??
        new JobError(`The function has ended its thread, with code ${code}`, { class: "user" }),
    );
    resolve();
  });
  return {
    send: (message) => line.postMessage(message),
    async kill() {
      await worker.terminate();
      await ended;
    },
    hold(holds) {
      for (const part of [worker, line]) {
        if (holds) part.ref();
        else part.unref();
      }
    },
  };
}

/** The module that runs in the thread. The platform takes only `file:` and `data:` for it. */
function entry(): URL {
  const url = new URL("./worker_main.ts", import.meta.url);
  if (url.protocol === "file:") return url;
  return new URL(`data:text/javascript,await import(${JSON.stringify(url.href)})`);
}
