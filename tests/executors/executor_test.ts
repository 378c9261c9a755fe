import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { launch } from "../../lib/cli/launch.ts";
import { run } from "../../lib/cli/run.ts";
import { by, KINDS } from "./functions_pipeline.ts";

for (const kind of KINDS) {
  const { phases, stores, hostile, endless } = by[kind];

  Deno.test(`${kind}: the original's test of executors`, async () => {
    await phases.repo0.dump("foo", "weh");
    await run(phases.pipeline, { timeout: 120 });
    strictEqual(await phases.repo2.info("foo"), "weh!?");
    await launch(phases.pipeline, `${kind}-phase0`, "bar", { sync: true, meta: true, force: true });
    ok("exception" in (await phases.phase0.done.info("bar") as object));
  });

  Deno.test(`${kind}: functions reach the stores in memory of this process, and the resources that links need`, async () => {
    const big = new Uint8Array(300_000).map((_, i) => i * 7);
    await stores.texts.writeBytes("big", big);
    await stores.numbers.dump("n", new Map([["a", new Date(0)]]));
    await stores.numbers.dump("gone", 1);
    strictEqual((await run(stores.pipeline)).failed, 0);
    deepStrictEqual(new Uint8Array(await stores.copies.readBytes("big")), big);
    deepStrictEqual(await stores.notes.info("big"), {
      listed: ["big", "gone", "n"],
      number: new Map([["a", new Date(0)]]),
      resource: "a resource",
      opened: ["used"],
      main: false,
    });
    strictEqual(await stores.needy.info("big"), "seen");
    strictEqual(await stores.numbers.contains("gone"), false);
  });

  Deno.test(`${kind}: what functions do to their thread or process is recorded by its class, and hurts no other`, async () => {
    const expected: Record<string, [class_: string | undefined, exception: RegExp]> = {
      "good-1": [undefined, /^undefined$/],
      "throws-1": ["user", /^"no error"$/],
      "fails-1": ["config", /JobError: no such thing/],
      "store-1": ["infra", /StoreError: out of reach/],
      "eats-1": ["oom", /needs more memory/],
      "exits-1": ["user", /ended its (thread|process), with code 0/],
      "later-1": ["user", /later/],
      "rejects-1": ["user", /nobody/],
      "writes-1": [undefined, /^undefined$/],
      "good-2": [undefined, /^undefined$/],
    };
    for (const job of Object.keys(expected)) await hostile.jobs.dump(job, 1);
    await run(hostile.pipeline);
    for (const [job, [class_, exception]] of Object.entries(expected)) {
      const record = await hostile.done.info(job);
      deepStrictEqual([job, record?.class], [job, class_]);
      match(String(record?.exception), exception);
      strictEqual(record?.success, class_ === undefined);
    }
    for (const job of ["fails-1", "exits-1", "later-1", "rejects-1"]) {
      const lines = (await hostile.done.info(job))?.traceback?.filter((line) =>
        /^ +at /.test(line)
      );
      const others = lines?.filter((line) => !line.includes("functions_pipeline.ts"));
      deepStrictEqual([job, others], [job, []]); // only lines of the user's
      strictEqual(lines?.length === 0, job === "exits-1");
    }
    deepStrictEqual([...hostile.results.data].sort(), [["good-1", "good"], ["good-2", "good"]]);
    strictEqual(await hostile.logs.readText("good-1"), "good { job: 'good-1' }\n");
    if (kind === "process") {
      strictEqual(await hostile.logs.readText("writes-1"), "raw\nto the console\n");
    }
  });

  Deno.test(`${kind}: a function that changes the working folder changes it for no other thread or process`, async () => {
    const folder = Deno.cwd();
    for (const job of ["moves-1", "walks-1"]) {
      await hostile.jobs.dump(job, 1);
      await run(hostile.pipeline);
      const record = await hostile.done.info(job);
      strictEqual(record?.success, kind === "process");
      if (kind === "worker") match(record?.exception ?? "", /whole program.*SubprocessExecutor/);
      strictEqual(Deno.cwd(), folder);
    }
  });

  Deno.test(`${kind}: a function whose array buffers need more memory than it may have is class oom`, async () => {
    const jobs = kind === "process" ? ["buffers-1", "buffers-2"] : ["buffers-1"]; // the second never waits
    for (const job of jobs) {
      await hostile.jobs.dump(job, 1);
      await run(hostile.pipeline);
      const record = await hostile.done.info(job);
      deepStrictEqual([record?.class, record?.exception], [
        "oom",
        "JobError: The function needs more memory than it may have",
      ]);
    }
  });

  Deno.test(`${kind}: a function that does not end by itself is ended after its timeout, by force if need be`, async () => {
    const jobs = ["never-1", "polite-1", "sorry-1", "spins-1"];
    for (const job of jobs) await endless.jobs.dump(job, 1);
    await run(endless.pipeline);
    for (const job of jobs) {
      const record = await endless.done.info(job);
      deepStrictEqual([job, record?.class], [job, "timeout"]);
      match(String(record?.exception), /ran longer than 1 s/);
      const [message, ...lines] = record?.traceback ?? [];
      strictEqual(message, "JobError: The job ran longer than 1 s");
      if (job === "sorry-1") {
        strictEqual(lines[0], "Caused by RangeError: too late");
        match(lines[1] ?? "", /functions_pipeline\.ts/);
      } else {
        deepStrictEqual(lines, []);
      }
    }
  });

  Deno.test(`${kind}: a job that runs is a key of live; deleting it cancels the job`, async () => {
    await hostile.jobs.dump("never-2", 1);
    await hostile.pipeline.open();
    const ended = run(hostile.pipeline);
    while (!await hostile.task.live.contains("never-2")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    deepStrictEqual(await Array.fromAsync(hostile.task.live), ["never-2"]);
    strictEqual((await hostile.task.live.info("never-2"))?.last_line, undefined);
    await hostile.jobs.dump("says-2", 1);
    while ((await hostile.task.live.info("says-2"))?.last_line === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    strictEqual((await hostile.task.live.info("says-2"))?.last_line, "2 of 3");
    match(
      await hostile.task.state("says-2") ?? "",
      /^has been running since \S+; it has last written: 2 of 3$/,
    );
    await hostile.task.live.delete("says-2");
    const logs = await hostile.task.logs("never-2", { follow: true });
    await hostile.task.live.delete("never-2");
    strictEqual(await new Response(logs).text(), "");
    await ended;
    await hostile.pipeline.close();
    strictEqual((await hostile.done.info("never-2"))?.class, "cancelled");
    strictEqual(await hostile.task.cancel("never-2"), false);
  });
}
