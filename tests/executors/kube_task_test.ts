import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  FileRepository,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  KubeTask,
  type KubeTaskOptions,
  main,
  Pipeline,
  PodManager,
  type PodRecord,
  ResourceManager,
  Resources,
  run,
  type RunReport,
} from "@datatask/datatask";
import { access } from "../../lib/session.ts";
import { identityOf } from "../../executors/pod_names.ts";
import { Captured } from "../lib/cli/captured.ts";
import { kubeServer } from "../servers.ts";
import { Namespace } from "./kube.ts";
import { temporaryFolder } from "./processes.ts";

const { ignore } = kubeServer;
const { image } = ignore ? { image: "" } : kubeServer.variables;

/** Runs a script for each job in pods of their own, and tells how that went. */
function runScripts(
  namespace: Namespace,
  scripts: Readonly<Record<string, string>>,
  options: KubeTaskOptions = {},
  container: object = {},
): {
  readonly task: KubeTask;
  readonly running: Promise<RunReport>;
  readonly done: InProcessMetadataRepository<PodRecord>;
  readonly logs: InProcessBlobRepository;
} {
  const manager = new PodManager("app", namespace.name, namespace.client);
  const done = new InProcessMetadataRepository<PodRecord>();
  const logs = new InProcessBlobRepository();
  const input = new InProcessMetadataRepository(new Map(Object.entries(scripts)));
  const task = new KubeTask("task", manager, done, {
    logs,
    template: ({ input }) => ({
      kind: "Pod",
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image, command: ["sh", "-c", `${input}`], ...container }],
      },
    }),
    ...options,
  }).link("input", input, { isInput: true });
  return { task, running: run(new Pipeline([task])), done, logs };
}

const full = { ignore: ignore || kubeServer.variables.mode !== "full" };

Deno.test(
  "KubeTask does what the original's test asks for: 50 jobs under a memory quota, literal logs",
  full,
  async () => {
    await using namespace = await Namespace.make();
    await using manager = new PodManager("fifty", namespace.name, namespace.client);
    const jobs = Array.from({ length: 50 }, (_, i) => `${i}`);
    const inputs = new InProcessMetadataRepository(new Map(jobs.map((job) => [job, `weh-${job}`])));
    const logs = new InProcessBlobRepository();
    const done = new InProcessMetadataRepository<PodRecord>();
    const task = new KubeTask("hello", manager, done, {
      logs,
      resources: new ResourceManager(Resources.parse(1, "1Gi")),
      template: `
apiVersion: v1
kind: Pod
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: ${kubeServer.variables.image}
    command:
    - sh
    - -c
    - |
      echo 'Hello world!'
      echo "The message of the day is $(echo -n '{{ input }}' | base64). That's great!"
      echo 'Goodbye world!'
    resources:
      requests:
        cpu: 10m
        memory: 100Mi
`,
    }).link("input", inputs, { isInput: true });

    const report = await run(new Pipeline([task]));
    deepStrictEqual([report.succeeded, report.failed], [50, 0]);
    for (const job of jobs) {
      const message = btoa(`weh-${job}`);
      strictEqual(
        await logs.readText(job),
        `Hello world!\nThe message of the day is ${message}. That's great!\nGoodbye world!\n`,
      );
      const record = (await done.info(job))!;
      strictEqual(record.node, "localhost");
      strictEqual(record.reason, "Succeeded");
      strictEqual(record.image, kubeServer.variables.image);
    }
    deepStrictEqual(await namespace.pods(), []);
    ok(manager.requestCount <= 150 + 10, `${manager.requestCount} requests`);
  },
);

