import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { FileRepository, SSHLinuxManager, YamlMetadataFileRepository } from "../../mod.ts";
import { sshServer } from "../servers.ts";
import { temporaryFolder } from "./processes.ts";
import { connect, remoteFolder, remotely } from "./ssh.ts";

const { ignore } = sshServer;
const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

function start(
  folder: string,
  remote: string,
  jobs: number,
  ...fault: string[]
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("ssh_kill_program.ts", import.meta.url).pathname,
      folder,
      remote,
      String(jobs),
      ...fault,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Kills runs, lets one end, and checks that each job has exactly one result, of exactly one run. */
async function check(
  jobs: number,
  kill: (folder: string, remote: string) => Promise<void>,
): Promise<void> {
  await using client = await connect();
  await using remote = await remoteFolder(client);
  await using folder = await temporaryFolder();
  await kill(folder.path, remote.path);
  const { code, stderr } = await start(folder.path, remote.path, jobs).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const done = await new YamlMetadataFileRepository<{ success: boolean }>(`${folder.path}/done`)
    .infoAll();
  const out = new FileRepository(`${folder.path}/out`);
  strictEqual(done.size, jobs);
  const runs = new Map<string, string[]>();
  for (const line of (await remotely(client, `cat ${remote.path}/log`)).trim().split("\n")) {
    const [what, job, pid] = line.split(" ");
    runs.set(job!, [...runs.get(job!) ?? [], `${what} ${pid}`]);
  }
  strictEqual(runs.size, jobs);
  for (const [job, lines] of runs) {
    const pid = lines[0]!.split(" ")[1];
    deepStrictEqual(lines, [`start ${pid}`, `stop ${pid}`], job);
    strictEqual(done.get(job)?.success, true, job);
    strictEqual(await out.readText(job), `${`${job} `.repeat(200)}\n`);
  }
  await using manager = new SSHLinuxManager("app", client, { remotePath: remote.path });
  deepStrictEqual(await manager.jobs("task"), []);
}

for (
  const point of SWEEP ? ["intent", "sent", "ended", "stored", "recorded", "settled"] : ["sent"]
) {
  Deno.test({
    name:
      `SSHLinuxManager loses nothing and runs nothing twice when its program is killed at "${point}"`,
    ignore,
    async fn() {
      for (const nth of SWEEP ? [1, 2, 3, 5, 8] : [2]) {
        await check(16, async (folder, remote) => {
          const { signal } = await start(folder, remote, 16, point, String(nth)).output();
          strictEqual(signal, "SIGKILL");
        });
      }
    },
  });
}

Deno.test({
  name: "SSHLinuxManager loses nothing and runs nothing twice when its program is killed at random",
  ignore,
  async fn() {
    const jobs = SWEEP ? 200 : 30;
    for (let round = 0; round < (SWEEP ? 30 : 1); round++) {
      await check(jobs, async (folder, remote) => {
        for (let kills = 0; kills < (SWEEP ? 5 : 2); kills++) {
          const process = start(folder, remote, jobs);
          const output = process.output();
          const timer = setTimeout(
            () => process.kill("SIGKILL"),
            300 + Math.random() * (SWEEP ? 4000 : 1000),
          );
          await output;
          clearTimeout(timer);
        }
      });
    }
  },
});
