import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { JobFolders } from "../../executors/job_folders.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { InProcessBlobRepository, Pipeline, run } from "../../mod.ts";
import { fixture, runScript, temporaryFolder } from "./processes.ts";

function foldersOf(path: string): string[] {
  return [...Deno.readDirSync(`${path}/app/task`)].map(({ name }) => name).sort();
}

Deno.test("LocalLinuxManager keeps the latest folders of ended jobs, however many jobs there are", async () => {
  await using folder = await temporaryFolder();
  const localPath = folder.path;
  const jobs = Array.from({ length: 60 }, (_, index) => `job${index + 10}`);
  for (const part of [jobs.slice(0, 30), jobs.slice(30)]) {
    await using manager = new LocalLinuxManager("app", { localPath, keptFolders: 10 });
    const { task } = fixture(
      manager,
      { template: "exit 0" },
      Object.fromEntries(part.map((job) => [job, 0])),
    );
    strictEqual((await run(new Pipeline([task]))).succeeded, 30);
    const left = foldersOf(localPath);
    ok(left.length < 15, left.join(" "));
    ok(left.includes(part.at(-1)!));
  }
  ok(!foldersOf(localPath).includes("job39")); // of the earlier program
});

Deno.test("LocalLinuxManager removes folders that are older than 30 days, and no others", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const old = (Date.now() - 31 * 24 * 3600 * 1000) / 1000;
  for (const name of ["old", "new"]) {
    const path = await manager.prepare("task", name);
    if (name === "old") await Deno.utime(path, old, old);
  }
  await manager.close();
  const { task } = fixture(manager, { template: "exit 0" });
  await run(new Pipeline([task]));
  deepStrictEqual(foldersOf(folder.path), ["a", "new"]);
});

Deno.test("JobFolders removes no folder that is made anew, nor makes one before it is removed", async () => {
  const removal = Promise.withResolvers<void>();
  const removed: string[] = [];
  const folders = new JobFolders(1, {
    now: () => 0,
    list: () => Promise.resolve(new Map([["a", -3], ["b", -2], ["c", -1], ["d", 0]])),
    inUse: () => new Set(["c"]),
    remove: (folder) => {
      removed.push(folder);
      return removal.promise;
    },
  });
  await folders.reuse("b");
  folders.release("d");
  let free = false;
  while (removed.length === 0) await Promise.resolve();
  const reusing = folders.reuse("a").then(() => free = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  strictEqual(free, false);
  removal.resolve();
  await reusing;
  await folders.close();
  deepStrictEqual(removed, ["a"]);
});

Deno.test("ProcessTask removes large files of a settled job that are stored elsewhere, too", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const large = 2 ** 21;
  const stdin = new InProcessBlobRepository();
  await stdin.writeBytes("a", new Uint8Array(large));
  await stdin.writeBytes("b", new Uint8Array(3));
  const { task, stdout } = fixture(manager, { template: "cat; echo err >&2", stdin }, {
    a: 0,
    b: 0,
  });
  await run(new Pipeline([task]));
  const names = (job: string): string[] =>
    [...Deno.readDirSync(manager.folder("task", job))].map(({ name }) => name).sort();
  deepStrictEqual(names("b"), ["cwd", "stderr", "stdin", "stdout"]);
  deepStrictEqual(names("a").filter((name) => name !== "cwd"), ["stderr"]);
  strictEqual((await stdout.readBytes("a")).length, large);
  const log = await new Response(await task.logs("a")).bytes();
  strictEqual(log.length, large + 4);
});

Deno.test("ProcessTask keeps the folder of a job that failed", async () => {
  const { stderr } = await runScript({ template: "echo why >&2; exit 1" });
  strictEqual(stderr, "why\n");
});