Deno.test("KubeTask tells failures apart, and keeps what was written", full, async () => {
  await using namespace = await Namespace.make();
  const { running, done, logs } = runScripts(
    namespace,
    {
      well: "echo $JOB $TASK",
      user: "echo out; echo err >&2; exit 3",
      word: "echo the disk is full > /dev/termination-log; exit 4",
      config: "/no/such/program",
      oom: "head -c 300m /dev/zero | tail",
    },
    {},
    { resources: { limits: { memory: "64Mi" } } },
  );
  const report = await running;
  deepStrictEqual([report.succeeded, report.failed], [1, 4]);
  const brief = async (job: string): Promise<unknown[]> => {
    const record = await done.info(job);
    return [record?.class, record?.reason, record?.return_code, record?.exception];
  };
  deepStrictEqual(await brief("well"), [undefined, "Succeeded", 0, undefined]);
  const [class_, reason, code, exception] = await brief("user");
  deepStrictEqual([class_, reason, code], ["user", "Failed", 3]);
  strictEqual(`${exception}`.split("\n").sort().join(" "), "err out"); // what it wrote last
  deepStrictEqual(await brief("word"), ["user", "Failed", 4, "the disk is full"]);
  deepStrictEqual(await brief("config"), [
    "config",
    "Failed",
    127,
    "it ended with code 127: a command is not found (sh: /no/such/program: not found)",
  ]);
  const oom = await done.info("oom");
  deepStrictEqual([oom?.class, oom?.reason], ["oom", "OOMKilled"]);
  strictEqual(await logs.readText("well"), "well task\n");
  strictEqual((await logs.readText("user")).split("\n").sort().join(" "), " err out");
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test(
  "KubeTask fails a job as config whose image or program is not there, and says what the cluster says",
  full,
  async () => {
    await using namespace = await Namespace.make();
    for (
      const [container, reason, exception] of [
        [
          { image: "localhost/datatask/nothing:1" },
          /^(ErrImagePull|ImagePullBackOff)$/,
          /nothing:1/,
        ],
        [{ command: ["/no/such/program"] }, /^(StartError|ContainerCannotRun)$/, /no such file/],
      ] as const
    ) {
      const { running, done, task, logs } = runScripts(
        namespace,
        { job: "" },
        { grace: 1 },
        container,
      );
      if ("image" in container) {
        await namespace.until(async () =>
          /ErrImagePull|ImagePullBackOff/.test(await task.state("job") ?? "")
        );
      }
      await running;
      const record = await done.info("job");
      strictEqual(record?.class, "config");
      match(`${record.reason}`, "image" in container ? /^Config$/ : reason);
      match(record.exception ?? "", exception);
      ok((record.events ?? []).length > 0);
      if ("image" in container) match(record.exception ?? "", /^(ErrImagePull|ImagePullBackOff): /);
      if ("image" in container) {
        strictEqual(
          await logs.readText("job"),
          "<no logs: no container of the pod has begun>\n",
        );
      }
    }
    deepStrictEqual(await namespace.pods(), []);
  },
);

Deno.test(
  "KubeTask ends a pod after its timeout, and one that is cancelled, and keeps their last words",
  full,
  async () => {
    await using namespace = await Namespace.make();
    const script = "trap 'echo bye; exit 0' TERM; echo begun; sleep 100 & wait";
    const { running, done, logs, task } = runScripts(namespace, {
      late: script,
      cancelled: script,
    }, { timeout: 4 });
    await namespace.until(async () => (await task.live.info("cancelled"))?.phase === "Running");
    await namespace.until(async () => {
      const text = await new Response(await task.logs("cancelled")).text();
      return text === "begun\n";
    });
    const following = task.logs("cancelled", { follow: true }).then((text) =>
      new Response(text).text()
    );
    strictEqual(await task.cancel("cancelled"), true);
    await running;
    deepStrictEqual([(await done.info("late"))?.class, (await done.info("late"))?.reason], [
      "timeout",
      "Timeout",
    ]);
    deepStrictEqual(
      [(await done.info("cancelled"))?.class, (await done.info("cancelled"))?.reason],
      ["cancelled", "Cancelled"],
    );
    strictEqual(await following, "begun\nbye\n");
    for (const job of ["late", "cancelled"]) strictEqual(await logs.readText(job), "begun\nbye\n");
    await namespace.until(async () => (await namespace.pods()).length === 0); // their node removes them
  },
);

Deno.test(
  "KubeTask takes 3 requests for a pod that fails, with its logs, and one more if it is ended or something has happened",
  full,
  async () => {
    await using namespace = await Namespace.make();
    const hang = "echo begun; exec sleep 100";
    const { running, done, task } = runScripts(
      namespace,
      { late: hang, cancelled: hang, user: "echo begun; exit 1", config: "/no/such/program" },
      { timeout: 4 },
    );
    await namespace.until(async () => (await task.live.info("cancelled"))?.phase === "Running");
    await task.cancel("cancelled");
    strictEqual((await running).failed, 4);
    deepStrictEqual([...done.data.values()].map((record) => record.class).sort(), [
      "cancelled",
      "config",
      "timeout",
      "user",
    ]);
    const { requestCount } = access(task.podManager);
    ok(requestCount <= 4 * 4 + 3, `${requestCount} requests`); // a listing, a watch, and whether pods can be made
    await namespace.until(async () => (await namespace.pods()).length === 0);
  },
);

Deno.test(
  "KubeTask tries a job again whose pod was deleted or evicted, and keeps the logs of each end",
  full,
  async () => {
    await using namespace = await Namespace.make();
    const { running, done, logs } = runScripts(namespace, {
      deleted: "echo begun; sleep 3",
      evicted: "echo begun; sleep 3",
    }, { backoff: 0.1 });
    const pods = await namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length === 2 && pods.every(({ status }) => status?.phase === "Running") && pods;
    });
    for (const pod of pods) {
      const path = `/api/v1/namespaces/${namespace.name}/pods/${pod.metadata?.name}`;
      if (identityOf(pod)?.job === "deleted") await namespace.admin.request("DELETE", path);
      else {
        await namespace.admin.request("POST", `${path}/eviction`, {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { name: pod.metadata?.name, namespace: namespace.name },
        });
      }
    }
    const after = await namespace.until(async () => {
      const again = (await namespace.pods()).filter((pod) => identityOf(pod)?.attempt === 2);
      return again.length === 2 && again;
    });
    strictEqual(after.length, 2);
    strictEqual((await running).succeeded, 2);
    for (const job of ["deleted", "evicted"]) {
      strictEqual((await done.info(job))?.success, true);
      strictEqual(await logs.readText(job), "begun\n");
    }
  },
);

