import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { JobBook } from "../../executors/job_book.ts";
import { JobShell } from "../../executors/job_shell.ts";
import { prologue, startLine } from "../../executors/job_wrapper.ts";
import { writeLine } from "../../executors/journal.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { type Env, type MachineView, Pipeline, run, StoreError, systemEnv } from "../../mod.ts";
import { fixture, isRunning, temporaryFolder, until } from "./processes.ts";

const BOOT = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();

/** Leaves a journal as an earlier program would have. */
async function leaveJournal(folder: string, lines: readonly string[]): Promise<void> {
  await Deno.mkdir(`${folder}/app`, { mode: 0o700 });
  await Deno.writeTextFile(`${folder}/app/.journal-1`, lines.join(""));
}

const launch = {
  type: "intent",
  nonce: "n1",
  task: "task",
  job: "a",
  attempt: 1,
  started: Date.now(),
} as const;
const intent = writeLine(launch);

Deno.test("LocalLinuxManager adopts a job that an earlier program has started, and hears of its end", async () => {
  await using folder = await temporaryFolder();
  const go = `${folder.path}/go`;
  const log = `${folder.path}/log`;
  const script = `echo run >> ${log}; while [ ! -e ${go} ]; do sleep 0.01; done; echo out; exit 4`;
  {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task } = fixture(manager, { template: script });
    const pipeline = new Pipeline([task]);
    await pipeline.open();
    strictEqual(await pipeline.update(), true);
    await pipeline.close();
  }
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done, stdout } = fixture(manager, { template: "echo again" });
  deepStrictEqual(await Array.fromAsync(task.pids), ["a"]);
  const running = run(new Pipeline([task]));
  await until(async () => (await manager.jobs("task")).length === 1);
  await Deno.writeTextFile(go, "");
  strictEqual((await running).failed, 1);
  const { return_code, class: failure } = (await done.info("a"))!;
  deepStrictEqual([return_code, failure], [4, "user"]);
  strictEqual(await stdout.readText("a"), "out\n");
  strictEqual(await Deno.readTextFile(log), "run\n");
  deepStrictEqual(await manager.jobs("task"), []);
});

Deno.test("who looks at the jobs of a manager that is just being opened sees what an earlier program has left", async () => {
  await using folder = await temporaryFolder();
  await leaveJournal(folder.path, [
    writeLine({ type: "boot", boot: BOOT, at: Date.now() - 1e6 }),
    intent,
    writeLine({ type: "exit", nonce: "n1", code: 0, at: 1 }),
  ]);
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const opening = manager.open();
  deepStrictEqual((await manager.unforgotten("task")).map(({ job }) => job), ["a"]);
  await opening;
});

Deno.test("those who ask in one turn which jobs run share a look, and who asks later looks again", async () => {
  await using folder = await temporaryFolder();
  await leaveJournal(folder.path, [
    writeLine({ type: "boot", boot: BOOT, at: Date.now() - 1e6 }),
    intent,
    writeLine({ ...launch, nonce: "n2", task: "other", job: "b" }),
    writeLine({ type: "exit", nonce: "n1", code: 0, at: 1 }),
    writeLine({ type: "exit", nonce: "n2", code: 0, at: 1 }),
  ]);
  let looks = 0;
  class Counting extends LocalLinuxManager {
    protected override look(
      offsets: ReadonlyMap<string, number>,
      processes?: readonly number[],
    ): Promise<MachineView> {
      looks++;
      return super.look(offsets, processes);
    }
  }
  await using manager = new Counting("app", { localPath: folder.path });
  const ask = async (): Promise<string[]> => {
    const found = await Promise.all(["task", "other"].map((task) => manager.unforgotten(task)));
    return found.flat().map(({ job }) => job);
  };
  deepStrictEqual(await ask(), ["a", "b"]);
  strictEqual(looks, 1);
  await Deno.writeTextFile(
    `${folder.path}/app/.journal-1`,
    writeLine({ type: "forget", nonce: "n1" }),
    { append: true },
  );
  deepStrictEqual(await ask(), ["b"]);
  strictEqual(looks, 2);
});

