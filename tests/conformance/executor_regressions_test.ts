/**
 * The bugs of the original that concern functions in threads and processes, none of which is to come back.
 *
 * @module
 */

import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { run } from "../../lib/cli/run.ts";
import { until } from "../executors/processes.ts";
import { callsHere, pipelines, thisThread } from "./executor_pipelines.ts";

for (const executor of ["WorkerExecutor", "SubprocessExecutor"] as const) {
  const { deaf, counting } = pipelines[executor];

  Deno.test(`A-19: ${executor}: a function that heeds no signal counts as running until it has ended, and is called once`, async () => {
    const { pipeline, task, begun, threads, done } = deaf;
    strictEqual(await task.cancel("1"), false, "what does not run cannot be ended");
    const running = run(pipeline);
    await until(() => begun.contains("1"));
    const cancelled = task.cancel("1");
    strictEqual(await task.live.contains("1"), true);
    strictEqual(await cancelled, true);
    strictEqual(await task.live.contains("1"), false);
    strictEqual((await running).failed, 1);
    strictEqual((await done.info("1"))?.class, "cancelled");
    await until(() => hasEnded(threads.data.get("1")!));
    strictEqual(await task.cancel("1"), false);
    await run(pipeline);
    strictEqual(await begun.info("1"), 1);
  });

  Deno.test(`A-42: ${executor}: jobs share a thread or process, with stores of its own, which ends with the run`, async () => {
    const { pipeline, seen } = counting;
    strictEqual((await run(pipeline)).succeeded, 8);
    const all = [...seen.data.values()].sort((a, b) => a.call - b.call);
    deepStrictEqual(all.map(({ call }) => call), [1, 2, 3, 4, 5, 6, 7, 8]);
    deepStrictEqual([...new Set(all.map(({ opened }) => opened))], [1]);
    strictEqual(callsHere(), 0, "none is called in this thread");
    const [thread, ...others] = new Set(all.map(({ thread }) => thread));
    deepStrictEqual(others, []);
    notStrictEqual(thread, thisThread());
    await until(() => hasEnded(thread!));
  });
}

/** Whether a thread, by its place in `/proc`, is there no more. */
function hasEnded(thread: string): boolean {
  return !existsSync(`/proc/${thread}`);
}