Deno.test("KubeTask streams logs that are large, and does not hold them", full, async () => {
  await using namespace = await Namespace.make();
  const megabytes = Deno.env.get("DATATASK_SWEEP") === "1" ? 200 : 20;
  await using folder = await temporaryFolder();
  const files = new FileRepository(folder.path, ".log");
  const { running } = runScripts(
    namespace,
    {
      job: `for i in $(seq ${
        megabytes / 5
      }); do echo part $i; head -c 3750000 /dev/urandom | base64 -w 99; sleep 0.5; done; echo end`,
    },
    { logs: files },
  );
  let most = 0;
  const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 20);
  const before = Deno.memoryUsage().rss;
  strictEqual((await running).succeeded, 1);
  clearInterval(timer);
  const text = await files.readText("job");
  ok(text.startsWith("part 1\n") && text.endsWith("\nend\n"));
  const parts = [...text.matchAll(/^part (\d+)$/gm)].map(([, part]) => Number(part));
  if (!text.includes("<logs lost: the node has discarded what was written here>")) {
    deepStrictEqual(parts, Array.from({ length: megabytes / 5 }, (_, index) => index + 1));
  }
  ok(most - before < 150_000_000, `${most - before} bytes more`);
});

Deno.test(
  "KubeTask takes in a pod whose node is lost, once that is certain, and tries again",
  full,
  async () => {
    await using namespace = await Namespace.make();
    // A node without a kubelet, from which the cluster takes the pods that do not tolerate that.
    const node = `${namespace.name}-node`;
    const unreachable = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
    await namespace.admin.request("POST", "/api/v1/nodes", {
      metadata: { name: node },
      spec: { taints: [unreachable] },
    });
    const nodes = [node, "localhost"];
    const { running, done, logs, task } = runScripts(namespace, { job: "echo done" }, {
      backoff: 0.1,
      template: () => ({
        kind: "Pod",
        spec: {
          nodeName: nodes.shift()!,
          terminationGracePeriodSeconds: 1,
          tolerations: [{ ...unreachable, operator: "Exists", tolerationSeconds: 0 }],
          containers: [{ name: "main", image, command: ["echo", "done"] }],
        },
      }),
    });
    await namespace.until(async () => (await task.state("job"))?.includes("was deleted") ?? false);
    match(
      await task.state("job") ?? "",
      /^has pod app-task-\w+, which was deleted and is to be gone by /,
    );
    const [lost] = await namespace.pods();
    strictEqual((await namespace.pods()).length, 1); // it may still run there
    // Somebody who knows that the node is gone says so.
    await namespace.admin.request("DELETE", `/api/v1/nodes/${node}`);
    await namespace.admin.request(
      "DELETE",
      `/api/v1/namespaces/${namespace.name}/pods/${lost?.metadata?.name}?gracePeriodSeconds=0`,
    );
    strictEqual((await running).succeeded, 1);
    deepStrictEqual([(await done.info("job"))?.node, await logs.readText("job")], [
      "localhost",
      "done\n",
    ]);
  },
);

