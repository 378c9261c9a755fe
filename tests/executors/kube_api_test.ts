import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  InProcessBlobRepository,
  InProcessMetadataRepository,
  type KubernetesClient,
  KubeTask,
  type KubeTaskOptions,
  Pipeline,
  PodManager,
  type PodManagerOptions,
  type PodRecord,
  printStatus,
  run,
  StoreError,
} from "@datatask/datatask";
import { kubernetesClient } from "@datatask/datatask/kubernetes";
import { identityOf } from "../../executors/pod_names.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { TcpProxy } from "../faulty_proxy.ts";
import { Captured } from "../lib/cli/captured.ts";
import { kubeServer } from "../servers.ts";
import {
  ApiProxy,
  endedStatus,
  hastyEnv,
  Namespace,
  playKubelet,
  setStatus,
  UNSCHEDULED,
} from "./kube.ts";

const { ignore } = kubeServer;
const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

interface Fixture {
  readonly manager: PodManager;
  readonly task: KubeTask;
  readonly pipeline: Pipeline;
  readonly done: InProcessMetadataRepository<PodRecord>;
}

/** A pipeline of one task, whose pods nobody runs. */
function fixture(
  namespace: Namespace,
  client: KubernetesClient,
  jobs: readonly string[],
  options: KubeTaskOptions = {},
  managing: PodManagerOptions = { requestsPerSecond: 500 },
): Fixture {
  const manager = new PodManager("app", namespace.name, client, managing);
  const done = new InProcessMetadataRepository<PodRecord>();
  const input = new InProcessMetadataRepository(new Map(jobs.map((job) => [job, job])));
  const task = new KubeTask("task", manager, done, { template: () => UNSCHEDULED, ...options })
    .link("input", input, { isInput: true });
  return { manager, task, pipeline: new Pipeline([task]), done };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `job${i}`);
}

Deno.test(
  "KubeTask takes 3 requests a job, a listing and a watch; and an idle run none but the watch",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const count = SWEEP ? 500 : 40;
    const logs = new InProcessBlobRepository();
    const { pipeline, done } = fixture(namespace, proxy.client, names(count), { logs });
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    const running = run(pipeline, { forever: true, signal: stop.signal });
    await namespace.until(async () =>
      done.data.size === count && (await namespace.pods()).length === 0
    );
    const { length } = proxy.requests;
    ok(length <= 3 * count + 5, `${length} requests`);
    strictEqual(proxy.count("GET", /pods$/), 1);
    await new Promise((resolve) => setTimeout(resolve, SWEEP ? 70_000 : 1_000));
    strictEqual(proxy.requests.length, length);
    stop.abort();
    await running;
    strictEqual(await kubelet, count);
  },
);

Deno.test("KubeTask runs keys of 200 characters and in both cases", { ignore }, async () => {
  await using namespace = await Namespace.make();
  const jobs = [
    "A".repeat(200),
    "a".repeat(200),
    "X",
    "x",
    "a_b",
    "a-b",
    "a.b",
    `1${"._-".repeat(20)}1`,
  ];
  const { pipeline, done } = fixture(namespace, namespace.client, jobs);
  const stop = new AbortController();
  const kubelet = playKubelet(namespace, stop.signal);
  await run(pipeline);
  stop.abort();
  strictEqual(await kubelet, jobs.length);
  deepStrictEqual([...done.data.keys()].sort(), jobs.toSorted());
});

Deno.test("A-22: KubeTask leaves the labels of a template to the pod", { ignore }, async () => {
  await using namespace = await Namespace.make();
  const labels = { app: "mine", task: "yours" };
  const { pipeline } = fixture(namespace, namespace.client, ["job"], {
    template: () => ({ ...UNSCHEDULED, metadata: { labels } }),
  });
  const running = run(pipeline);
  const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
  await setStatus(namespace, pod, { phase: "Succeeded" });
  await running;
  const { app, task } = pod.metadata?.labels ?? {};
  deepStrictEqual({ app, task }, labels);
  deepStrictEqual([identityOf(pod)?.app, identityOf(pod)?.task], ["app", "task"]);
});

