import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { JobFolders, type KeptFolder } from "../../executors/job_folders.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { InProcessBlobRepository, Pipeline, type ProcessTaskOptions, run } from "../../mod.ts";
import { fixture, runScript, temporaryFolder } from "./processes.ts";

function foldersOf(path: string): string[] {
  return [...Deno.readDirSync(`${path}/app/task`)].map(({ name }) => name).sort();
}

function listed(
  folders: Readonly<Record<string, number>>,
  failed: readonly string[] = [],
): Map<string, KeptFolder> {
  return new Map(
    Object.entries(folders).map((
      [name, since],
    ) => [name, { since, failed: failed.includes(name) }]),
  );
}

/** Runs 30 jobs each by two programs, one after the other, which keep ten folders: what each has left. */
async function* afterPrograms(options: ProcessTaskOptions): AsyncGenerator<
  {
    readonly succeeded: number;
    readonly jobs: readonly string[];
    readonly left: readonly string[];
  },
  void,
  undefined
> {
  await using folder = await temporaryFolder();
  const localPath = folder.path;
  const all = Array.from({ length: 60 }, (_, index) => `job${index + 10}`);
  for (const jobs of [all.slice(0, 30), all.slice(30)]) {
    await using manager = new LocalLinuxManager("app", { localPath, keptFolders: 10 });
    const { task } = fixture(manager, options, Object.fromEntries(jobs.map((job) => [job, 0])));
    const { succeeded } = await run(new Pipeline([task]));
    const left = foldersOf(localPath);
    ok(left.length < 15, left.join(" "));
    yield { succeeded, jobs, left };
  }
}

Deno.test("LocalLinuxManager keeps folders of jobs that failed longer, also those of an earlier program", async () => {
  const options = { template: "case $JOB in job1[1-3]) exit 1 ;; esac", maxConcurrent: 1 };
  for await (const { left } of afterPrograms(options)) {
    deepStrictEqual(left.slice(0, 3), ["job11", "job12", "job13"]);
  }
});

Deno.test("JobFolders removes folders of jobs that failed first when they are more than half of all", async () => {
  const removed: string[] = [];
  const folders = new JobFolders(4, {
    now: () => 0,
    list: () =>
      Promise.resolve(listed({ a: -9, b: -8, c: -7, d: -6, e: -5, f: -4 }, ["b", "c", "d", "e"])),
    inUse: () => new Set(),
    remove: (folder) => {
      removed.push(folder);
      return Promise.resolve();
    },
  });
  folders.release("g", false);
  await folders.close();
  deepStrictEqual(removed, ["b", "a", "c"]);
});

Deno.test("LocalLinuxManager keeps the latest folders of ended jobs, however many jobs there are", async () => {
  let last: readonly string[] = [];
  for await (const { succeeded, jobs, left } of afterPrograms({ template: "exit 0" })) {
    strictEqual(succeeded, 30);
    ok(left.includes(jobs.at(-1)!));
    last = left;
  }
  ok(!last.includes("job39")); // of the earlier program
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
    list: () => Promise.resolve(listed({ a: -3, b: -2, c: -1, d: 0 })),
    inUse: () => new Set(["c"]),
    remove: (folder) => {
      removed.push(folder);
      return removal.promise;
    },
  });
  await folders.reuse("b");
  folders.release("d", false);
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
