import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  InProcessBlobRepository,
  InProcessMetadataRepository,
  KubeTask,
  Pipeline,
  PodManager,
  type PodRecord,
  ResourceManager,
  Resources,
  run,
} from "@datatask/datatask";
import { kubeServer } from "../servers.ts";
import { Namespace } from "./kube.ts";

const { ignore } = kubeServer;
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