Deno.test("LocalLinuxManager waits for the number of a program that has just taken its folder, and for no longer", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/app`, { mode: 0o700 });
  using file = await Deno.open(`${folder.path}/app/.lock`, { write: true, create: true });
  file.lockSync(true);
  let waits = 0;
  const env: Env = {
    ...systemEnv,
    schedule(action) {
      waits++;
      return systemEnv.schedule(action, 0);
    },
  };
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
  await rejects(manager.open(), /: another program does so; wait/);
  ok(waits > 0);
  await using other = new LocalLinuxManager("app", {
    localPath: folder.path,
    env: {
      ...systemEnv,
      schedule(action) {
        file.writeSync(new TextEncoder().encode("4242\n"));
        return systemEnv.schedule(action, 0);
      },
    },
  });
  await rejects(other.open(), /: process 4242 does so; wait/);
});

Deno.test("LocalLinuxManager takes in a job that ended while no program was there", async () => {
  await using folder = await temporaryFolder();
  await leaveJournal(folder.path, [
    writeLine({ type: "boot", boot: BOOT, at: Date.now() - 1e6 }),
    intent,
    "\nrun n1 999999999 (a) b) R 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 .\n",
    "\nexit n1 0 1001.5 .\n",
  ]);
  await Deno.mkdir(`${folder.path}/app/task/a`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/app/task/a/stdout`, "out of before\n");
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done, stdout } = fixture(manager, { template: "echo again" });
  await run(new Pipeline([task]));
  ok((await done.info("a"))!.success);
  strictEqual(await stdout.readText("a"), "out of before\n");
});

Deno.test("LocalLinuxManager says which interpreter was missing of a job that an earlier program has started", async () => {
  await using folder = await temporaryFolder();
  await leaveJournal(folder.path, [
    writeLine({ type: "boot", boot: BOOT, at: Date.now() - 1e6 }),
    writeLine({ ...launch, interpreter: "/opt/é" }),
    "\nexit n1 123 1001.5 .\n",
  ]);
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done } = fixture(manager, { template: "exit 0" });
  await run(new Pipeline([task]));
  const { class: failure, exception } = (await done.info("a"))!;
  strictEqual(failure, "config");
  match(exception!, /its interpreter \/opt\/é is missing/);
});

for (
  const [title, boot, process, reason] of [
    [
      "a process id that is another's by now",
      BOOT,
      `${Deno.pid} (deno) R 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0`,
      /ended from outside/,
    ],
    [
      "a process of before the machine was started anew",
      "00000000-0000-0000-0000-000000000000",
      Deno.readTextFileSync("/proc/self/stat").trim(),
      /started anew/,
    ],
    ["a job that was never started", BOOT, undefined, /never started/],
  ] as const
) {
  Deno.test(`LocalLinuxManager counts ${title} as lost, class infra, and the job runs again`, async () => {
    for (const retries of [0, 1]) {
      await using folder = await temporaryFolder();
      await leaveJournal(folder.path, [
        writeLine({ type: "boot", boot, at: Date.now() - 1e6 }),
        writeLine({ type: "shell", pid: 999_999_999, start: 1 }),
        intent,
        process === undefined ? "" : `\nrun n1 ${process} .\n`,
        "\nexit n1 0", // torn: counts for nothing
      ]);
      await using manager = new LocalLinuxManager("app", { localPath: folder.path });
      const { task, done, stdout } = fixture(manager, {
        template: "echo again",
        retries: { infra: retries },
        backoff: 0.01,
      });
      await run(new Pipeline([task]));
      const record = (await done.info("a"))!;
      if (retries === 0) {
        strictEqual(record.class, "infra");
        match(record.exception!, reason);
      } else {
        ok(record.success);
        strictEqual(await stdout.readText("a"), "again\n");
      }
      ok(isRunning(Deno.pid));
    }
  });
}

