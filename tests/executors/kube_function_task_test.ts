import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import {
  FileRepository,
  InProcessMetadataRepository,
  KubeFunctionTask,
  type KubernetesClient,
  launch,
  main,
  Pipeline,
  PipelineError,
  PodManager,
  type PodManifest,
  type PodRecord,
  run,
  S3BucketRepository,
  YamlMetadataFileRepository,
  YamlMetadataS3Repository,
} from "@datatask/datatask";
import packageConfig from "../../deno.json" with { type: "json" };
import { Captured } from "../lib/cli/captured.ts";
import { TestDatabase, urlOf } from "../repos/mongo_fixture.ts";
import { TestBucket } from "../repos/s3_fixture.ts";
import { kubeServer, mongoServer, s3Server } from "../servers.ts";
import { denoDir, Namespace, UNSCHEDULED } from "./kube.ts";
import { temporaryFolder } from "./processes.ts";

const full = {
  ignore: kubeServer.ignore || s3Server.ignore || mongoServer.ignore ||
    kubeServer.variables.mode !== "full",
};

const { name, version } = packageConfig;

/** A pod that nobody runs, with nothing to run in it. */
const UNSCHEDULED_IMAGE: PodManifest = {
  kind: "Pod",
  spec: { schedulerName: "nobody", containers: [{ name: "main", image: "nothing" }] },
};

const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

Deno.test("KubeFunctionTask refuses repositories that a pod cannot reach", async () => {
  const memory = new InProcessMetadataRepository();
  const task = new KubeFunctionTask("task", new PodManager("app", "default"), memory, {
    template: () => UNSCHEDULED,
    funcDone: memory,
  })
    .link("input", memory, { isInput: true })
    .link("view", memory.map((value) => value), { isOutput: true });
  await rejects(new Pipeline([task]).open(), (error) => {
    if (!(error instanceof PipelineError)) return false;
    match(error.problems.join("\n"), /task "task" has no function: give it one with \.func/);
    for (const link of ["func_done", "input", "view"]) {
      match(
        error.problems.join("\n"),
        new RegExp(
          `link "task\\.${link}" leads to .*, which holds its data in the memory of this program`,
        ),
      );
    }
    return true;
  });
});

/** A cluster without pods, in which none can be made. */
const NO_PODS: KubernetesClient = {
  listNamespacedPod: () => Promise.resolve({ items: [], metadata: { resourceVersion: "1" } }),
  async *watchNamespacedPod(_, signal) {
    yield { type: "BOOKMARK", object: {} };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
  createNamespacedPod: ({ dryRun }) => dryRun === undefined ? refuse() : Promise.resolve({}),
  readNamespacedPod: refuse,
  patchNamespacedPod: refuse,
  deleteNamespacedPod: refuse,
  listNamespacedEvent: refuse,
  streamNamespacedPodLog: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new Error("nobody is to ask for this"));
}

Deno.test("A-40: KubeFunctionTask calls its function here with launch --sync, with a record of its own or without", async () => {
  await using folder = await temporaryFolder();
  const store = (name: string): YamlMetadataFileRepository =>
    new YamlMetadataFileRepository(`${folder.path}/${name}`);
  const input = store("input");
  await input.validate({ create: true });
  for (const job of ["without", "with"]) await input.dump(job, 1);
  for (const job of ["without", "with"]) {
    const [output, done, funcDone] = [store("output"), store("done"), store("func_done")];
    const task = new KubeFunctionTask("task", new PodManager("app", "default", NO_PODS), done, {
      template: () => UNSCHEDULED,
      ready: input,
      timeout: 60,
      ...job === "with" && { funcDone },
    })
      .link("input", input, { isInput: true })
      .link("output", output, { isOutput: true })
      .func(({ job, output }) => output.dump(job, { job }));
    strictEqual(await launch(new Pipeline([task]), "task", job, { sync: true }), "succeeded");
    deepStrictEqual(await output.info(job), { job });
    strictEqual((await done.info(job) as PodRecord).success, true);
    if (job === "with") strictEqual((await funcDone.info(job) as PodRecord).success, true);
  }
});

Deno.test("launch --sync of a function that is called here, or in its pod, does not show what an earlier attempt has written", async () => {
  await using folder = await temporaryFolder();
  const store = new YamlMetadataFileRepository(`${folder.path}/output`);
  const logs = new FileRepository(`${folder.path}/logs`, ".log");
  await logs.validate({ create: true });
  await logs.writeText("job", "old news\n");
  const task = new KubeFunctionTask("task", new PodManager("app", "default", NO_PODS), store, {
    template: () => UNSCHEDULED,
    logs,
  })
    .link("output", store, { isOutput: true })
    .link("input", logs, { isInput: true })
    .func(() => {});
  using captured = new Captured();
  const args = ["launch", "task", "job", "--sync", "--force"];
  strictEqual(await main(new Pipeline([task]), { args }), 0);
  strictEqual(captured.text, "");
});

