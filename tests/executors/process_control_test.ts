import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  InProcessBlobRepository,
  JobIdError,
  Pipeline,
  PipelineError,
  ResourceManager,
  Resources,
  run,
} from "../../mod.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { STDOUT } from "../../executors/process_task.ts";
import { fixture, isRunning, temporaryFolder, until } from "./processes.ts";

async function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string | undefined> {
  return stream && await new Response(stream).text();
}

Deno.test("ProcessTask.cancel() ends what runs with class cancelled, and says whether it ran", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, grace: 0.3 });
  const pidFile = `${folder.path}/pids`;
  const { task, done } = fixture(manager, {
    template: `trap '' TERM; sleep 1000 & echo $! >> ${pidFile}; echo $$ >> ${pidFile}; ` +
      "while :; do sleep 1000; done",
  });
  strictEqual(await task.cancel("a"), false);
  const running = run(new Pipeline([task]));
  await until(async () =>
    (await Deno.readTextFile(pidFile).catch(() => "")).split("\n").length === 3
  );
  strictEqual(await task.cancel("nobody"), false);
  match((await task.state("a"))!, /^has been running since 2\S+Z, as process \d+$/);
  strictEqual(await task.cancel("a"), true);
  strictEqual((await running).failed, 1);
  strictEqual(await task.state("a"), undefined);
  const { class: failure, return_code, exception } = (await done.info("a"))!;
  deepStrictEqual([failure, return_code, exception], ["cancelled", 137, "it was cancelled"]);
  const pids = (await Deno.readTextFile(pidFile)).trim().split("\n").map(Number);
  deepStrictEqual(pids.filter(isRunning), []);
  strictEqual(await task.cancel("a"), false);
  await rejects(task.cancel("../x"), JobIdError);
});

Deno.test("ProcessTask.cancel() ends a job that another program has started, and whoever comes next records it", async () => {
  await using folder = await temporaryFolder();
  {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task } = fixture(manager, { template: "sleep 1000" });
    await using pipeline = new Pipeline([task]);
    await pipeline.open();
    await pipeline.update();
  }
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done } = fixture(manager, { template: "echo again" });
  strictEqual(await task.cancel("a"), true);
  strictEqual((await run(new Pipeline([task]))).failed, 1);
  strictEqual((await done.info("a"))!.class, "cancelled");
});

Deno.test("ProcessTask.logs() shows what a job has written so far, and goes on as it writes more", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const go = `${folder.path}/go`;
  const { task } = fixture(manager, {
    template:
      `echo one; echo two >&2; until [ -e ${go} ]; do sleep 0.01; done; printf '\\377three'`,
  });
  strictEqual(await task.logs("a"), undefined);
  const running = run(new Pipeline([task]));
  await until(async () => (await textOf(await task.logs("a")))?.length === 8);
  strictEqual(await textOf(await task.logs("a")), "one\ntwo\n");
  // So does another program.
  const elsewhere = new LocalLinuxManager("app", { localPath: folder.path });
  const other = fixture(elsewhere, { template: "" }).task;
  const seen: Promise<string>[] = [];
  for (const shown of [task, other]) {
    const reader = (await shown.logs("a", { follow: true }))!.getReader();
    let text = "";
    const read = async (): Promise<string> => {
      const { value, done } = await reader.read();
      if (done) return text;
      text += String.fromCharCode(...value);
      return await read();
    };
    seen.push(read());
    await until(() => text === "one\ntwo\n");
  }
  await Deno.writeTextFile(go, "");
  deepStrictEqual(await Promise.all(seen), Array(2).fill("one\ntwo\n\xffthree"));
  await running;
  deepStrictEqual(
    [...await new Response(await task.logs("a", { follow: true })).bytes()],
    [...new TextEncoder().encode("one\n"), 255, ...new TextEncoder().encode("threetwo\n")],
  );
});

