import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { ProcessTask } from "../../executors/process_task.ts";
import { sshClient } from "../../executors/ssh_client.ts";
import { SSHLinuxManager } from "../../executors/ssh_linux_manager.ts";
import { InProcessMetadataRepository, Pipeline, run } from "../../mod.ts";
import { temporaryFolder } from "./processes.ts";

/** A port at which nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

Deno.test("a machine that cannot be reached by SSH keeps no task of another machine from running", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/known_hosts`, "");
  await using client = await sshClient({
    host: "127.0.0.1",
    port: closedPort(),
    username: "nobody",
    knownHosts: `${folder.path}/known_hosts`,
    configFile: "/dev/null",
    agent: "",
  });
  await using here = new LocalLinuxManager("app", { localPath: folder.path });
  const input = new InProcessMetadataRepository(new Map([["a", 1]]));
  // With its account elsewhere, nothing but the machine itself could say what still runs.
  const pids = new InProcessMetadataRepository<
    { pid: number | undefined; start_time: string } | undefined
  >();
  const tasks = [
    { name: "there", manager: new SSHLinuxManager("app", client, { remotePath: "/tmp/none" }) },
    {
      name: "apart",
      manager: new SSHLinuxManager("app", client, { remotePath: "/tmp/none" }),
      pids,
    },
    { name: "here", manager: here },
  ].map(({ name, ...options }) =>
    new ProcessTask(name, new InProcessMetadataRepository(), { template: "true", ...options })
      .link("input", input, { isInput: true })
  );
  const report = await run(new Pipeline(tasks));
  deepStrictEqual([report.succeeded, report.failed, report.running], [1, 0, 0]);
  strictEqual(await tasks[2]!.done.contains("a"), true);
  const [unreachable, ...others] = report.unreachable;
  strictEqual(unreachable?.repository, tasks[0]!.pids, "the same outage is told once");
  match(String(unreachable?.error), /Cannot reach nobody@127\.0\.0\.1/);
  deepStrictEqual(others, []);
});