Deno.test("LocalLinuxManager takes a job whose whole process group is killed for one that was killed, by whomever", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done } = fixture(manager, { template: "sleep 1000" });
  const running = run(new Pipeline([task]));
  await until(async () => (await task.pids.info("a"))?.pid !== undefined);
  const { process } = (await manager.jobs("task"))[0]!;
  strictEqual(process!.parent, process!.session);
  Deno.kill(-process!.session, "SIGKILL");
  strictEqual((await running).failed, 1);
  const { class: failure, return_code } = (await done.info("a"))!;
  deepStrictEqual([failure, return_code], ["user", 137]);
});

Deno.test("LocalLinuxManager ends what is left of a job whose own process and wrapper were killed", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const pidFile = `${folder.path}/pid`;
  const { task, done } = fixture(manager, { template: `sleep 1000 & echo $! > ${pidFile}; wait` });
  const running = run(new Pipeline([task]));
  const child = async (): Promise<number> =>
    Number(await Deno.readTextFile(pidFile).catch(() => ""));
  await until(async () => await child() > 0 && (await task.pids.info("a"))?.pid !== undefined);
  const { process } = (await manager.jobs("task"))[0]!;
  Deno.kill(process!.parent, "SIGKILL");
  Deno.kill(process!.pid, "SIGKILL");
  strictEqual((await running).failed, 1);
  strictEqual((await done.info("a"))!.class, "infra");
  ok(!isRunning(await child()));
});

Deno.test("JobBook.judge() says nothing of a job that was started after the processes were seen", () => {
  const book = new JobBook();
  const journal = ".journal-1";
  const encoder = new TextEncoder();
  book.read(journal, encoder.encode(writeLine({ type: "boot", boot: "b", at: 0 })));
  book.read(journal, encoder.encode(writeLine({ type: "shell", pid: 10, start: 1 })));
  book.read(journal, encoder.encode(intent));
  const { suspects } = book;
  const shell = { pid: 10, state: "S", parent: 1, group: 10, session: 10, start: 1 };
  const table = { boot: "b", processes: new Map([[10, shell]]) };
  book.read(
    journal,
    encoder.encode("\nrun n1 12 (sh) R 11 10 10 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0 .\n"),
  );
  deepStrictEqual(book.judge(table, suspects), []);
  strictEqual(book.live.length, 1);
  book.judge(table, book.suspects);
  strictEqual(book.live.length, 0);
});

Deno.test("LocalLinuxManager says why a job was not started whose files cannot be opened, or whose folder is gone", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await manager.open();
  for (
    const [damage, reason] of [
      [(path: string) => Deno.mkdir(`${path}/stdout`), /standard input, output or error/],
      [(path: string) => Deno.remove(path, { recursive: true }), /its folder is gone/],
    ] as const
  ) {
    await damage(await manager.prepare("task", "a"));
    const job = await manager.spawn({
      task: "task",
      job: "a",
      attempt: 1,
      started: Date.now(),
      script: "echo",
      environ: { JOB: "a" },
      stdin: false,
      interleaved: false,
    });
    const { code, failure } = await job.ended;
    deepStrictEqual([code, failure?.class], [undefined, "infra"]);
    match(failure!.message, reason);
    await manager.forget(job);
  }
});

Deno.test("LocalLinuxManager goes on with another shell when one was killed, and waits for the job it has lost sight of", async () => {
  await using folder = await temporaryFolder();
  const lost = Promise.withResolvers<void>();
  const env: Env = { ...systemEnv, fault: (at) => at === "shell lost" && lost.resolve() };
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
  const [go, log] = [`${folder.path}/go`, `${folder.path}/log`];
  const { task, done } = fixture(manager, {
    template: `echo start >> ${log}; until [ -e ${go} ]; do sleep 0.01; done; echo stop >> ${log}`,
    maxConcurrent: 1,
    retries: { infra: 1 },
    backoff: 0.01,
  }, { a: 1, b: 2 });
  const running = run(new Pipeline([task]));
  await until(async () => (await task.pids.info("a"))?.pid !== undefined);
  const { process } = (await manager.jobs("task"))[0]!;
  Deno.kill(process!.session, "SIGKILL"); // the job itself goes on
  await lost.promise;
  await Deno.writeTextFile(go, "");
  strictEqual((await running).succeeded, 2);
  strictEqual((await done.info("b"))!.return_code, 0);
  strictEqual(await Deno.readTextFile(log), "start\nstop\n".repeat(3)); // how the first ended nobody knows
});

