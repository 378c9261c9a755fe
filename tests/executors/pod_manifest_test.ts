import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import type { PodContainer, PodManifest } from "@datatask/datatask";
import { completeManifest, readManifest, requestsOf } from "../../executors/pod_manifest.ts";

type Resources = PodContainer["resources"];

const LAST_LINES = { terminationMessagePolicy: "FallbackToLogsOnError" };
const main = { name: "main", image: "busybox" };

Deno.test("A-21: requestsOf() counts containers that request nothing as nothing, and limits where there are no requests", () => {
  const pod = (containers: Resources[], initContainers: Resources[] = []): PodManifest => ({
    kind: "Pod",
    spec: {
      containers: containers.map((resources) => ({ ...main, resources })),
      initContainers: initContainers.map((resources) => ({ ...main, resources })),
    },
  });
  strictEqual(`${requestsOf({ spec: { containers: [main] } })}`, "cpu 0, mem 0, launches 0");
  strictEqual(
    `${
      requestsOf(pod([{ requests: { cpu: "100m" } }, { requests: { cpu: 2, memory: "1Gi" } }, {}]))
    }`,
    "cpu 2.1, mem 1073741824, launches 0",
  );
  strictEqual(
    `${requestsOf(pod([{ requests: { cpu: 1 }, limits: { cpu: 4, memory: "1k" } }]))}`,
    "cpu 1, mem 1000, launches 0",
  );
  strictEqual(
    `${
      requestsOf(
        pod([{ requests: { cpu: 1, memory: 5 } }], [{ requests: { cpu: 3 } }, {
          requests: { memory: 7 },
        }]),
      )
    }`,
    "cpu 3, mem 7, launches 0",
  );
  throws(
    () => requestsOf(pod([{ requests: { cpu: "much" } }])),
    /what container "main" takes: .*"much"/,
  );
});

Deno.test("completeManifest() never lets a pod be restarted, and keeps what the template says", () => {
  const completed = completeManifest({
    kind: "Pod",
    metadata: { labels: { app: "mine" } },
    spec: {
      restartPolicy: "Always",
      nodeSelector: { disk: "fast" },
      containers: [{ ...main, env: [{ name: "JOB", value: "own" }] }, { name: "other" }],
      initContainers: [{ name: "before", terminationMessagePolicy: "File" }],
    },
  }, { environ: { JOB: "job", TASK: "task" }, deadline: 1.5, command: ["run"] });
  const TASK = { name: "TASK", value: "task" };
  const JOB = { name: "JOB", value: "job" };
  deepStrictEqual(completed, {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { labels: { app: "mine" } },
    spec: {
      activeDeadlineSeconds: 2,
      restartPolicy: "Never",
      nodeSelector: { disk: "fast" },
      containers: [
        { ...main, ...LAST_LINES, command: ["run"], env: [{ name: "JOB", value: "own" }, TASK] },
        { name: "other", ...LAST_LINES, env: [JOB, TASK] },
      ],
      initContainers: [{ name: "before", terminationMessagePolicy: "File", env: [JOB, TASK] }],
    },
  });
  const own = completeManifest({ kind: "Pod", spec: { containers: [{ ...main, args: ["x"] }] } }, {
    environ: {},
    deadline: undefined,
    command: ["run"],
  });
  deepStrictEqual(own.spec.containers, [{ ...main, ...LAST_LINES, args: ["x"], env: [] }]);
});

Deno.test("readManifest() says what is wrong with a template", async () => {
  const problems: [string, RegExp][] = [
    ["", /it is no object/],
    ["kind: Deployment", /its kind is "Deployment", not "Pod"/],
    ["{kind: Pod, apiVersion: v2, spec: {}}", /its apiVersion is "v2", not "v1"/],
    ["{kind: Pod}", /it has no spec/],
    ["{kind: Pod, spec: {containers: {}}}", /its spec has no containers/],
    ["{kind: Pod, spec: {containers: [1]}}", /a container of it is no object/],
    ["{kind: Pod, metadata: 1, spec: {containers: [{}]}}", /its metadata is no object/],
    ["kind: Pod\n---\nkind: Pod", /2 documents/],
    ["a: [", /line \d+/],
  ];
  for (const [text, problem] of problems) {
    await rejects(readManifest(text, "the template"), { class: "config", message: problem });
  }
  strictEqual(
    (await readManifest("{kind: Pod, spec: {containers: [{name: a}]}}", "it")).kind,
    "Pod",
  );
});
