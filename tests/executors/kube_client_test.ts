import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  InProcessBlobRepository,
  InProcessMetadataRepository,
  KubeTask,
  Pipeline,
  PodManager,
  run,
} from "@datatask/datatask";
import { kubernetesClient } from "@datatask/datatask/kubernetes";
import { kubeServer } from "../servers.ts";
import { denoDir, Namespace, UNSCHEDULED } from "./kube.ts";
import { temporaryFolder } from "./processes.ts";

const { ignore } = kubeServer;
const full = { ignore: ignore || kubeServer.variables.mode !== "full" };

Deno.test(
  "kubernetesClient() logs in with a token and with a certificate",
  { ignore },
  async () => {
    await using namespace = await Namespace.make();
    for (const context of ["token", "certificate"]) {
      using client = await kubernetesClient({ file: kubeServer.variables.config, context });
      await using manager = new PodManager("app", namespace.name, client);
      deepStrictEqual(await manager.query(), []);
      match(`${client}`, /^https:\/\/127\.0\.0\.1:\d+$/);
    }
    await using folder = await temporaryFolder();
    const tokenFile = `${folder.path}/token`;
    await Deno.writeTextFile(tokenFile, `${namespace.token}\n`);
    using client = await kubernetesClient({
      cluster: namespace.admin.cluster,
      user: { tokenFile },
    });
    await using manager = new PodManager("app", namespace.name, client);
    deepStrictEqual(await manager.query(), []);
    using stranger = await kubernetesClient({
      cluster: namespace.admin.cluster,
      user: { token: "x" },
    });
    await using refused = new PodManager("app", namespace.name, stranger);
    await rejects(refused.query(), /Cannot list pods: Unauthorized; log in again/);
  },
);

Deno.test("kubernetesClient() reads the token of a file again as it rotates", {
  ignore: ignore || Deno.env.get("DATATASK_SWEEP") !== "1", // it does so each minute
}, async () => {
  await using namespace = await Namespace.make();
  await using folder = await temporaryFolder();
  const tokenFile = `${folder.path}/token`;
  await Deno.writeTextFile(tokenFile, "of yesterday");
  using client = await kubernetesClient({ cluster: namespace.admin.cluster, user: { tokenFile } });
  await using manager = new PodManager("app", namespace.name, client);
  await rejects(manager.query(), /Unauthorized/);
  await Deno.writeTextFile(tokenFile, namespace.token);
  await new Promise((resolve) => setTimeout(resolve, 61_000));
  deepStrictEqual(await manager.query(), []);
});

Deno.test("kubernetesClient() finds the kubeconfig in the home folder, and may read no more than that", async () => {
  await using folder = await temporaryFolder();
  const home = await Deno.realPath(folder.path);
  await Deno.mkdir(`${home}/.kube`);
  await Deno.writeTextFile(
    `${home}/.kube/config`,
    JSON.stringify({
      clusters: [{ name: "test", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "test", user: {} }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      "current-context": "test",
    }),
  );
  const root = new URL("../../", import.meta.url);
  const program = `${home}/program.ts`;
  await Deno.writeTextFile(
    program,
    `import { kubernetesClient } from "${root}executors/kube_client.ts";
    using client = await kubernetesClient();
    console.log(String(client));`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `--config=${new URL("deno.json", root).pathname}`,
      `--allow-read=${home}/.kube`,
      "--allow-env",
      program,
    ],
    env: { HOME: home, KUBECONFIG: "", DENO_DIR: await denoDir() },
  }).output();
  strictEqual(
    new TextDecoder().decode(stdout),
    "https://127.0.0.1:1\n",
    new TextDecoder().decode(stderr),
  );
});

Deno.test(
  "PodManager finds its cluster by KUBECONFIG, and in a pod by the service account",
  full,
  async () => {
    await using namespace = await Namespace.make();
    await using folder = await temporaryFolder();
    const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
    const program = `${folder.path}/program.ts`;
    await Deno.writeTextFile(
      program,
      `import { PodManager } from "${root}/mod.ts";
     const manager = new PodManager("inner", "${namespace.name}");
     const pods = await manager.query();
     await manager.close();
     console.log("pods: " + pods.length);`,
    );
    await using other = new PodManager("inner", namespace.name, namespace.client);
    await other.launch("job", "task", UNSCHEDULED);
    const args = ["run", "-A", `--config=${root}/deno.json`, program];
    const config = `${folder.path}/config`;
    await Deno.writeTextFile(config, JSON.stringify(namespace.kubeconfig));
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      env: { KUBECONFIG: config },
    }).output();
    strictEqual(new TextDecoder().decode(stdout), "pods: 1\n", new TextDecoder().decode(stderr));

    const mounts = [await denoDir(), root, folder.path];
    const { hostname, port } = new URL(namespace.admin.cluster.server);
    const logs = new InProcessBlobRepository();
    const task = new KubeTask(
      "task",
      new PodManager("outer", namespace.name, namespace.client),
      new InProcessMetadataRepository(),
      {
        logs,
        template: () => ({
          kind: "Pod",
          spec: {
            hostNetwork: true,
            serviceAccountName: "datatask",
            containers: [{
              name: "main",
              image: kubeServer.variables.denoImage,
              command: ["deno", ...args],
              env: [
                { name: "DENO_DIR", value: mounts[0] },
                { name: "KUBERNETES_SERVICE_HOST", value: hostname },
                { name: "KUBERNETES_SERVICE_PORT", value: port },
              ],
              volumeMounts: mounts.map((mountPath, index) => ({ name: `m${index}`, mountPath })),
            }],
            volumes: mounts.map((path, index) => ({ name: `m${index}`, hostPath: { path } })),
          },
        }),
      },
    ).link("input", new InProcessMetadataRepository(new Map([["job", 1]])), { isInput: true });
    await run(new Pipeline([task]));
    const said = await logs.readText("job");
    ok(said.endsWith("pods: 1\n"), said);
  },
);
