/**
 * What runs in a thread of a `WorkerExecutor`.
 *
 * @module
 */

import process from "node:process";
import { type MessagePort, workerData } from "node:worker_threads";
import type { CallMessage } from "./calls.ts";
import { FunctionHost } from "./function_host.ts";

/** What is used of the Web Locks, of which the types of the platform do not know. */
interface Locks {
  request(name: string, callback: () => Promise<void>): Promise<void>;
}

/** What a thread is given when it is started. */
export interface WorkerStart {
  /** A line of its own: what a function posts to the parent of its thread is no message of this package. */
  readonly line: MessagePort;
  /** What the main module of the program is known by. */
  readonly main: string;
  /** The URL of the module whose functions are called first. */
  readonly module: string;
  /** How many bytes its array buffers may take. */
  readonly memory: number;
}

const { line, main, module, memory }: WorkerStart = workerData;
const host = new FunctionHost((message) => line.postMessage(message), { memory });

// Only a thread that holds a lock can be ended by this platform while it calculates. Older ones have none.
const { locks }: { readonly locks?: Locks } = navigator as object;
void locks?.request(`datatask ${crypto.randomUUID()}`, () => new Promise(() => {}));

Deno.chdir = () => refuseToMove();
process.chdir = () => refuseToMove();

line.on("message", async (message: CallMessage) => {
  await undefined; // a thread whose memory runs out within the event itself ends without a word
  host.receive(message);
});

host.preload(main, module);

/** All threads of a program are in the same folder: who changes it changes what the paths of all others mean. */
function refuseToMove(): never {
  throw new Error(
    "Cannot change the working folder in a thread: it is that of the whole program; " +
      "use a SubprocessExecutor, or paths that begin with /",
  );
}