Deno.test("ProcessTask.logs() stops when its signal is aborted", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task } = fixture(manager, { template: "echo one; sleep 1000" });
  const running = run(new Pipeline([task]));
  await until(async () => (await textOf(await task.logs("a")))?.length === 4);
  const stop = new AbortController();
  const reader = (await task.logs("a", { follow: true, signal: stop.signal }))!.getReader();
  strictEqual((await reader.read()).value?.length, 4);
  const rest = reader.read();
  stop.abort();
  strictEqual((await rest).done, true);
  strictEqual(await textOf(await task.logs("a", { follow: true, signal: stop.signal })), "");
  await task.cancel("a");
  await running;
});

Deno.test("ProcessTask.logs() finds in the repositories what is gone from the folder", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const stderr = new InProcessBlobRepository();
  const { task } = fixture(manager, { template: "echo out; echo err >&2", stderr });
  await run(new Pipeline([task]));
  await manager.rmtree(manager.folder("task", "a"));
  strictEqual(await textOf(await task.logs("a")), "out\nerr\n");
  const { task: both } = fixture(manager, { template: "", stderr: STDOUT });
  strictEqual(await both.logs("a"), undefined);
});

Deno.test("ProcessTask.close() gives the folder up, and a job that runs is taken in by the next run", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const [log, go] = [`${folder.path}/log`, `${folder.path}/go`];
  const { task, done, stdout } = fixture(manager, {
    template:
      `echo $JOB >> ${log}; until [ -e ${go} ]; do sleep 0.01; done; echo out; echo end >> ${log}`,
    resources: new ResourceManager(Resources.parse(4, 1)),
  });
  const stop = new AbortController();
  const interrupted = run(new Pipeline([task]), { signal: stop.signal });
  await until(() => Deno.stat(log).then(() => true, () => false));
  stop.abort();
  await interrupted;
  for (let turn = 0; turn < 2; turn++) {
    await rejects(run(new Pipeline([task]), { timeout: 0.1 }), { name: "TimeoutError" });
    await using other = new LocalLinuxManager("app", { localPath: folder.path });
    await other.open(); // which would refuse if the folder were still in use
  }
  const running = run(new Pipeline([task]));
  await Deno.writeTextFile(go, "");
  await running; // an attempt that this program was just starting is still recorded by the run that did
  strictEqual(await stdout.readText("a"), "out\n");
  ok((await done.info("a"))!.success);
  strictEqual(await Deno.readTextFile(log), "a\nend\n");
  strictEqual((await run(new Pipeline([task]))).succeeded, 0);
});

Deno.test("ProcessTask.close() leaves a manager open that others use", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await using other = new LocalLinuxManager("app", { localPath: folder.path });
  await manager.open();
  const { task } = fixture(manager, { template: "echo" });
  await run(new Pipeline([task]));
  await rejects(other.open(), /does so; wait/);
});

Deno.test("AbstractProcessManager refuses two tasks of one name at the same time, whose jobs would be mixed up", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const first = new Pipeline([fixture(manager, { template: "sleep 1000" }).task]);
  await first.open();
  await first.update();
  const { task, done } = fixture(manager, { template: "echo" });
  const second = new Pipeline([task]);
  await rejects(run(second), (error) => {
    ok(error instanceof PipelineError);
    match(error.message, /two tasks called "task"/);
    return true;
  });
  deepStrictEqual(await done.infoAll(), new Map());
  await manager.cancel("task", "a");
  await first.close();
  await run(second);
  strictEqual((await done.infoAll()).size, 1);
});

Deno.test("a run of few scripts makes no timer, the first of which takes longer to load than a script to run", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task } = fixture(manager, { template: "echo $JOB" }, { a: 1, b: 2, c: 3 });
  const { setTimeout } = globalThis;
  let timers = 0;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    strictEqual((await run(new Pipeline([task]))).succeeded, 3);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  strictEqual(timers, 0);
});
