import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  InProcessMetadataRepository,
  KubeTask,
  Pipeline,
  PodManager,
  type PodRecord,
  run,
} from "@datatask/datatask";
import { identityOf } from "../../executors/pod_names.ts";
import { kubeServer } from "../servers.ts";
import { Namespace, setStatus, UNSCHEDULED } from "./kube.ts";

const SCRIPT = new URL("../../scripts/servers/kube", import.meta.url).pathname;

/** An API server that a test has to itself, to stop it. */
class OwnApiServer implements AsyncDisposable {
  readonly #state: string;

  private constructor(state: string) {
    this.#state = state;
  }

  static async start(): Promise<OwnApiServer> {
    const server = new OwnApiServer(await Deno.makeTempDir({ prefix: "datatask-kube-" }));
    await server.call("up", "api");
    return server;
  }

  get config(): string {
    return `${this.#state}/kube/kubeconfig`;
  }

  async call(...args: string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command(SCRIPT, {
      args,
      env: { DATATASK_SERVERS_STATE: this.#state },
    }).output();
    if (!success) throw new Error(`kube ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.call("down");
    await Deno.remove(this.#state, { recursive: true });
  }
}

Deno.test("KubeTask goes on when the API server is stopped and started again while it watches", {
  ignore: kubeServer.ignore,
}, async () => {
  await using server = await OwnApiServer.start();
  await using namespace = await Namespace.make({ config: server.config, mode: "api" });
  const jobs = Array.from({ length: 12 }, (_, i) => `job${i}`);
  const done = new InProcessMetadataRepository<PodRecord>();
  const input = new InProcessMetadataRepository(new Map(jobs.map((job) => [job, job])));
  const manager = new PodManager("app", namespace.name, namespace.client);
  const task = new KubeTask("task", manager, done, {
    template: () => UNSCHEDULED,
    maxConcurrent: 4,
  })
    .link("input", input, { isInput: true });
  const running = run(new Pipeline([task]));
  const uids = new Set<string>();
  /** Lets the pods succeed that are there, until so many jobs are recorded. */
  const succeed = (count: number): Promise<true> =>
    namespace.until(async () => {
      for (const pod of await namespace.pods()) {
        uids.add(`${identityOf(pod)?.job} ${pod.metadata?.uid}`);
        if (pod.status?.phase === "Pending") {
          await setStatus(namespace, pod, { phase: "Succeeded" }).catch(() => {}); // it may be gone
        }
      }
      return done.data.size >= count;
    });
  for (const count of [4, 8]) {
    await succeed(count);
    await server.call("stop", "apiserver");
    await server.call("start", "apiserver");
  }
  await succeed(12);
  const { succeeded, failed } = await running;
  deepStrictEqual([succeeded, failed, uids.size], [12, 0, 12]); // one pod a job
  await namespace.until(async () => (await namespace.pods()).length === 0);
  ok(manager.requestCount < 12 * 3 + 60, `${manager.requestCount} requests`);
  strictEqual((await task.waiting()).size, 0);
});