Deno.test("KubeTask says what is no pod in a template", { ignore }, async () => {
  await using namespace = await Namespace.make();
  const templates: [KubeTaskOptions["template"], RegExp][] = [
    ["kind: Job\nspec: {}", /kind is "Job", not "Pod"/],
    ["[1, 2]", /it is no object/],
    ["kind: Pod\nspec:\n  containers: []", /has no containers/],
    ["kind: Pod\n  spec: :", /line 2/],
    ["kind: {{ nothing }}", /undefined value/],
    [{ file: "/no/such/file" }, /No such file/],
    [
      "kind: Pod\nmetadata: {namespace: other}\nspec: {containers: [{name: a}]}",
      /wants namespace "other"/,
    ],
    [
      "kind: Pod\nspec: {containers: [{name: a, image: b, resources: {requests: {cpu: much}}}]}",
      /what container "a" takes/,
    ],
    ["kind: Pod\nspec: {containers: [{name: A_B, image: b}]}", /spec\.containers\[0\]\.name/],
    [() => ({ kind: "Pod", spec: { containers: [{ name: "a" }] } }), /image: Required value/],
  ];
  for (const [template, problem] of templates) {
    const { pipeline, done } = fixture(namespace, namespace.client, ["job"], {
      template: template!,
    });
    const { failed } = await run(pipeline);
    const record = await done.info("job");
    deepStrictEqual([failed, record?.class, record?.attempts], [1, "config", 1]);
    match(record?.exception ?? "", problem);
  }
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test("KubeTask refuses a path in place of a pod, and says how a file is given", async () => {
  for (const path of ["./nofile.yaml", "/etc/pod", "pod.json"]) {
    const manager = new PodManager("app", "default");
    const task = new KubeTask("task", manager, new InProcessMetadataRepository(), {
      template: path,
    });
    await rejects(task.validate(), {
      name: "PipelineError",
      message:
        `The pipeline cannot work: task "task": the template "${path}" is taken as text, and is no pod: ` +
        `if it is a file with a template, give { file: "${path}" }`,
    });
  }
});

Deno.test("PodManager says which permission is lacking", { ignore }, async () => {
  await using namespace = await Namespace.make();
  using stranger = await kubernetesClient({
    file: kubeServer.variables.config,
    context: "stranger",
  });
  const { pipeline } = fixture(namespace, stranger, ["job"]);
  await rejects(pipeline.open(), (error) => {
    ok(error instanceof StoreError);
    match(
      error.message,
      /^Cannot list pods: pods is forbidden: User "stranger" cannot list resource "pods"/,
    );
    match(
      error.message,
      new RegExp(
        `; give this account the permission to list pods in namespace "${namespace.name}"$`,
      ),
    );
    return true;
  });
  // An account that may look, but not make pods.
  await namespace.allow({ pods: ["get", "list", "watch"] });
  const { pipeline: looking, done } = fixture(namespace, namespace.client, names(10));
  const { unreachable } = await namespace.until(async () => {
    const report = await run(looking); // the server may not know of it yet
    return report.unreachable.length > 0 && report;
  });
  done.data.clear();
  strictEqual(unreachable.length, 1);
  match(
    String(unreachable[0]?.error),
    /^StoreError: Cannot create pods: .* cannot create resource "pods".*; give this account the permission to create pods in/,
  );
  strictEqual((await run(looking)).failed, 0);
  strictEqual(done.data.size, 0);
});

Deno.test(
  "KubeTask starts no job where there is no namespace, and says so once",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    using client = await kubernetesClient({
      file: kubeServer.variables.config,
      context: "certificate",
    });
    const done = new InProcessMetadataRepository<PodRecord>();
    const input = new InProcessMetadataRepository(new Map(names(10).map((job) => [job, 1])));
    const manager = new PodManager("app", `${namespace.name}-x`, client);
    const tasks = ["one", "two"].map((name) =>
      new KubeTask(name, manager, done, { template: () => UNSCHEDULED })
        .link("input", input, { isInput: true })
    );
    const report = await run(new Pipeline(tasks));
    deepStrictEqual(
      [...new Set(report.unreachable.map(({ error }) => String(error)))],
      [
        `StoreError: Cannot create pods: namespaces "${namespace.name}-x" not found; ` +
        `see that namespace "${namespace.name}-x" is there`,
      ],
    );
    deepStrictEqual([report.failed, done.data.size], [0, 0]);
  },
);

Deno.test(
  "KubeTask waits while pods cannot be made any more, and says why",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    let refused = 0;
    const { pipeline, task, done } = fixture(namespace, proxy.client, names(3), {}, {
      env: hastyEnv,
    });
    const message = 'pods is forbidden: User "x" cannot create resource "pods"';
    let forbidden = true;
    proxy.fault = ({ method, query }) => {
      if (method !== "POST") return undefined;
      if (query.has("dryRun")) return new Response("no dry runs here", { status: 400 });
      if (!forbidden) return undefined;
      refused++;
      return Response.json({ kind: "Status", code: 403, message }, { status: 403 });
    };
    const running = run(pipeline);
    await namespace.until(async () => (await task.waiting()).size === 3 && refused > 3);
    deepStrictEqual([...new Set((await task.waiting()).values())], [message]);
    strictEqual(done.data.size, 0);
    forbidden = false;
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    strictEqual((await running).succeeded, 3);
    stop.abort();
    strictEqual(await kubelet, 3);
  },
);

