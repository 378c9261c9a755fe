import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { FileRepository, type PodRecord, YamlMetadataFileRepository } from "@datatask/datatask";
import { identityOf } from "../../executors/pod_names.ts";
import { kubeServer } from "../servers.ts";
import { Namespace, playKubelet } from "./kube.ts";
import { temporaryFolder } from "./processes.ts";

const { ignore } = kubeServer;
const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

function start(
  folder: string,
  namespace: Namespace,
  jobs: number,
  real: boolean,
): Deno.ChildProcess {
  const { server, caData } = namespace.admin.cluster;
  const program = new URL("kube_kill_program.ts", import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, folder, namespace.name, `${jobs}`, real ? "real" : ""],
    env: { SERVER: server, CA: caData, TOKEN: namespace.token },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/**
 * Kills a run at random moments until it ends by itself, and checks that each job has one result, of one pod, and that
 * none is left.
 */
async function checkKills(jobs: number, kills: number, real: boolean): Promise<void> {
  await using namespace = await Namespace.make();
  await using folder = await temporaryFolder();
  const made = new Map<string, Set<string>>();
  let events = 0;
  let fatal = Infinity;
  let kill = (): void => {};
  const watching = new AbortController();
  const watched = (async () => {
    for (let version = "0"; !watching.signal.aborted;) {
      const changes = namespace.client.watchNamespacedPod({
        namespace: namespace.name,
        labelSelector: "datatask/app=kill",
        resourceVersion: version,
        allowWatchBookmarks: true,
        timeoutSeconds: 3600,
      }, watching.signal);
      try {
        for await (const change of changes) {
          if (change.type === "ERROR") throw new Error(change.object.message);
          version = change.object.metadata?.resourceVersion ?? version;
          if (++events >= fatal) kill();
          if (change.type !== "ADDED") continue;
          const job = identityOf(change.object)?.job ?? "";
          made.set(job, (made.get(job) ?? new Set()).add(change.object.metadata?.uid ?? ""));
        }
      } catch {
        // It goes on from where it was.
      }
    }
  })();
  const stop = new AbortController();
  const kubelet = real ? undefined : playKubelet(namespace, stop.signal);
  let killed = 0;
  for (;;) {
    const process = start(folder.path, namespace, jobs, real);
    const output = process.output();
    // So many events from now on.
    fatal = killed < kills ? events + 1 + Math.floor(Math.random() * 3 * jobs / kills) : Infinity;
    kill = () => {
      fatal = Infinity;
      setTimeout(() => {
        try {
          process.kill("SIGKILL");
        } catch {
          // It has ended.
        }
      }, Math.random() * 50);
    };
    const { signal, success, stderr } = await output;
    if (signal !== "SIGKILL") {
      ok(success, new TextDecoder().decode(stderr));
      break;
    }
    killed++;
  }
  ok(killed > 0);
  stop.abort();
  await kubelet;
  deepStrictEqual(await namespace.pods(), []);
  watching.abort();
  await watched;
  const done = await new YamlMetadataFileRepository<PodRecord>(`${folder.path}/done`).infoAll();
  const logs = new FileRepository(`${folder.path}/logs`);
  deepStrictEqual([done.size, made.size], [jobs, jobs]);
  for (const [job, record] of done) {
    strictEqual(record?.success, true, job);
    strictEqual(made.get(job)?.size, 1, job); // one pod only
    if (real) strictEqual((await logs.readText(job)).split(" ")[0], job);
  }
}

Deno.test(
  "A-11: a scheduler that is killed at random moments loses no pod, makes none twice and leaves none",
  { ignore },
  async () => {
    await checkKills(SWEEP ? 500 : 40, SWEEP ? 25 : 2, false);
  },
);

Deno.test("A-11: likewise with pods that run", {
  ignore: ignore || kubeServer.variables.mode !== "full",
}, async () => {
  await checkKills(SWEEP ? 50 : 6, SWEEP ? 15 : 2, true);
});
