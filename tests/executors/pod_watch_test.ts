import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { KubernetesClient, Pod, PodChange } from "@datatask/datatask";
import { podMarks } from "../../executors/pod_names.ts";
import { PodRequests } from "../../executors/pod_requests.ts";
import { PodWatch } from "../../executors/pod_watch.ts";
import { FakeEnv } from "../lib/engine/fake_env.ts";

/** Five minutes, after which no watch is trusted any more. */
const RESYNC = 300_000;
/** After so many milliseconds servers say that a watch is well. */
const MINUTE = 60_000;

async function podOf(job: string, version = 1): Promise<Pod> {
  const identity = { app: "app", task: "task", job, attempt: 1, started: 0, nonce: job };
  return {
    metadata: {
      name: `pod-${job}`,
      uid: `uid-${job}`,
      resourceVersion: `${version}`,
      ...await podMarks(identity),
    },
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error("nobody is to ask for this"));
}

/** A cluster whose watches tell nothing but what a test pushes, and whose listings come in pages. */
class FakeCluster {
  pods: Pod[] = [];
  /** The listings, by where each begins. */
  readonly lists: (string | undefined)[] = [];
  /** Called with each of them, before it is answered. */
  onList: () => void = () => {};
  readonly #env: FakeEnv;
  #push: ((change: PodChange) => void) | undefined;

  constructor(env: FakeEnv) {
    this.#env = env;
  }

  readonly client: KubernetesClient = {
    createNamespacedPod: refuse,
    readNamespacedPod: refuse,
    patchNamespacedPod: refuse,
    deleteNamespacedPod: refuse,
    listNamespacedEvent: refuse,
    streamNamespacedPodLog: refuse,
    listNamespacedPod: ({ limit = Infinity, _continue }) => {
      this.lists.push(_continue);
      try {
        this.onList();
      } catch (error) {
        return Promise.reject(error);
      }
      const from = Number(_continue ?? 0);
      const next = from + limit < this.pods.length ? `${from + limit}` : undefined;
      return Promise.resolve({
        items: this.pods.slice(from, from + limit),
        metadata: { resourceVersion: "1", _continue: next },
      });
    },
    watchNamespacedPod: ({ timeoutSeconds }, signal) => this.#watch(timeoutSeconds ?? 0, signal),
  };

  /** Tells of a change, in the watch that is open. */
  tell(change: PodChange): void {
    this.#push?.(change);
  }

  async *#watch(seconds: number, signal: AbortSignal): AsyncGenerator<PodChange, void, undefined> {
    const changes: PodChange[] = [];
    let wake = Promise.withResolvers<void>();
    let over = false;
    using _ = this.#env.schedule(() => {
      over = true;
      wake.resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", () => wake.resolve());
    this.#push = (change) => {
      changes.push(change);
      wake.resolve();
    };
    for (; !signal.aborted && !over; wake = Promise.withResolvers()) {
      for (let change; (change = changes.shift()) !== undefined;) yield change;
      await wake.promise;
    }
    signal.throwIfAborted();
  }
}

interface Fixture {
  readonly env: FakeEnv;
  readonly cluster: FakeCluster;
  readonly watch: PodWatch;
  /** What was told, each time a job and whether its pod is gone. */
  readonly told: string[];
}

function fixture(): Fixture {
  const env = new FakeEnv();
  const cluster = new FakeCluster(env);
  const told: string[] = [];
  const watch = new PodWatch({
    app: "app",
    label: "app",
    namespace: "default",
    client: () => Promise.resolve(cluster.client),
    requests: new PodRequests("default", 50, env),
    env,
    onChange: ({ metadata }, before, gone) =>
      told.push(`${metadata?.name} ${gone ? "gone" : before === undefined ? "new" : "changed"}`),
  });
  return { env, cluster, watch, told };
}

Deno.test("PodWatch learns, each time that it lists all again, of changes that no watch told", async () => {
  const { env, cluster, watch, told } = fixture();
  cluster.pods = [await podOf("a"), await podOf("b"), await podOf("c")];
  await env.until(watch.start());
  deepStrictEqual(told.splice(0), ["pod-a new", "pod-b new", "pod-c new"]);
  cluster.pods = [await podOf("a"), await podOf("b", 2), await podOf("d")]; // nobody says so
  for (let minute = 1; minute < RESYNC / MINUTE; minute++) {
    await env.advance(MINUTE);
    cluster.tell({ type: "BOOKMARK", object: {} }); // the watch is well, as far as it can be seen
  }
  deepStrictEqual([told, cluster.lists.length], [[], 1]);
  await env.advance(MINUTE + 1_000);
  deepStrictEqual(told.splice(0).sort(), [
    "pod-a changed",
    "pod-b changed",
    "pod-c gone",
    "pod-d new",
  ]);
  strictEqual(cluster.lists.length, 2);
  strictEqual(watch.get("pod-b")?.metadata?.resourceVersion, "2");
  strictEqual(watch.get("pod-c"), undefined);
  cluster.tell({ type: "DELETED", object: await podOf("d", 3) });
  await env.advance(0);
  deepStrictEqual(told, ["pod-d changed", "pod-d gone"]);
  await env.until(watch.stop());
  strictEqual(env.timers, 0);
});

Deno.test("PodWatch lists many pods in pages, and from the beginning when a page has expired", async () => {
  const { env, cluster, watch, told } = fixture();
  cluster.pods = await Promise.all(Array.from({ length: 1201 }, (_, i) => podOf(`${i}`)));
  deepStrictEqual((await env.until(watch.pods())).length, 1201);
  deepStrictEqual(cluster.lists.splice(0), [undefined, "500", "1000"]);
  strictEqual(told.splice(0).length, 1201);
  cluster.onList = () => {
    if (cluster.lists.length !== 2) return;
    cluster.pods = cluster.pods.slice(0, 600); // the others are gone meanwhile
    throw Object.assign(new Error("expired"), { code: 410 });
  };
  strictEqual((await env.until(watch.pods())).length, 600);
  deepStrictEqual(cluster.lists.splice(0), [undefined, "500", undefined, "500"]);
  strictEqual(told.filter((line) => line.endsWith("gone")).length, 601);
  cluster.onList = () => {
    throw Object.assign(new Error("expired"), { code: 410 });
  };
  await rejects(env.until(watch.pods()), /Cannot list pods: expired/);
  strictEqual(cluster.lists.length, 5);
});
