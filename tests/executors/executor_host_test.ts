import { strictEqual } from "node:assert/strict";
import { InProcessMetadataRepository, InProcessSyncTask } from "@datatask/datatask";
import type { ExecutorJob } from "../../executors/executor.ts";
import { ExecutorHost, type HostEvents } from "../../executors/executor_host.ts";

const job: ExecutorJob = {
  task: new InProcessSyncTask("task", new InProcessMetadataRepository()),
  module: "file:///pipeline.ts",
  job: "a",
  started: 0,
  signal: new AbortController().signal,
  log: () => {},
};

/** A host, and what its process may tell. */
function hostWithEvents(): { host: ExecutorHost; events: HostEvents } {
  const { promise: killed, resolve } = Promise.withResolvers<void>();
  let told: HostEvents | undefined;
  const host = new ExecutorHost((events) => {
    told = events;
    return Promise.resolve({
      send: () => {},
      kill: () => {
        resolve();
        return killed;
      },
      hold: () => {},
    });
  }, new Map());
  return { host, events: told! };
}

for (const earlier of [false, true]) {
  Deno.test(
    `ExecutorHost ${
      earlier ? "doubts" : "is sure"
    } that a call which ends its process as the memory is used up has used that up, ${
      earlier ? "if there was one before it" : "if it was the only one"
    }`,
    async () => {
      const { host, events } = hostWithEvents();
      if (earlier) {
        host.enter(1, job);
        await host.leave(1);
      }
      host.enter(2, job);
      events.onMessage({ type: "call", id: 0, method: "exits", args: [2, 0, false] });
      events.onExhausted();
      strictEqual(host.isDoubtful(2), earlier);
      strictEqual(host.failureOf(2)?.class, "oom");
    },
  );
}
