import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { FileRepository, YamlMetadataFileRepository } from "../../mod.ts";
import { temporaryFolder } from "./processes.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

function start(folder: string, jobs: number, ...fault: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("kill_program.ts", import.meta.url).pathname,
      folder,
      String(jobs),
      ...fault,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The processes that work in a folder. */
function processesIn(folder: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Deno.readLinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false; // it has ended
    }
  });
}

/** Lets a run end, and checks that each job has exactly one result, of exactly one run, and that nothing is left. */
async function checkWhole(folder: string, jobs: number): Promise<void> {
  const { code, stderr } = await start(folder, jobs).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const done = await new YamlMetadataFileRepository<{ success: boolean }>(`${folder}/done`)
    .infoAll();
  const out = new FileRepository(`${folder}/out`);
  strictEqual(done.size, jobs);
  const runs = new Map<string, string[]>();
  for (const line of (await Deno.readTextFile(`${folder}/log`)).trim().split("\n")) {
    const [what, job, pid] = line.split(" ");
    runs.set(job!, [...runs.get(job!) ?? [], `${what} ${pid}`]);
  }
  deepStrictEqual(processesIn(folder), []);
  strictEqual(runs.size, jobs);
  for (const [job, lines] of runs) {
    const pid = lines[0]!.split(" ")[1];
    deepStrictEqual(lines, [`start ${pid}`, `stop ${pid}`], job);
    deepStrictEqual(done.get(job)?.success, true, job);
    strictEqual(await out.readText(job), `${`${job} `.repeat(200)}\n`);
  }
  await using manager = new LocalLinuxManager("app", { localPath: folder });
  deepStrictEqual(await manager.jobs("task"), []);
}

Deno.test("Of two schedulers that are started by mistake on the same state, one refuses, and nothing runs twice", async () => {
  await using folder = await temporaryFolder();
  const outputs = await Promise.all([1, 2].map(() => start(folder.path, 40).output()));
  deepStrictEqual(outputs.map(({ success }) => success).sort(), [false, true]);
  const refused = new TextDecoder().decode(outputs.find(({ success }) => !success)!.stderr);
  match(
    refused,
    /StoreError: Cannot start jobs in .*: process \d+ does so; wait until it has ended/,
  );
  await checkWhole(folder.path, 40);
});

for (const point of ["intent", "sent", "ended", "stored", "recorded", "settled"]) {
  Deno.test(`A-11: a scheduler that is killed when it has reached "${point}" loses nothing and runs nothing twice`, async () => {
    for (const nth of SWEEP ? [1, 2, 3, 5, 8, 13] : [2]) {
      await using folder = await temporaryFolder();
      const { signal, stderr } = await start(folder.path, 20, point, String(nth)).output();
      strictEqual(signal, "SIGKILL", new TextDecoder().decode(stderr));
      await checkWhole(folder.path, 20);
    }
  });
}

Deno.test("A-11: a scheduler that is killed at random moments loses nothing and runs nothing twice", async () => {
  const jobs = SWEEP ? 200 : 60;
  let kills = 0;
  while (kills < (SWEEP ? 300 : 3)) {
    await using folder = await temporaryFolder();
    const began = performance.now();
    await start(folder.path, jobs).output();
    const duration = performance.now() - began;
    await Deno.remove(folder.path, { recursive: true });
    await Deno.mkdir(folder.path);
    for (let ended = false; !ended;) {
      const process = start(folder.path, jobs);
      const output = process.output();
      const timer = setTimeout(() => process.kill("SIGKILL"), Math.random() * duration);
      ended = (await output).signal !== "SIGKILL";
      clearTimeout(timer);
      if (!ended) kills++;
    }
    await checkWhole(folder.path, jobs);
  }
});