Deno.test("PodManager says that a cluster or a namespace is not there", { ignore }, async () => {
  await using namespace = await Namespace.make();
  const { caData } = namespace.admin.cluster;
  using nowhere = await kubernetesClient({ cluster: { server: "https://127.0.0.1:1", caData } });
  await rejects(
    new PodManager("app", "default", nowhere, { env: hastyEnv }).query(),
    /Cannot list pods: .*; see that the cluster can be reached/,
  );
  await rejects(
    kubernetesClient({ file: "/no/such/file" }),
    /Cannot tell where the Kubernetes cluster is: .*\/no\/such\/file/,
  );
  await rejects(
    kubernetesClient({ file: kubeServer.variables.config, context: "nothing" }),
    /there is no context "nothing" with a cluster, but these: token, certificate, stranger/,
  );
});

Deno.test(
  "PodManager makes a pod once, whose creation was answered by nobody",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const { pipeline, done } = fixture(namespace, proxy.client, names(5));
    const lost = new Set<string>();
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    proxy.lose = ({ method, path }) =>
      method === "POST" && lost.size < 3 && !!lost.add(path + lost.size);
    const { succeeded } = await run(pipeline);
    stop.abort();
    deepStrictEqual([succeeded, lost.size, await kubelet, done.data.size], [5, 3, 5, 5]);
  },
);

Deno.test(
  "PodManager lets a server that is busy have its time, and takes 410 for a reason to list again",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const { pipeline } = fixture(namespace, proxy.client, names(10));
    let storms = 0;
    let busy = 0;
    let deleted = 0;
    proxy.fault = ({ method, query }) => {
      if (query.has("watch") && storms++ < 4) {
        const object = { kind: "Status", code: 410, message: "too old resource version" };
        return storms % 2 === 0
          ? Response.json(object, { status: 410 })
          : new Response(`${JSON.stringify({ type: "ERROR", object })}\n`);
      }
      if (method !== "GET" && ++busy % 3 === 0) {
        return new Response("too many", { status: 429, headers: { "Retry-After": "0" } });
      }
      // As of a server that has just started, and has not read its roles yet.
      if (method === "DELETE" && deleted++ > 3 && deleted % 2 === 0) {
        return new Response("forbidden", { status: 403 });
      }
      return undefined;
    };
    const running = run(pipeline);
    await namespace.until(() => Promise.resolve(storms > 4));
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    const { succeeded } = await running;
    stop.abort();
    deepStrictEqual([succeeded, await kubelet], [10, 10]);
    ok(busy > 20);
    strictEqual(proxy.count("GET", /pods$/), 5); // once, and after each of the storms
  },
);

Deno.test(
  "PodManager goes on with a watch that ends, without listing again",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const { pipeline, done } = fixture(namespace, proxy.client, names(3));
    const running = run(pipeline);
    await namespace.until(async () => (await namespace.pods()).length === 3);
    for (const [index, pod] of (await namespace.pods()).entries()) {
      await proxy.cut();
      await setStatus(namespace, pod, { phase: "Succeeded" });
      await namespace.until(() => Promise.resolve(done.data.size === index + 1));
    }
    await running;
    ok(proxy.watches >= 3);
    strictEqual(proxy.count("GET", /pods$/), 1);
  },
);

Deno.test("PodManager does not trust a watch that has become silent", { ignore }, async () => {
  await using namespace = await Namespace.make();
  await using proxy = new ApiProxy(namespace);
  const { pipeline } = fixture(namespace, proxy.client, ["job"], {}, { env: hastyEnv });
  let watches = 0;
  proxy.fault = ({ query }) =>
    query.has("watch") && ++watches === 1 ? new Response(new ReadableStream()) : undefined;
  const stop = new AbortController();
  const kubelet = playKubelet(namespace, stop.signal);
  const { succeeded } = await run(pipeline);
  stop.abort();
  deepStrictEqual([succeeded, await kubelet], [1, 1]);
});

