import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { permissionFlags } from "../../executors/permission_flags.ts";
import {
  type DoneRecord,
  ExecutorTask,
  InProcessMetadataRepository,
  Pipeline,
  run,
  SubprocessExecutor,
  type SubprocessExecutorOptions,
} from "../../mod.ts";
import { processesWith } from "./executor_processes.ts";
import { isRunning, until } from "./processes.ts";

/** Runs jobs, whose names are what they do, in processes with some options. */
async function record(
  options: SubprocessExecutorOptions,
  ...names: string[]
): Promise<(DoneRecord | undefined)[]> {
  const jobs = new InProcessMetadataRepository(new Map(names.map((name) => [name, 1])));
  const done = new InProcessMetadataRepository<DoneRecord>();
  const made = actions(new SubprocessExecutor({ size: 1, ...options }), jobs, done);
  await run(new Pipeline([made]));
  return names.map((name) => done.data.get(name));
}

function actions(
  executor: SubprocessExecutor,
  jobs: InProcessMetadataRepository<number>,
  done: InProcessMetadataRepository<DoneRecord>,
) {
  return new ExecutorTask("actions", executor, done, {
    module: import.meta.url,
    retries: { infra: 0 },
  })
    .link("jobs", jobs, { isInput: true })
    .link("pids", pids)
    .func(async ({ job, pids }) => {
      await pids.dump(job, Deno.pid);
      const [action, seconds] = job.split("-");
      if (action === "read") Deno.readTextFileSync("/etc/hostname");
      if (action === "env") Deno.env.get("HOME");
      if (action === "spin") { for (;;); }
      if (action === "exit") Deno.exit(3);
      if (action === "kill") Deno.kill(Deno.pid, "SIGKILL");
      if (action === "child" || action === "daemon") {
        const { pid } = new Deno.Command("sleep", {
          args: ["600"],
          detached: action === "daemon",
        }).spawn();
        await pids.dump(job, pid);
        if (seconds === "spin") { for (;;); }
        if (seconds === "exit") Deno.exit(0);
      }
      if (action === "never") await new Promise(() => {});
      if (action === "wait") {
        await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
      }
    });
}

const pids = new InProcessMetadataRepository<number>();

/** What the processes look for. */
export const pipeline: Pipeline = new Pipeline([
  actions(
    new SubprocessExecutor(),
    new InProcessMetadataRepository(),
    new InProcessMetadataRepository(),
  ),
]);

for (const executor of ["WorkerExecutor", "SubprocessExecutor"]) {
  Deno.test(`${executor}: functions end when their program is killed, whatever they do`, async () => {
    const mark = crypto.randomUUID();
    const program = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("executor_program.ts", import.meta.url).pathname, executor],
      env: { DATATASK_TEST_RUN: mark },
      stdout: "piped",
    }).spawn();
    const reader = program.stdout.getReader();
    match(new TextDecoder().decode((await reader.read()).value), /both run/);
    ok(processesWith("DATATASK_TEST_RUN", mark).length >= 1);
    program.kill("SIGKILL");
    await program.status;
    await reader.cancel();
    await until(() => processesWith("DATATASK_TEST_RUN", mark).length === 0);
  });
}

Deno.test("SubprocessExecutor gives functions the permissions that it is told, and no others", async () => {
  const [read, env] = await record({ permissions: { read: ["/etc"] } }, "read", "env");
  strictEqual(read?.success, true);
  strictEqual(env?.class, "user");
  match(env?.exception ?? "", /NotCapable: Requires env access/);
  const [denied] = await record({ permissions: {} }, "read");
  match(denied?.exception ?? "", /NotCapable: Requires read access/);
});

Deno.test("SubprocessExecutor uses a process again, but not more often than recycleAfter says", async () => {
  await record({}, "good-1", "good-2");
  strictEqual(pids.data.get("good-1"), pids.data.get("good-2"));
  await record({ recycleAfter: 1 }, "good-1", "good-2");
  ok(pids.data.get("good-1") !== pids.data.get("good-2"));
});

Deno.test("SubprocessExecutor ends functions after its timeout", async () => {
  const [spun, good] = await record({ timeout: 0.5 }, "spin", "good");
  deepStrictEqual([spun?.class, good?.success], ["timeout", true]);
});

Deno.test("SubprocessExecutor ends what a function has started and left behind together with its process", async () => {
  const [spin, exit, left] = await record({ timeout: 0.5 }, "child-spin", "child-exit", "child-1");
  deepStrictEqual([spin?.class, exit?.class, left?.success], ["timeout", "user", true]);
  for (const job of ["child-spin", "child-exit", "child-1"]) {
    await until(() => !isRunning(pids.data.get(job)!));
  }
});

Deno.test("SubprocessExecutor takes a process that somebody has killed for none whose memory is used up", async () => {
  for (const memory of [undefined, "512Mi"]) {
    const [kill] = await record(memory === undefined ? {} : { memory }, "kill");
    deepStrictEqual([kill?.class, kill?.exception], [
      "infra",
      "JobError: The process of the function was killed",
    ]);
  }
});

Deno.test("SubprocessExecutor waits for no daemon that a function has started", async () => {
  const [daemon] = await record({}, "daemon-1");
  strictEqual(daemon?.success, true);
  const pid = pids.data.get("daemon-1")!;
  ok(isRunning(pid), "it has left the group of its process");
  Deno.kill(pid, "SIGKILL");
});

Deno.test("SubprocessExecutor blames the function that ends its process, and tries those beside it again", async () => {
  const [exit, ...others] = await record({ concurrency: 3 }, "exit", "wait-1", "wait-2");
  deepStrictEqual([exit?.class, exit?.exception], [
    "user",
    "JobError: The function has ended its process, with code 3",
  ]);
  for (const other of others) {
    strictEqual(other?.class, "infra"); // which is tried again, unless a task says otherwise
    match(other.exception ?? "", /What another function did has ended the thread or process/);
  }
});

Deno.test("SubprocessExecutor ends a process for the sake of one function when those beside it have ended", async () => {
  const [never, ...others] = await record(
    { concurrency: 3, timeout: 4 },
    "never",
    "wait-0.1",
    "wait-3.9",
  );
  strictEqual(never?.class, "timeout");
  deepStrictEqual(others.map((other) => other?.success), [true, true]);
});

Deno.test("permissionFlags() gives all that this program may do, or what is named", () => {
  deepStrictEqual(permissionFlags({}), []);
  deepStrictEqual(permissionFlags({ net: true, read: ["/a", "/b"], env: false, run: [] }), [
    "--allow-read=/a,/b",
    "--allow-net",
  ]);
});