Deno.test("KubeFunctionTask records why a pod cannot load the pipeline", {
  ignore: kubeServer.ignore || kubeServer.variables.mode !== "full",
}, async () => {
  await using namespace = await Namespace.make();
  await using folder = await temporaryFolder();
  const done = new InProcessMetadataRepository<PodRecord>();
  const input = new YamlMetadataFileRepository(`${folder.path}/input`);
  await input.validate({ create: true });
  await input.dump("job", 1);
  const manager = new PodManager("app", namespace.name, namespace.client);
  const task = new KubeFunctionTask("task", manager, done, {
    template: () => ({
      kind: "Pod",
      spec: { containers: [{ name: "main", image: kubeServer.variables.denoImage }] },
    }),
  })
    .link("input", input, { isInput: true })
    .func(() => {});
  strictEqual((await run(new Pipeline([task]))).failed, 1);
  match((await done.info("job"))?.exception ?? "", /Module not found "file:/);
  deepStrictEqual(await namespace.pods(), []);
});

/** A pipeline by URL. */
const BY_URL = `
import { KubeFunctionTask, Pipeline, PodManager, YamlMetadataFileRepository } from "@datatask/datatask";

const store = (name) => new YamlMetadataFileRepository(Deno.env.get("TEST_FOLDER") + "/" + name);
const task = new KubeFunctionTask("task", new PodManager("app", Deno.env.get("TEST_NAMESPACE")), store("done"), {
  template: { file: Deno.env.get("TEST_FOLDER") + "/pod.json" },
})
  .link("input", store("input"), { isInput: true })
  .link("output", store("output"), { isOutput: true })
  .func(({ job, output }) => output.dump(job, import.meta.url));
export const pipeline = new Pipeline([task]);
`;

/** Has the program do something with it, with such pods for the function. Gives the URL. */
async function runByUrl(
  namespace: Namespace,
  folder: string,
  pod: PodManifest,
  ...verb: string[]
): Promise<string> {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(BY_URL, { headers: { "Content-Type": "text/javascript" } }),
  );
  for (const name of ["input", "output"]) await Deno.mkdir(`${folder}/${name}`);
  await Deno.writeTextFile(`${folder}/input/job.yaml`, "1");
  await Deno.writeTextFile(`${folder}/config`, JSON.stringify(namespace.kubeconfig));
  await Deno.writeTextFile(`${folder}/pod.json`, JSON.stringify(pod));
  const url = `http://127.0.0.1:${server.addr.port}/pipeline.js`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${root}/cli.ts`, url, ...verb],
    env: {
      DATATASK_CACHE: `${folder}/cache`,
      KUBECONFIG: `${folder}/config`,
      TEST_FOLDER: folder,
      TEST_NAMESPACE: namespace.name,
    },
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return url;
}

Deno.test(
  "KubeFunctionTask of a pipeline that the program runs by URL has the program run it in its pods",
  { ignore: kubeServer.ignore },
  async () => {
    await using namespace = await Namespace.make();
    await using folder = await temporaryFolder();
    const url = await runByUrl(namespace, folder.path, UNSCHEDULED_IMAGE, "launch", "task", "job");
    const [pod] = await namespace.pods();
    deepStrictEqual(
      pod?.spec?.containers[0]?.command,
      ["deno", "run", "-A", `jsr:${name}@${version}/cli`, url].concat(
        ["launch", "task", "job", "--sync", "--force"],
      ),
    );
  },
);

Deno.test("KubeFunctionTask of a pipeline by URL runs in a pod that has the program", {
  ignore: kubeServer.ignore || kubeServer.variables.mode !== "full",
}, async () => {
  await using namespace = await Namespace.make();
  await using folder = await temporaryFolder();
  const mounts = [await denoDir(), root, folder.path];
  const env = {
    DATATASK_CACHE: "/tmp/cache",
    DENO_DIR: mounts[0]!,
    TEST_FOLDER: folder.path,
    TEST_NAMESPACE: namespace.name,
  };
  const url = await runByUrl(namespace, folder.path, {
    kind: "Pod",
    spec: {
      hostNetwork: true,
      containers: [{
        name: "main",
        image: kubeServer.variables.denoImage,
        command: ["deno", "run", "-A", `${root}/cli.ts`], // as an image that has the program
        args: ["{{ argv0 }}", "launch", "{{ task }}", "{{ job }}", "--sync", "--force"],
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
        volumeMounts: mounts.map((mountPath, index) => ({ name: `m${index}`, mountPath })),
      }],
      volumes: mounts.map((path, index) => ({ name: `m${index}`, hostPath: { path } })),
    },
  }, "run");
  const store = (name: string): YamlMetadataFileRepository =>
    new YamlMetadataFileRepository(`${folder.path}/${name}`);
  strictEqual(await store("output").info("job"), url);
  strictEqual((await store("done").info("job") as PodRecord).reason, "Succeeded");
});

Deno.test("KubeFunctionTask reads S3 and writes MongoDB from within pods", full, async () => {
  await using namespace = await Namespace.make();
  await using database = await TestDatabase.make();
  await using bucket = await TestBucket.make();
  const texts = new S3BucketRepository(bucket.client, bucket.name);
  await texts.writeText("Moby", "Call me Ishmael.");
  await texts.writeText("blank", "");
  await using folder = await temporaryFolder();
  const config = `${folder.path}/config`;
  await Deno.writeTextFile(config, JSON.stringify(namespace.kubeconfig));
  const program = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${root}/tests/executors/kube_function_program.ts`, "run"],
    env: {
      KUBECONFIG: config,
      DENO_DIR: await denoDir(),
      TEST_BUCKET: bucket.name,
      TEST_DATABASE: database.name,
      TEST_IMAGE: kubeServer.variables.denoImage,
      TEST_NAMESPACE: namespace.name,
      TEST_ROOT: root,
      DATATASK_TEST_MONGO_URL: urlOf(),
    },
  }).output();
  const said = new TextDecoder().decode(program.stderr);
  strictEqual(program.code, 1, said); // as one of the jobs fails
  deepStrictEqual(await database.repository("counts").infoAll(), new Map([["Moby", { words: 3 }]]));
  const done = database.repository("done");
  const well = await done.info("Moby") as PodRecord;
  deepStrictEqual([well.success, well.reason, well.node], [true, "Succeeded", "localhost"]);
  const failed = await done.info("blank") as PodRecord;
  deepStrictEqual(
    [failed.class, failed.exception, failed.return_code, failed.attempts],
    ["user", "RangeError: nothing is written here", 1, 1],
  );
  match(failed.traceback?.[1] ?? "", /kube_function_program\.ts/);
  const functions = database.repository("func_done");
  strictEqual((await functions.info("Moby") as PodRecord).success, true);
  strictEqual((await functions.info("blank") as PodRecord).exception, failed.exception);
  deepStrictEqual(await namespace.pods(), []);
});

