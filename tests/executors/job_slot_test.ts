import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { Orphans } from "../../executors/orphans.ts";
import { Pipeline, ResourceManager, Resources, run } from "../../mod.ts";
import { fixture, isRunning, runScript, temporaryFolder, until } from "./processes.ts";

function numbered(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`job${index}`, index]));
}

Deno.test("ProcessTask ends what a script leaves behind that ignores TERM, and keeps the script's code", async () => {
  await using folder = await temporaryFolder();
  const pidFile = `${folder.path}/pid`;
  const { record } = await runScript({
    template: `(trap '' TERM; while :; do sleep 1000; done) & echo $! > ${pidFile}; exit 3`,
  });
  deepStrictEqual([record.return_code, record.class], [3, "user"]);
  const left = Number(await Deno.readTextFile(pidFile));
  await until(() => !isRunning(left)); // the system ends it a moment after it was told to
});

for (
  const [title, template] of [
    ["holds none of the files that it was given", "exec 9>&-; sleep 1000 9>&- & echo $!"],
    [
      "was started when the script used any number for a file",
      "exec 9> ../lock; sleep 1000 & echo $!",
    ],
    [
      "ignores TERM and holds no file",
      "sh -c \"trap '' TERM; while :; do sleep 1000; done\" 9>&- > ../left 2>&1 & echo $!",
    ],
    ["is not its child", "(sleep 1000 & echo $!) 9>&-"],
  ] as const
) {
  Deno.test(`ProcessTask ends what a script leaves running in its process group that ${title}`, async () => {
    const { record, output } = await runScript({ template });
    ok(record.success);
    await until(() => !isRunning(Number(output))); // the system ends it a moment after it was told to
  });
}

Deno.test("ProcessTask takes no job for ended, and runs none beside it, while what it has left takes its time to end", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const log = `${folder.path}/log`;
  const { task } = fixture(manager, {
    template: `case $JOB in
a) sh -c "trap 'sleep 0.3; echo left >> ${log}; exit' TERM; : > ../ready; while :; do sleep 0.01; done" &
   until [ -e ../ready ]; do sleep 0.01; done ;;
b) echo next >> ${log} ;;
esac`,
    maxConcurrent: 1,
  }, { a: 1, b: 2 });
  strictEqual((await run(new Pipeline([task]))).succeeded, 2);
  strictEqual(await Deno.readTextFile(log), "left\nnext\n");
});

Deno.test("what a job leaves that ends when no program is there is ended as well, after the grace time", async () => {
  await using folder = await temporaryFolder();
  const [go, pidFile] = [`${folder.path}/go`, `${folder.path}/pid`];
  let shell = 0;
  {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path, grace: 0.3 });
    const { task } = fixture(manager, {
      template: `sh -c "trap '' TERM; while :; do sleep 1000; done" & echo $! > ${pidFile}
until [ -e ${go} ]; do sleep 0.01; done`,
    });
    await using pipeline = new Pipeline([task]);
    await pipeline.open();
    await pipeline.update();
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    shell = (await manager.jobs("task"))[0]!.process!.session;
  }
  await Deno.writeTextFile(go, "");
  await until(() => !isRunning(shell));
  const left = Number(await Deno.readTextFile(pidFile));
  await until(() => !isRunning(left));
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task } = fixture(manager, { template: "exit 1" });
  strictEqual((await run(new Pipeline([task]))).succeeded, 1);
});

Deno.test("Orphans tells from one short list what is left in a group, and looks at all where there is none", () => {
  const groups = new Map([[10, 10], [20, 20], [5, 5], [7, 10], [8, 20]]);
  let children: string | undefined = "5 10 20 ";
  let looks = 0;
  const orphans = new Orphans({
    children: () => children === undefined ? undefined : new TextEncoder().encode(children),
    group: (pid) => {
      looks++;
      return groups.get(pid);
    },
    all: () => [...groups.keys()],
  });
  const slots = new Set([10, 20]);
  strictEqual(orphans.isLeft(10, slots), false);
  const first = looks;
  strictEqual(orphans.isLeft(20, slots), false);
  strictEqual(looks, first); // nothing new is there
  children = "5 10 20 8 ";
  strictEqual(orphans.isLeft(10, slots), false);
  strictEqual(orphans.isLeft(20, slots), true);
  children = "5 10 20 ";
  strictEqual(orphans.isLeft(20, slots), false);
  children = "5 10 7 20 ";
  strictEqual(orphans.isLeft(10, slots), true);
  children = undefined;
  strictEqual(orphans.isLeft(10, slots), true);
  groups.delete(7);
  strictEqual(orphans.isLeft(10, slots), false);
});

for (
  const how of [
    "kill -s KILL 0",
    "exec 9>&-; sleep 1000 & kill -s KILL 0",
    "#!/bin/bash\nkill -9 0",
  ]
) {
  Deno.test(`ProcessTask takes a script that kills its own group for its own doing: ${JSON.stringify(how)}`, async () => {
    await using folder = await temporaryFolder();
    const log = `${folder.path}/log`;
    const { record } = await runScript({
      template: how.replace(/(?=exec|kill)/, `echo run >> ${log}; `),
      retries: {},
      backoff: 0.01,
    });
    deepStrictEqual([record.return_code, record.class, record.attempts], [137, "user", 1]);
    strictEqual(await Deno.readTextFile(log), "run\n");
  });
}

