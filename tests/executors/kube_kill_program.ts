/**
 * A run of jobs that are pods, to be killed: `kube_kill_program.ts FOLDER NAMESPACE COUNT REAL`, with the address and a
 * token of the cluster in the environment.
 *
 * @module
 */

import {
  FileRepository,
  InProcessMetadataRepository,
  KubeTask,
  Pipeline,
  PodManager,
  run,
  YamlMetadataFileRepository,
} from "@datatask/datatask";
import { kubernetesClient } from "@datatask/datatask/kubernetes";

const [folder = ".", namespace = "", count = "1", real = ""] = Deno.args;
const client = await kubernetesClient({
  cluster: { server: Deno.env.get("SERVER") ?? "", caData: Deno.env.get("CA") },
  user: { token: Deno.env.get("TOKEN") },
});
const manager = new PodManager("kill", namespace, client);
const input = new InProcessMetadataRepository(
  new Map(Array.from({ length: Number(count) }, (_, index) => [`Job_${index}`, index])),
);
const task = new KubeTask("task", manager, new YamlMetadataFileRepository(`${folder}/done`), {
  logs: new FileRepository(`${folder}/logs`),
  maxConcurrent: real ? 20 : 200,
  template: ({ job }) => ({
    kind: "Pod",
    spec: {
      terminationGracePeriodSeconds: 0,
      ...!real && { schedulerName: "nobody" },
      containers: [{
        name: "main",
        image: Deno.env.get("DATATASK_TEST_KUBE_IMAGE"),
        command: ["sh", "-c", `echo ${job} $HOSTNAME`],
      }],
    },
  }),
}).link("input", input, { isInput: true });
const { succeeded, failed } = await run(new Pipeline([task]));
client.close();
console.log(JSON.stringify({ succeeded, failed }));
