/**
 * The first module of a worker that a user's module starts: loads the worker's own, and keeps what is said to it
 * until that listens.
 *
 * @module
 */

import { loaderHere } from "./realm.ts";
import { loadWorkersHere, type WorkerOrder } from "./worker_patch.ts";

const early: MessageEvent[] = [];
let ordered = false;

function keep(event: object): void {
  if (!(event instanceof MessageEvent)) return;
  event.stopImmediatePropagation();
  if (ordered) early.push(event);
  else void start(event.data);
  ordered = true;
}

async function start({ module }: WorkerOrder): Promise<void> {
  loadWorkersHere();
  const loader = await loaderHere();
  const { file } = await loader.load({ url: module });
  await loader.run(file);
  globalThis.removeEventListener("message", keep);
  for (const { data, ports } of early) {
    globalThis.dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));
  }
}

globalThis.addEventListener("message", keep);
