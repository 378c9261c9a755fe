/**
 * What runs in a thread of a `WorkerExecutor`.
 *
 * @module
 */

import { MessagePort, workerData } from "node:worker_threads";
import type { CallMessage } from "./calls.ts";
import { FunctionHost } from "./function_host.ts";

/** What is used of the Web Locks, of which the types of the platform do not know. */
interface Locks {
  request(name: string, callback: () => Promise<void>): Promise<void>;
}

// A line of its own: what a function posts to the parent of its thread is no message of this package.
if (!(workerData instanceof MessagePort)) throw new TypeError("This thread was not given a line");
const line: MessagePort = workerData;
const host = new FunctionHost((message) => line.postMessage(message));

// Only a thread that holds a lock can be ended by this platform while it calculates. Older ones have none.
const { locks }: { readonly locks?: Locks } = navigator as object;
void locks?.request(`datatask ${crypto.randomUUID()}`, () => new Promise(() => {}));

line.on("message", async (message: CallMessage) => {
  await undefined; // a thread whose memory runs out within the event itself ends without a word
  host.receive(message);
});