Deno.test("ProcessTask takes a job for ended that has left a process in a session of its own", async () => {
  await using folder = await temporaryFolder();
  const pidFile = `${folder.path}/pid`;
  const daemon = async (): Promise<number> =>
    Number(await Deno.readTextFile(pidFile).catch(() => ""));
  const { record } = await runScript({
    template: `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 1000' & ` +
      `until [ -s ${pidFile} ]; do sleep 0.01; done; kill -s USR1 $$`,
  });
  strictEqual(record.return_code, 128 + 10);
  ok(isRunning(await daemon()));
  Deno.kill(await daemon(), "SIGKILL");
});

Deno.test("ProcessTask does not wait for what a script has put into a group of its own", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, grace: 1000 });
  const { task, stdout } = fixture(manager, {
    template: "#!/bin/bash\nset -m\nsleep 1000 > /dev/null 2>&1 &\necho $!\n",
  });
  strictEqual((await run(new Pipeline([task]))).succeeded, 1);
  const left = Number(await stdout.readText("a"));
  ok(isRunning(left));
  Deno.kill(left, "SIGKILL");
});

Deno.test("ProcessTask runs jobs one after the other in the same session, and each as a process of its own", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, stdout } = fixture(manager, {
    template: "trap 'exit 7' TERM; X=1$X; echo $$ $X; ps -o sid= -o pgid= -p $$",
    maxConcurrent: 1,
  }, numbered(5));
  strictEqual((await run(new Pipeline([task]))).succeeded, 5);
  const outputs: string[][] = [];
  for (const job of Object.keys(numbered(5))) {
    outputs.push((await stdout.readText(job)).trim().split(/\s+/));
  }
  strictEqual(new Set(outputs.map(([pid]) => pid)).size, 5);
  deepStrictEqual(outputs.map(([, x]) => x), Array(5).fill("1"));
  const sessions = new Set(outputs.flatMap(([, , session, group]) => [session, group]));
  strictEqual(sessions.size, 1);
});

Deno.test("LocalLinuxManager runs as many jobs at the same time as it is told to", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const all = `${folder.path}/all`;
  const { task } = fixture(manager, {
    template: `echo x >> ${all}; until [ "$(wc -l < ${all})" = 40 ]; do sleep 0.01; done; exit 0`,
    resources: new ResourceManager(Resources.parse(40, 1)),
  }, numbered(40));
  strictEqual((await run(new Pipeline([task]))).succeeded, 40);
});

Deno.test("AbstractProcessManager.cancel() never hits another job, whoever calls it and whenever", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const count = Deno.env.get("DATATASK_SWEEP") === "1" ? 2000 : 100;
  const { task, done } = fixture(manager, {
    template: "sleep 0.00{{ input % 10 }}",
    resources: new ResourceManager(Resources.parse(4, 1)),
  }, numbered(count));
  let over = false;
  const running = run(new Pipeline([task])).finally(() => over = true);
  const other = new LocalLinuxManager("app", { localPath: folder.path });
  for (let turn = 0; !over; turn++) {
    for (const { job } of await other.running("task")) {
      if (Number(job.slice(3)) % 2 === 0) {
        await (turn % 2 === 0 ? other : manager).cancel("task", job);
      }
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  const { succeeded, failed } = await running;
  strictEqual(succeeded + failed, count);
  for (const [job, record] of await done.infoAll()) {
    const { success, class: failure } = record!;
    if (Number(job.slice(3)) % 2 === 1) ok(success, `${job} ${failure}`);
    else ok(success || failure === "cancelled", `${job} ${failure}`);
  }
});

Deno.test("LocalLinuxManager leaves no shell behind", async () => {
  await using folder = await temporaryFolder();
  const pids: number[] = [];
  {
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task } = fixture(manager, { template: "exit 0" }, numbered(8));
    await run(new Pipeline([task]));
    const journal = await Deno.readTextFile(`${manager.basedir}/.journal-1`);
    for (const [, pid] of journal.matchAll(/^shell (\d+) /gm)) pids.push(Number(pid));
  }
  ok(pids.length > 0);
  await until(() => !pids.some(isRunning));
});

Deno.test("LocalLinuxManager starts a job in another way when no shell can be started for it alone", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await Deno.mkdir(`${folder.path}/bin`);
  const setsid = new TextDecoder().decode(
    (await new Deno.Command("sh", { args: ["-c", "command -v setsid"] }).output()).stdout,
  ).trim();
  // Works only where a shell is not what it is told to start.
  await Deno.writeTextFile(
    `${folder.path}/bin/setsid`,
    `#!/bin/sh\n[ "$#" = 1 ] && exit 1\nexec ${setsid} "$@"\n`,
    { mode: 0o755 },
  );
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", `${folder.path}/bin:${path}`);
  try {
    const { task, done } = fixture(manager, { template: "exit 4" }, numbered(3));
    strictEqual((await run(new Pipeline([task]))).failed, 3);
    for (const [, record] of await done.infoAll()) strictEqual(record!.return_code, 4);
  } finally {
    Deno.env.set("PATH", path);
  }
});