Deno.test("LocalLinuxManager refuses a folder in which another program starts jobs", async () => {
  await using folder = await temporaryFolder();
  await using first = new LocalLinuxManager("app", { localPath: folder.path });
  await first.open();
  await using second = new LocalLinuxManager("app", { localPath: folder.path });
  const { task } = fixture(second, { template: "echo" });
  await rejects(
    run(new Pipeline([task])),
    (error) => error instanceof StoreError && error.message.includes(`process ${Deno.pid}`),
  );
  await first.close();
  strictEqual((await run(new Pipeline([task]))).succeeded, 1);
});

Deno.test("LocalLinuxManager shows and ends the jobs of another program without its lock", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, done } = fixture(manager, { template: "sleep 1000" });
  const running = run(new Pipeline([task]));
  await until(async () => (await task.pids.info("a"))?.pid !== undefined);
  const other = new LocalLinuxManager("app", { localPath: folder.path });
  const view = fixture(other, { template: "sleep 1000" }).task.pids;
  deepStrictEqual(await view.info("a"), await task.pids.info("a"));
  await view.delete("a");
  await running;
  strictEqual((await done.info("a"))!.class, "cancelled");
  await other.close();
});

Deno.test("S-05: LocalLinuxManager keeps its folder private, and refuses one that is not its own", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/app`;
  await Deno.mkdir(path, { mode: 0o777 });
  {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task } = fixture(manager, { template: "echo" });
    await run(new Pipeline([task]));
    for (const file of [path, `${path}/task/a`, `${path}/.journal-1`]) {
      strictEqual(Deno.statSync(file).mode! & 0o077, 0, file);
    }
  }
  await Deno.symlink(path, `${folder.path}/link`);
  const linked = new LocalLinuxManager("link", { localPath: folder.path });
  await rejects(linked.open(), /symbolic link/);
  if (Deno.uid() === 0) {
    await Deno.chown(path, 12345, 12345);
    await rejects(new LocalLinuxManager("app", { localPath: folder.path }).open(), StoreError);
  }
});

Deno.test("LocalLinuxManager says what is wrong with a folder that cannot be used", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const manager = new LocalLinuxManager("app", { localPath: `${folder.path}/file` });
  await rejects(
    manager.open(),
    (error) => error instanceof StoreError && error.message.startsWith("Cannot use the folder"),
  );
});

Deno.test("LocalLinuxManager gives times that follow each other though the clock is set back", async () => {
  await using folder = await temporaryFolder();
  let now = Date.now();
  const env: Env = { ...systemEnv, now: () => now -= 60_000 };
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
  const { task, done } = fixture(manager, { template: "exit 0" });
  await run(new Pipeline([task], undefined, { env }));
  const { start_time, end_time } = (await done.info("a"))!;
  ok(Date.parse(start_time) <= Date.parse(end_time), `${start_time} ${end_time}`);
});

const HOUR = 3_600_000;

for (
  const [title, before, after] of [
    ["set back while no program is there", [0, 0], -HOUR],
    ["set forward while no program is there", [0, 0], HOUR],
    ["set forward between two jobs", [0, HOUR], HOUR],
    ["set back between two jobs", [0, -HOUR], -HOUR],
  ] as const
) {
  Deno.test(`ProcessTask ends a job that it has taken in when its time is up, though the clock is ${title}`, async () => {
    await using folder = await temporaryFolder();
    const options = { template: "sleep 1000", timeout: 100 };
    {
      let [ahead, later]: readonly number[] = before;
      const env: Env = { ...systemEnv, now: () => Date.now() + ahead! };
      await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
      await manager.open();
      ahead = later;
      await using pipeline = new Pipeline([fixture(manager, options).task], undefined, { env });
      await pipeline.open();
      await pipeline.update();
    }
    const timer = Promise.withResolvers<() => void>();
    const env: Env = {
      ...systemEnv,
      now: () => Date.now() + after,
      schedule(callback, delay) {
        if (delay > 50_000) {
          ok(delay > 60_000 && delay <= 100_000, `${delay}`);
          timer.resolve(callback);
        }
        return systemEnv.schedule(callback, delay);
      },
    };
    await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
    const { task, done } = fixture(manager, options);
    const running = run(new Pipeline([task], undefined, { env }));
    const end = await Promise.race([timer.promise, running]);
    ok(typeof end === "function", "it was ended at once");
    end();
    await running;
    strictEqual((await done.info("a"))!.class, "timeout");
  });
}

Deno.test("LocalLinuxManager keeps its journal short: what nobody needs is gone with the next program", async () => {
  await using folder = await temporaryFolder();
  for (let turn = 0; turn < 3; turn++) {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task } = fixture(manager, { template: "echo" });
    await run(new Pipeline([task]));
  }
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await manager.open();
  const journals = [...Deno.readDirSync(`${folder.path}/app`)].filter(({ name }) =>
    name.startsWith(".journal")
  );
  strictEqual(journals.length, 1);
  ok(Deno.statSync(`${folder.path}/app/${journals[0]!.name}`).size < 100);
});

Deno.test("a full disk is class infra for a job that cannot be started, and no end is lost by it", async (test) => {
  await using folder = await temporaryFolder();
  const mount = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder.path],
    stderr: "null",
  });
  if (Deno.uid() !== 0 || !(await mount.output()).success) {
    await test.step({ name: "needs the right to mount", ignore: true, fn: () => {} });
    return;
  }
  try {
    const manager = new LocalLinuxManager("app", { localPath: folder.path });
    const full = `${folder.path}/full`;
    {
      const { task, done } = fixture(manager, {
        template: `cat /dev/zero > ${full}; exit 7`,
      });
      const running = run(new Pipeline([task]));
      await until(async () => {
        const blocks = await new Deno.Command("df", { args: ["--output=avail", folder.path] })
          .output();
        return /\s0\s*$/.test(new TextDecoder().decode(blocks.stdout));
      });
      await Deno.remove(full);
      await running;
      const { return_code, class: failure } = (await done.info("a"))!;
      deepStrictEqual([return_code, failure], [7, "user"]);
    }
    {
      using file = Deno.openSync(full, { write: true, create: true });
      try {
        for (;;) file.writeSync(new Uint8Array(4096));
      } catch { /* full */ }
    }
    const { task, done } = fixture(manager, { template: `: ${"x".repeat(200_000)}` });
    await run(new Pipeline([task]));
    const record = (await done.info("a"))!;
    strictEqual(record.class, "infra");
    match(record.exception!, /No space left/);
    await Deno.remove(full);
    await manager.close();
  } finally {
    await new Deno.Command("umount", { args: ["-l", folder.path] }).output();
  }
});

Deno.test("startLine() that is cut off does nothing, wherever that is", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/job/cwd`, { recursive: true });
  const journal = `${folder.path}/journal`;
  const line = startLine({
    journal,
    nonce: "n1",
    folder: `${folder.path}/job`,
    stdin: "/dev/null",
    interleaved: false,
    environ: { JOB: "a" },
    command: ["/bin/sh", "-c", "echo 'it''s'; echo x"],
  });
  for (let length = 0; length < line.trimEnd().length; length += 3) {
    const shell = new JobShell(() => {});
    await shell.send(prologue(1));
    await shell.send(line.slice(0, length));
    await shell.close();
  }
  await rejects(Deno.stat(journal), Deno.errors.NotFound);
});