/** A pipeline of one task that runs a script in a pod for each job, for verbs. */
function scriptPipeline(
  namespace: Namespace,
  scripts: Readonly<Record<string, string>>,
  options: KubeTaskOptions = {},
): { readonly pipeline: Pipeline; readonly done: InProcessMetadataRepository<PodRecord> } {
  const manager = new PodManager("app", namespace.name, namespace.client);
  const done = new InProcessMetadataRepository<PodRecord>();
  const input = new InProcessMetadataRepository(new Map(Object.entries(scripts)));
  const task = new KubeTask("task", manager, done, {
    template: ({ input }) => ({
      kind: "Pod",
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image, command: ["sh", "-c", `${input}`] }],
      },
    }),
    ...options,
  }).link("input", input, { isInput: true });
  return { pipeline: new Pipeline([task]), done };
}

Deno.test("launch --sync shows what a pod writes, also where no logs are kept", full, async () => {
  await using namespace = await Namespace.make();
  const { pipeline, done } = scriptPipeline(namespace, {
    slow: "echo begun; sleep 2; echo ended",
    fast: "echo $JOB",
  });
  using captured = new Captured();
  strictEqual(await main(pipeline, { args: ["launch", "task", "slow", "--sync"] }), 0);
  strictEqual(captured.take(), "begun\nended\n");
  strictEqual(await main(pipeline, { args: ["launch", "task", "fast", "--sync"] }), 0);
  strictEqual(captured.take(), "fast\n");
  deepStrictEqual([...done.data.keys()].sort(), ["fast", "slow"]);
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test(
  "the verbs logs, why, cancel and rm reach pods that another program runs",
  full,
  async () => {
    await using namespace = await Namespace.make();
    const script = "trap 'echo bye; exit 0' TERM; echo begun; sleep 100 & wait";
    const scripts = { a: script, b: script };
    const { pipeline: runs, done } = scriptPipeline(namespace, scripts);
    const running = run(runs);
    await namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length === 2 && pods.every(({ status }) => status?.phase === "Running");
    });
    const verb = async (...args: string[]): Promise<string> => {
      const { pipeline } = scriptPipeline(namespace, scripts);
      using captured = new Captured();
      const code = await main(pipeline, { args });
      Deno.exitCode = 0;
      return `${code} ${captured.text}`;
    };
    match(
      await verb("why", "task", "a"),
      /^0 task a has pod app-task-\w+, Running on node localhost/,
    );
    match(
      await verb("why", "task"),
      /2 running: .*has pod app-task-\w+, Running on node localhost/,
    );
    strictEqual(await verb("logs", "task", "a"), "0 begun\n");
    // The last words come when it is cancelled.
    const { pipeline } = scriptPipeline(namespace, scripts);
    using captured = new Captured();
    const following = main(pipeline, { args: ["logs", "-f", "task", "a"] });
    await namespace.until(() => Promise.resolve(captured.text === "begun\n"));
    strictEqual(await scriptPipeline(namespace, scripts).pipeline.tasks[0]?.cancel?.("a"), true);
    strictEqual(await following, 0);
    strictEqual(captured.take(), "begun\nbye\n");
    captured[Symbol.dispose]();
    match(await verb("cancel", "task", "nothing"), /^[12] $/);
    strictEqual(await verb("rm", "task.live", "b"), "0 b <LiveKubeRepository of task>\n");
    strictEqual((await running).failed, 2);
    deepStrictEqual([...done.data.values()].map((record) => record.class), [
      "cancelled",
      "cancelled",
    ]);
    await namespace.until(async () => (await namespace.pods()).length === 0);
  },
);

Deno.test("the verb cancel ends all pods that another program runs", full, async () => {
  await using namespace = await Namespace.make();
  const scripts = { a: "exec sleep 100", b: "exec sleep 100" };
  const { pipeline: runs, done } = scriptPipeline(namespace, scripts);
  const running = run(runs);
  await namespace.until(async () => (await namespace.pods()).length === 2);
  using captured = new Captured();
  const { pipeline } = scriptPipeline(namespace, scripts);
  strictEqual(await main(pipeline, { args: ["cancel", "task", "__all__"] }), 0);
  deepStrictEqual(captured.take().split("\n").sort(), ["", "a", "b"]);
  strictEqual((await running).failed, 2);
  for (const record of done.data.values()) {
    deepStrictEqual([record.class, record.exception], ["cancelled", "it was cancelled"]);
  }
});