Deno.test("KubeTask outlives an API server that is away for a while", { ignore }, async () => {
  await using namespace = await Namespace.make();
  const { server, caData } = namespace.admin.cluster;
  await using proxy = new TcpProxy(server);
  using client = await kubernetesClient({
    cluster: { server: `https://${proxy.host}`, caData },
    user: { token: namespace.token },
  });
  const { pipeline, done } = fixture(namespace, client, names(20), { maxConcurrent: 5 });
  const stop = new AbortController();
  const kubelet = playKubelet(namespace, stop.signal);
  const running = run(pipeline);
  await namespace.until(() => Promise.resolve(done.data.size >= 5));
  proxy.refuse();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  proxy.resume();
  const { succeeded } = await running;
  stop.abort();
  deepStrictEqual([succeeded, await kubelet], [20, 20]);
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test(
  "KubeTask waits while the quota of the namespace is used up, and says so",
  { ignore: ignore || kubeServer.variables.mode !== "full" }, // without controllers, nobody counts
  async () => {
    await using namespace = await Namespace.make();
    await namespace.admin.request("POST", `/api/v1/namespaces/${namespace.name}/resourcequotas`, {
      metadata: { name: "two" },
      spec: { hard: { pods: "2" } },
    });
    await namespace.until(async () => {
      const { status } = await namespace.admin.request<{ status: { hard?: unknown } }>(
        "GET",
        `/api/v1/namespaces/${namespace.name}/resourcequotas/two`,
      );
      return status.hard !== undefined;
    });
    const { pipeline, task, done } = fixture(namespace, namespace.client, names(6));
    const running = run(pipeline);
    await namespace.until(async () => (await namespace.pods()).length === 2);
    const states = await namespace.until(async () => {
      const states = await Promise.all(names(6).map((job) => task.state(job)));
      return states.filter((state) => state?.includes("has no pod yet, because")).length === 4 &&
        states;
    });
    match(
      states.find((state) => state?.includes("no pod yet")) ?? "",
      /because exceeded quota: two, requested: pods=1/,
    );
    const reasons = await namespace.until(async () => {
      const reasons = [...(await task.waiting()).values()];
      return reasons.length === 6 && reasons;
    });
    deepStrictEqual([...new Set(reasons)].sort(), [
      "exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2",
      "the cluster has not looked at it yet",
    ]);
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    const { succeeded } = await running;
    stop.abort();
    deepStrictEqual([succeeded, await kubelet, done.data.size], [6, 6, 6]);
  },
);

Deno.test(
  "KubeTask leaves a pod of its name alone that is not its own, and those of other applications",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using other = new PodManager("other", namespace.name, namespace.client);
    await other.launch("job", "task", UNSCHEDULED);
    const { pipeline, done, task } = fixture(namespace, namespace.client, ["job"]);
    const stop = new AbortController();
    const running = run(pipeline);
    const mine = await namespace.until(async () =>
      (await namespace.pods()).find((pod) => identityOf(pod)?.app === "app") ?? false
    );
    await setStatus(namespace, mine, { phase: "Succeeded" });
    await running;
    stop.abort();
    const left = await namespace.pods();
    deepStrictEqual(left.map((pod) => identityOf(pod)?.app), ["other"]);
    // Somebody has made a pod of the very name.
    await namespace.admin.request("POST", `/api/v1/namespaces/${namespace.name}/pods`, {
      metadata: { name: mine.metadata?.name },
      spec: UNSCHEDULED.spec,
    });
    done.data.clear();
    await run(pipeline);
    match((await done.info("job"))?.exception ?? "", /has another one called ".*"; remove that/);
    strictEqual(await task.live.contains("job"), false);
  },
);

Deno.test(
  "status says what pods wait for that another program has made, at the cost of a listing and a watch",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    const { pipeline } = fixture(namespace, namespace.client, names(4));
    const running = run(pipeline);
    const pods = await namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length === 4 && pods;
    });
    const [image, running1, ...unschedulable] = pods;
    const message = 'Back-off pulling image "nothing"';
    await setStatus(namespace, image!, {
      phase: "Pending",
      containerStatuses: [{
        name: "main",
        state: { waiting: { reason: "ImagePullBackOff", message } },
      }],
    });
    await setStatus(namespace, running1!, { phase: "Running" });
    for (const pod of unschedulable) {
      await setStatus(namespace, pod, {
        phase: "Pending",
        conditions: [{
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/1 nodes are available: 1 Insufficient memory.",
        }],
      });
    }
    await using proxy = new ApiProxy(namespace);
    const looking = fixture(namespace, proxy.client, names(4));
    using captured = new Captured();
    await printStatus(looking.pipeline);
    strictEqual(
      captured.take(),
      "task\ntask.input 4\ntask.done 0\ntask.live 4\n" +
        "  2 jobs wait: Unschedulable: 0/1 nodes are available: 1 Insufficient memory.\n" +
        `  1 job waits: ImagePullBackOff: ${message}\n\n`,
    );
    const lists = proxy.count("GET");
    ok(lists === 1 && proxy.requests.length - lists <= 1, `${proxy.requests.length}`);
    for (const pod of pods) await setStatus(namespace, pod, { phase: "Succeeded" });
    strictEqual((await running).succeeded, 4);
    await printStatus(looking.pipeline);
    strictEqual(captured.take(), "task\ntask.input 4\ntask.done 0\ntask.live 0\n\n");
    strictEqual(proxy.count("GET"), 2);
    strictEqual(proxy.count("POST") + proxy.count("DELETE") + proxy.count("PATCH"), 0);
  },
);