Deno.test(
  "examples/kubernetes.ts counts words here, and in pods by setting a variable",
  full,
  async () => {
    await using namespace = await Namespace.make();
    await using bucket = await TestBucket.make();
    await using folder = await temporaryFolder();
    const { endpoint, key, secret } = s3Server.variables;
    const mounts = [await denoDir(), root];
    const env = {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: key,
      AWS_SECRET_ACCESS_KEY: secret,
      DENO_DIR: mounts[0]!,
      EXAMPLE_BUCKET: bucket.name,
      EXAMPLE_RESULTS: `${folder.path}/here`,
      NO_COLOR: "1",
    };
    const example = async (more: Record<string, string>): Promise<string> => {
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", `${root}/examples/kubernetes.ts`, "run"],
        env: { ...env, ...more },
      }).output();
      return new TextDecoder().decode(stderr).replaceAll(/^.*\d\/s.*\n/gm, "");
    };
    strictEqual(await example({}), "upload: 12 done\ncount: 12 done\n");
    const countsNow = async (): Promise<Map<string, number | undefined>> =>
      await new YamlMetadataS3Repository<number>(bucket.client, bucket.name, { prefix: "counts/" })
        .infoAll();
    const counts = await countsNow();
    strictEqual(counts.size, 12);
    // Again, in pods: with the very template of the example, but for what pods of tests need.
    const pod = `${folder.path}/pod.json`;
    const variables = { ...env, EXAMPLE_NAMESPACE: namespace.name, EXAMPLE_RESULTS: "/tmp" };
    await Deno.writeTextFile(
      pod,
      JSON.stringify({
        kind: "Pod",
        spec: {
          hostNetwork: true,
          containers: [{
            name: "main",
            image: kubeServer.variables.denoImage,
            env: Object.entries(variables).map(([name, value]) => ({ name, value })),
            volumeMounts: mounts.map((mountPath, index) => ({ name: `m${index}`, mountPath })),
            resources: { requests: { cpu: "100m", memory: "1Gi" } },
          }],
          volumes: mounts.map((path, index) => ({ name: `m${index}`, hostPath: { path } })),
        },
      }),
    );
    await Deno.writeTextFile(`${folder.path}/config`, JSON.stringify(namespace.kubeconfig));
    const said = await example({
      EXAMPLE_NAMESPACE: namespace.name,
      EXAMPLE_POD: pod,
      EXAMPLE_RESULTS: `${folder.path}/there`,
      KUBECONFIG: `${folder.path}/config`,
    });
    strictEqual(said, "upload: 12 done\ncount: 12 done\n");
    deepStrictEqual(await countsNow(), counts);
  },
);
