import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type KubernetesClient, type Pod, PodManager } from "@datatask/datatask";
import { podMarks } from "../../executors/pod_names.ts";
import { PodTracker } from "../../executors/pod_tracker.ts";

const pod: Pod = {
  metadata: {
    name: "pod",
    uid: "uid",
    ...await podMarks({ app: "app", task: "task", job: "a", attempt: 1, started: 0, nonce: "a" }),
  },
};

function refuse(): Promise<never> {
  return Promise.reject(new Error("nobody is to ask for this"));
}

/** A cluster with one pod, of which it writes down what is done to it. */
class FakeCluster {
  readonly calls: string[] = [];

  readonly client: KubernetesClient = {
    createNamespacedPod: refuse,
    readNamespacedPod: refuse,
    listNamespacedEvent: refuse,
    streamNamespacedPodLog: refuse,
    patchNamespacedPod: () => this.#answer("patch", pod),
    deleteNamespacedPod: () => this.#answer("delete", {}),
    listNamespacedPod: () =>
      this.#answer("list", { items: [pod], metadata: { resourceVersion: "1" } }),
    watchNamespacedPod: (_request, signal) => this.#watch(signal),
  };

  #answer<T>(call: string, answer: T): Promise<T> {
    this.calls.push(call);
    return Promise.resolve(answer);
  }

  // deno-lint-ignore require-yield
  async *#watch(signal: AbortSignal): AsyncGenerator<never, void, undefined> {
    this.calls.push("watch");
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    await promise;
    signal.throwIfAborted();
  }
}

Deno.test("PodManager follows no pods that are let go the moment after they are acquired", async () => {
  const cluster = new FakeCluster();
  const manager = new PodManager("app", "default", cluster.client);
  const user = {};
  await Promise.all([manager.acquire(user), manager.release(user)]);
  deepStrictEqual(cluster.calls, ["list"]);
});

Deno.test("PodManager follows the pods again for one who acquires them while another lets them go", async () => {
  const cluster = new FakeCluster();
  await using manager = new PodManager("app", "default", cluster.client);
  const first = {};
  await manager.acquire(first);
  await Promise.all([manager.release(first), manager.acquire({})]);
  deepStrictEqual(await manager.query(), [pod]); // they are followed, and so not listed again
  deepStrictEqual(cluster.calls.filter((call) => call === "list"), ["list", "list"]);
});

Deno.test("PodManager has sent nothing before it is asked for something, and closes all the same", async () => {
  const cluster = new FakeCluster();
  const manager = new PodManager("app", "default", cluster.client);
  strictEqual(manager.requestCount, 0);
  await manager.close();
  deepStrictEqual(cluster.calls, []);
  deepStrictEqual(await manager.query(), [pod]);
  strictEqual(manager.requestCount, 1);
});

Deno.test("PodManager ends pods by its own method of deleting them, which another class can override", async () => {
  const cluster = new FakeCluster();
  class Careful extends PodManager {
    override async delete(pod: Pod): Promise<void> {
      cluster.calls.push("careful");
      await super.delete(pod);
    }
  }
  const manager = new Careful("app", "default", cluster.client);
  strictEqual(await manager.end(pod, "cancelled"), true);
  deepStrictEqual(cluster.calls, ["patch", "careful", "delete"]);
});

for (
  const [title, seconds, calls] of [
    ["is to go at once, and whose deletion was cut short", 0, ["delete"]],
    ["its node is about to remove", 30, []],
  ] as const
) {
  Deno.test(`PodManager, when a job is settled, ${calls.length > 0 ? "deletes" : "leaves alone"} a pod that ${title}`, async () => {
    const cluster = new FakeCluster();
    await using manager = new PodManager("app", "default", cluster.client);
    const terminating: Pod = {
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: "2026-01-01T00:00:00Z",
        deletionGracePeriodSeconds: seconds,
      },
      status: { phase: "Succeeded" },
    };
    await manager.settle(new PodTracker(terminating, false));
    deepStrictEqual(cluster.calls.filter((call) => call !== "list" && call !== "watch"), calls);
  });
}