Deno.test("KubeTask fails a job as config whose pod cannot be scheduled, after a grace time", {
  ignore,
}, async () => {
  await using namespace = await Namespace.make();
  const { pipeline, done, task } = fixture(namespace, namespace.client, ["job"], { grace: 0.5 });
  const running = run(pipeline);
  const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
  await setStatus(namespace, pod, {
    phase: "Pending",
    conditions: [{
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message: "0/1 nodes are available: 1 Insufficient cpu.",
    }],
  });
  await namespace.until(async () => (await task.state("job"))?.includes("Unschedulable") ?? false);
  match(
    await task.state("job") ?? "",
    /^has pod app-task-\w+, Pending since .*Z, because Unschedulable: 0\/1 nodes are available/,
  );
  await running;
  const record = await done.info("job");
  strictEqual(record?.class, "config");
  match(record.exception ?? "", /Unschedulable: 0\/1 nodes/);
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test(
  "KubeTask records of a pod that was out of time before it began what it waited for, and what happened to it",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    const { pipeline, done } = fixture(namespace, namespace.client, ["job"], { timeout: 2 });
    const running = run(pipeline);
    const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
    const message = "0/1 nodes are available: 1 Insufficient cpu.";
    await setStatus(namespace, pod, {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }],
    });
    const { name, uid } = pod.metadata ?? {};
    await namespace.admin.request("POST", `/api/v1/namespaces/${namespace.name}/events`, {
      metadata: { generateName: "event-" },
      involvedObject: { kind: "Pod", namespace: namespace.name, name, uid },
      reason: "FailedScheduling",
      message,
    });
    await running;
    const record = await done.info("job");
    deepStrictEqual(
      [record?.class, record?.reason, record?.exception, record?.events],
      [
        "timeout",
        "Timeout",
        `it had not begun after 2 s: Unschedulable: ${message}`,
        [`FailedScheduling: ${message}`],
      ],
    );
  },
);

Deno.test(
  "KubeTask ends pods that it may delete but not patch, and records why it did",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await namespace.allow({ pods: ["create", "delete", "get", "list", "watch"] });
    const { pipeline, done, task } = fixture(
      namespace,
      namespace.client,
      ["late", "cancelled"],
      { timeout: 3 },
    );
    const running = run(pipeline);
    const pods = await namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length === 2 && pods;
    });
    for (const pod of pods) await setStatus(namespace, pod, { phase: "Running" });
    strictEqual(await task.cancel("cancelled"), true);
    await running;
    const [late, cancelled] = [await done.info("late"), await done.info("cancelled")];
    deepStrictEqual([late?.class, late?.exception], ["timeout", "it ran longer than 3 s"]);
    deepStrictEqual([cancelled?.class, cancelled?.exception], ["cancelled", "it was cancelled"]);
    deepStrictEqual(await namespace.pods(), []);
  },
);

