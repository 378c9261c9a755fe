/**
 * What runs in a thread of a `WorkerExecutor`.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import type { CallMessage } from "./calls.ts";
import { FunctionHost } from "./function_host.ts";

/** What is used of the Web Locks, of which the types of the platform do not know. */
interface Locks {
  request(name: string, callback: () => Promise<void>): Promise<void>;
}

const host = new FunctionHost((message) => parentPort?.postMessage(message));

// Only a thread that holds a lock can be ended by this platform while it calculates. Older ones have none.
const { locks }: { readonly locks?: Locks } = navigator as object;
void locks?.request(`datatask ${crypto.randomUUID()}`, () => new Promise(() => {}));

parentPort?.on("message", async (message: CallMessage) => {
  await undefined; // a thread whose memory runs out within the event itself ends without a word
  host.receive(message);
});
