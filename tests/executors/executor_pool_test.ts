/**
 * How threads and processes are used: again, together, and for how long.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Attempt } from "../../lib/attempt.ts";
import { systemEnv } from "../../lib/env.ts";
import {
  type DoneRecord,
  type Executor,
  type ExecutorPoolOptions,
  ExecutorTask,
  InProcessMetadataRepository,
  Pipeline,
  run,
  StoreError,
  SubprocessExecutor,
  WorkerExecutor,
} from "../../mod.ts";
import { until } from "./processes.ts";

const KINDS = ["WorkerExecutor", "SubprocessExecutor"] as const;
type Kind = typeof KINDS[number];

function make(kind: Kind, options: ExecutorPoolOptions = {}): Executor {
  return kind === "WorkerExecutor" ? new WorkerExecutor(options) : new SubprocessExecutor(options);
}

/** Functions that do what their job is called, and the thread in which each was called, by its place in `/proc`. */
function actions(executor: Executor, names: readonly string[] = []) {
  const jobs = new InProcessMetadataRepository(new Map(names.map((name) => [name, 1])));
  const done = new InProcessMetadataRepository<DoneRecord>();
  const threads = new InProcessMetadataRepository<string>();
  const task = new ExecutorTask("actions", executor, done, {
    module: import.meta.url,
    retries: { infra: 0 },
    priority: (job) => -names.indexOf(job),
  })
    .link("jobs", jobs, { isInput: true })
    .link("threads", threads)
    .func(async ({ job, threads }) => {
      const [action, count] = job.split("-");
      await threads.dump(job, Deno.readLinkSync("/proc/thread-self"));
      if (action === "meet" || action === "exit") {
        while ((await Array.fromAsync(threads)).length < 3) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      if (action === "exit") Deno.exit(Number(count));
      if (action === "meet" && count === "exit") await new Promise(() => {});
      if (action === "leave") setTimeout(() => Deno.exit(0), 20);
      if (action === "trap") {
        await new Promise((resolve) => setTimeout(resolve, 100));
        throw new Proxy(new Error("trap"), {
          get(): never {
            throw new Error("trapped");
          },
        });
      }
      if (action === "store") throw new StoreError("out of reach");
    });
  return { task, pipeline: new Pipeline([task]), jobs, done, threads };
}

/** What threads and processes look for. */
export const pipeline: Pipeline = actions(make("WorkerExecutor")).pipeline;

for (const kind of KINDS) {
  Deno.test(`${kind} ends what has had nothing to do for idleTimeout, and starts another when it is needed`, async () => {
    const { pipeline, jobs, threads } = actions(make(kind, { idleTimeout: 0.05 }), ["good-1"]);
    await using _open = pipeline;
    await pipeline.open();
    await run(pipeline);
    const [first] = threads.data.values();
    await until(() => !existsSync(`/proc/${first}`)); // while the pipeline is open
    await jobs.dump("good-2", 1);
    strictEqual((await run(pipeline)).succeeded, 1);
    ok(threads.data.get("good-2") !== first);
  });

  Deno.test(`${kind} that is closed right after the first call makes it, and leaves no thread or process`, async () => {
    const executor = make(kind, { idleTimeout: 1000 });
    const { task, threads } = actions(executor);
    const { signal } = new AbortController();
    const call = { task, module: import.meta.url, started: Date.now(), signal, log() {} };
    const records = ["good-1", "good-2"].map((job) => executor.run({ ...call, job }));
    await executor.close();
    for (const { success } of await Promise.all(records)) strictEqual(success, true);
    for (const thread of threads.data.values()) await until(() => !existsSync(`/proc/${thread}`));
    await executor.close();
  });

  Deno.test(`${kind}: a job that is cancelled the moment it is started ends, and can be looked at until then`, async () => {
    const executor = make(kind, { size: 1 });
    const { task } = actions(executor);
    const attempt: Attempt = {
      number: 1,
      signal: new AbortController().signal,
      started: Date.now(),
      env: systemEnv,
      detach() {},
      linger() {},
    };
    const ended = task.execute("meet-1", attempt);
    const info = task.live.info("meet-1");
    const logs = task.logs("meet-1");
    ok(await task.cancel("meet-1"));
    strictEqual((await ended).class, "cancelled");
    ok(await info);
    deepStrictEqual(await Array.fromAsync((await logs)!), []);
    await task.close();
  });

  Deno.test(`${kind} runs as many functions at a time in one thread or process as concurrency says`, async () => {
    const names = ["meet-1", "meet-2", "meet-3"];
    const { pipeline, threads } = actions(make(kind, { size: 1, concurrency: 3 }), names);
    strictEqual((await run(pipeline)).succeeded, 3);
    strictEqual(new Set(threads.data.values()).size, 1);
  });

  Deno.test(`${kind} uses a thread or process again, but not more often than recycleAfter says`, async () => {
    for (const [recycleAfter, count] of [[3, 1], [1, 3], [2, 2]] as const) {
      const names = ["good-1", "good-2", "good-3"];
      const { pipeline, threads } = actions(make(kind, { size: 1, recycleAfter }), names);
      strictEqual((await run(pipeline)).succeeded, 3);
      strictEqual(new Set(threads.data.values()).size, count);
    }
  });

  Deno.test(`${kind}: class infra is for a store that fails, and for what another function has ended`, async () => {
    const names = ["exit-3", "meet-exit", "meet-exit-2"];
    const { pipeline, done } = actions(make(kind, { size: 1, concurrency: 3 }), names);
    await run(pipeline);
    deepStrictEqual(names.map((name) => done.data.get(name)?.class), ["user", "infra", "infra"]);
    match(
      done.data.get("meet-exit")?.exception ?? "",
      /^JobError: What another function did has ended the thread or process of this one/,
    );
    const failing = actions(make(kind, { size: 1 }), ["store-1"]);
    await run(failing.pipeline);
    const record = failing.done.data.get("store-1");
    deepStrictEqual([record?.class, record?.exception], ["infra", "StoreError: out of reach"]);
  });

  Deno.test(`${kind} takes in what a function throws that cannot be shown, also where it is called once more`, async () => {
    const { pipeline, done } = actions(make(kind, { size: 1 }), ["leave-1", "trap-1"]);
    await run(pipeline);
    const record = done.data.get("trap-1");
    deepStrictEqual([record?.class, record?.exception], ["user", "Error: trapped"]);
  });

  Deno.test(`${kind}: a main module that is a data: URL is found in threads and processes`, async () => {
    const text =
      `import { ${kind}, ExecutorTask, InProcessMetadataRepository, Pipeline, run } from "${new URL(
        "../../mod.ts",
        import.meta.url,
      )}";
const jobs = new InProcessMetadataRepository(new Map([["a", 1]]));
const results = new InProcessMetadataRepository();
const task = new ExecutorTask("task", new ${kind}({ size: 1 }), new InProcessMetadataRepository())
  .link("jobs", jobs, { isInput: true })
  .link("results", results, { isOutput: true })
  .func(async ({ job, results }) => { await results.dump(job, import.meta.main); });
export const pipeline = new Pipeline([task]);
if (import.meta.main) {
  await run(pipeline);
  console.log(JSON.stringify([...results.data]));
}`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${new URL("../../deno.json", import.meta.url).pathname}`,
        `data:text/javascript,${encodeURIComponent(text)}`,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    strictEqual(decoder.decode(stdout), '[["a",false]]\n', decoder.decode(stderr));
  });
}