Deno.test(
  "KubeTask records jobs whose pods it may not delete, and removes these when it may",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await namespace.allow({ pods: ["create", "get", "list", "watch", "patch"] });
    const warnings: string[] = [];
    using _ = interceptWarnings((warning) => void warnings.push(warning));
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    const first = fixture(namespace, namespace.client, names(2));
    strictEqual((await run(first.pipeline)).succeeded, 2);
    stop.abort();
    strictEqual(await kubelet, 2);
    deepStrictEqual([first.done.data.size, (await namespace.pods()).length], [2, 2]);
    match(
      warnings.join("\n"),
      /cannot forget how "job\d" ended.*give this account the permission to delete pods in namespace/,
    );
    await namespace.allow({ pods: ["create", "delete", "get", "list", "watch", "patch"] });
    const second = fixture(namespace, namespace.client, names(2));
    for (const [job, record] of first.done.data) await second.done.dump(job, record);
    await namespace.until(async () => {
      await run(second.pipeline); // the server may not know of it yet
      return (await namespace.pods()).length === 0;
    });
    strictEqual(second.done.data.size, 2);
  },
);

Deno.test(
  "KubeTask records a job whose logs it may not read, and keeps why they are lost",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await namespace.allow({ pods: ["create", "delete", "get", "list", "watch", "patch"] });
    const logs = new InProcessBlobRepository();
    const { pipeline, done } = fixture(namespace, namespace.client, ["job"], { logs });
    const running = run(pipeline);
    const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
    await setStatus(namespace, pod, endedStatus(0));
    strictEqual((await running).succeeded, 1);
    strictEqual((await done.info("job"))?.success, true);
    match(
      await logs.readText("job"),
      /^<logs lost: Cannot read the logs of pod .* give this account the permission to get pods\/log in namespace/,
    );
  },
);

Deno.test(
  "KubeTask takes 3 requests for a job that fails, and one more to learn what happened or to end it",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const count = 12;
    const logs = new InProcessBlobRepository();
    const { pipeline, done, task } = fixture(namespace, proxy.client, names(count), {
      logs,
      retries: { infra: 0 },
    });
    const running = run(pipeline);
    const pods = await namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length === count && pods;
    });
    for (const pod of pods) {
      const number = Number(identityOf(pod)?.job.slice(3));
      if (number % 3 === 0) await task.cancel(`job${number}`);
      else if (number % 3 === 1) {
        await setStatus(namespace, pod, { phase: "Failed", reason: "Evicted" });
      } else await setStatus(namespace, pod, endedStatus(1));
    }
    await running;
    const classes = [...done.data.values()].map((record) => record.class).sort();
    deepStrictEqual(classes, ["cancelled", "infra", "user"].flatMap((each) => Array(4).fill(each)));
    ok(proxy.requests.length <= 4 * count + 5, `${proxy.requests.length} requests`);
    strictEqual(proxy.count("GET", /events$/), 4);
    strictEqual(proxy.count("GET", /pods$/), 1);
  },
);

Deno.test(
  "KubeTask takes in more pods than come in a page",
  { ignore: ignore || !SWEEP },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    const count = 501;
    const options = { maxConcurrent: count };
    const first = fixture(namespace, namespace.client, names(count), options);
    const leaving = new AbortController();
    const left = run(first.pipeline, { signal: leaving.signal });
    await namespace.until(async () => (await first.task.live.infoAll()).size === count);
    leaving.abort();
    await left;
    const second = fixture(namespace, proxy.client, names(count), options);
    const stop = new AbortController();
    const kubelet = playKubelet(namespace, stop.signal);
    strictEqual((await run(second.pipeline)).succeeded, count);
    stop.abort();
    await kubelet;
    deepStrictEqual([proxy.count("GET", /pods$/), proxy.count("POST")], [2, 0]);
    deepStrictEqual(await namespace.pods(), []);
  },
);

Deno.test(
  "A-20: KubeTask takes in a pod that was evicted before it had containers, and tries again",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    const { pipeline, done } = fixture(namespace, namespace.client, ["job"], {
      backoff: 0.1,
      retries: { infra: 1 },
    });
    const running = run(pipeline);
    const uids = new Set<string>();
    for (let attempt = 1; attempt <= 2; attempt++) {
      const pod = await namespace.until(async () =>
        (await namespace.pods()).find(({ metadata }) => !uids.has(metadata?.uid ?? "")) ?? false
      );
      uids.add(pod.metadata?.uid ?? "");
      strictEqual(identityOf(pod)?.attempt, attempt);
      await setStatus(namespace, pod, {
        phase: "Failed",
        reason: "Evicted",
        message: "The node was low on resource: memory.",
      });
    }
    await running;
    const record = await done.info("job");
    deepStrictEqual([record?.class, record?.reason, record?.attempts], ["infra", "Evicted", 2]);
    match(record?.exception ?? "", /low on resource/);
  },
);

Deno.test(
  "A-53: KubeTask takes in a pod whose logs nobody gives in time, and says where they are that they are lost",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using proxy = new ApiProxy(namespace);
    let asked = 0;
    proxy.client.streamNamespacedPodLog = () => {
      asked++;
      return Promise.reject(new DOMException("the server does not answer", "TimeoutError"));
    };
    const logs = new InProcessBlobRepository();
    const { pipeline, done } = fixture(namespace, proxy.client, ["job"], { logs }, {
      requestsPerSecond: 500,
      env: hastyEnv,
    });
    const running = run(pipeline);
    const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
    await setStatus(namespace, pod, endedStatus(0));
    strictEqual((await running).succeeded, 1);
    strictEqual((await done.info("job"))?.success, true);
    match(await logs.readText("job"), /^<logs lost: .*the server does not answer/);
    ok(asked > 1, `asked ${asked} times`);
    deepStrictEqual(await namespace.pods(), []);
  },
);

Deno.test(
  "KubeTask that was closed takes in, when it is opened again, what has become of its pods",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    const first = fixture(namespace, namespace.client, names(3));
    const stop = new AbortController();
    const running = run(first.pipeline, { signal: stop.signal });
    await namespace.until(async () => (await namespace.pods()).length === 3);
    await namespace.until(async () => (await first.task.live.infoAll()).size === 3);
    stop.abort();
    await running;
    await first.manager.close();
    const [ended, running1] = await namespace.pods();
    await setStatus(namespace, ended!, { phase: "Succeeded" });
    const second = fixture(namespace, namespace.client, names(3));
    const again = run(second.pipeline);
    await namespace.until(() => Promise.resolve(second.done.data.size === 1));
    await setStatus(namespace, running1!, { phase: "Failed" });
    const kubeletStop = new AbortController();
    const kubelet = playKubelet(namespace, kubeletStop.signal);
    const report = await again;
    kubeletStop.abort();
    strictEqual(report.succeeded, 3);
    ok(await kubelet >= 1);
    deepStrictEqual(await namespace.pods(), []);
  },
);

Deno.test("LiveKubeRepository holds the jobs that have pods, and ends those that are deleted", {
  ignore,
}, async () => {
  await using namespace = await Namespace.make();
  const { pipeline, done, task } = fixture(namespace, namespace.client, ["a", "B"]);
  const running = run(pipeline);
  await namespace.until(async () => (await Array.fromAsync(task.live)).length === 2);
  deepStrictEqual((await Array.fromAsync(task.live)).sort(), ["B", "a"]);
  strictEqual((await task.live.info("B"))?.phase, "Pending");
  await task.live.delete("a");
  strictEqual(await task.cancel("B"), true);
  await running;
  strictEqual(await task.cancel("B"), false);
  for (const job of ["a", "B"]) {
    deepStrictEqual([(await done.info(job))?.class, (await done.info(job))?.attempts], [
      "cancelled",
      1,
    ]);
  }
  deepStrictEqual(await Array.fromAsync(task.live), []);
});

Deno.test(
  "KubeTask counts a pod that somebody else deletes as infra, and tries again",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    const { pipeline, done } = fixture(namespace, namespace.client, ["job"], { backoff: 0.1 });
    const running = run(pipeline);
    const pod = await namespace.until(async () => (await namespace.pods())[0] ?? false);
    await namespace.admin.request(
      "DELETE",
      `/api/v1/namespaces/${namespace.name}/pods/${pod.metadata?.name}`,
    );
    const again = await namespace.until(async () =>
      (await namespace.pods()).find(({ metadata }) => metadata?.uid !== pod.metadata?.uid) ?? false
    );
    await setStatus(namespace, again, { phase: "Succeeded" });
    const { succeeded } = await running;
    deepStrictEqual([succeeded, identityOf(again)?.attempt], [1, 2]);
    strictEqual((await done.info("job"))?.success, true);
  },
);
