/**
 * The program as single files, built with what can be had here: see scripts/compile.ts.
 *
 * With DATATASK_SWEEP=1 all tests of the program run with each file; otherwise a few do.
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mongoServer, s3Server, sshServer } from "../servers.ts";
import { Machine, ModuleServer, type Outcome, pipelineText } from "./machine.ts";
import { authority, cert, key } from "./tls.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const supported = Deno.build.target === "x86_64-unknown-linux-gnu";
const CHANNELS = ["datatask-for-tests", `datatask-${Deno.build.target}.run`];

interface Report {
  readonly embedded: number;
  readonly files: Record<string, { readonly size: number; readonly empty?: number }>;
}

let folder: Promise<string> | undefined;

/** Builds the files, once. */
function built(): Promise<string> {
  return folder ??= build();
}

async function build(): Promise<string> {
  const output = await Deno.makeTempDir({ prefix: "datatask-built-" });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "-q",
      join(root, "scripts/compile.ts"),
      "--test-runtime",
      "--output",
      output,
    ],
    cwd: root,
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return output;
}

Deno.test.afterAll(async () => {
  if (folder !== undefined) await Deno.remove(await folder, { recursive: true });
});

/** A machine with nothing on it but the program. */
class BareMachine extends Machine {
  readonly #path: string;

  constructor(path: string) {
    super([path]);
    this.#path = path;
  }

  override command(
    args: readonly string[],
    options: Partial<Deno.CommandOptions> = {},
  ): Deno.Command {
    const runtime = join(dirname(this.#path), "runtime");
    const env = {
      HOME: this.folder,
      PATH: "/usr/bin:/bin",
      DATATASK_RUNTIME: runtime,
      ...options.env,
    };
    return super.command(args, { ...options, clearEnv: true, env });
  }
}

for (const channel of CHANNELS) {
  const test = (
    title: string,
    body: (machine: BareMachine) => Promise<void>,
    ignore = false,
  ): void =>
    Deno.test(`${channel} ${title}`, { ignore: !supported || ignore }, async () => {
      await using machine = new BareMachine(join(await built(), channel));
      await body(machine);
    });

  test("runs the example by https, and again when the network is gone", async (machine) => {
    const first = /```ts\n([^]*?)```/.exec(await Deno.readTextFile(join(root, "README.md")))![1]!;
    await machine.write("ca.pem", authority);
    await Deno.mkdir(join(machine.work, "books"));
    await machine.write("books/moby.txt", "Call me Ishmael.");
    const options = { env: { DENO_CERT: join(machine.work, "ca.pem") } };
    let url: string;
    {
      await using server = new ModuleServer({ "/pipeline.ts": first }, { cert, key });
      url = `${server.url}pipeline.ts`;
      deepStrictEqual(await machine.run([url, "run"], options), done("summary"));
    }
    await machine.write("books/emma.txt", "Emma Woodhouse");
    deepStrictEqual(await machine.run([url, "run"], options), done("summary"));
    deepStrictEqual(await machine.run([url, "status"], options), {
      code: 0,
      stdout: "summary\nsummary.books 2\nsummary.done 2\nsummary.reports 2\n\n",
      stderr: "",
    });
  });

  test("runs processes, templates and SQLite", async (machine) => {
    await machine.write(
      "pipeline.ts",
      `import { FileRepository, InProcessMetadataRepository, Pipeline, ProcessTask, SqliteMetadataRepository } from "@datatask/datatask";
       const input = new InProcessMetadataRepository(new Map([["one", 1]]));
       export default new Pipeline([
         new ProcessTask("p", new SqliteMetadataRepository("done.db", "p"), { template: "echo {{ job | shquote }} {{ input }}", stdout: new FileRepository("./out") })
           .link("input", input, { isInput: true }),
       ]);`,
    );
    deepStrictEqual(await machine.run(["run"]), done("p"));
    strictEqual((await machine.run(["cat", "p.stdout", "one"])).stdout, "one 1\n");
  });

  test("starts workers with the modules of a pipeline by URL", async (machine) => {
    await using server = new ModuleServer({
      "/p.ts": pipelineText(
        `new Promise((resolve) => { const worker = new Worker(new URL("./w.ts", import.meta.url), { type: "module" }); worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); }; worker.postMessage(20); })`,
      ),
      "/w.ts":
        `import { plus } from "./plus.ts"; self.onmessage = ({ data }: MessageEvent<number>) => self.postMessage(plus(data));`,
      "/plus.ts": "export const plus = (x: number): number => x + 1;",
    });
    deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"]), {
      ...done("show"),
      stdout: "21\n",
    });
  });

  test("runs functions in threads and in processes, with the modules of a pipeline by URL", async (machine) => {
    await using server = new ModuleServer({
      "/p.ts": `
        import { ExecutorTask, FileRepository, InProcessMetadataRepository, Pipeline, SubprocessExecutor, WorkerExecutor, YamlMetadataFileRepository } from "@datatask/datatask";
        import { place } from "./place.ts";
        const make = (name: string, executor: WorkerExecutor | SubprocessExecutor) =>
          new ExecutorTask(name, executor, new YamlMetadataFileRepository("./done-" + name))
            .link("input", new InProcessMetadataRepository(new Map([["one", 1], ["two", 2]])), { isInput: true })
            .link("out", new FileRepository("./out-" + name), { isOutput: true })
            .func(async ({ job, out }) => { await out.writeText(job, job + (await import("./later.ts")).later + place(import.meta.url)); });
        export const pipeline = new Pipeline([make("threads", new WorkerExecutor({ size: 2 })), make("processes", new SubprocessExecutor({ size: 2 }))]);`,
      "/place.ts": "export const place = (url: string): string => new URL(url).pathname;",
      "/later.ts": "export const later: string = ' at ';",
    });
    deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"]), {
      code: 0,
      stdout: "",
      stderr: "threads: 2 done\nprocesses: 2 done\n",
    });
    for (const name of ["threads", "processes"]) {
      strictEqual(await Deno.readTextFile(join(machine.work, `out-${name}/two`)), "two at /p.ts");
    }
  });

  test("runs a module in a process of its own, as a subprocess of a pipeline", async (machine) => {
    await machine.write("m.js", "console.log(JSON.stringify(Deno.args));");
    const module = new URL(`file://${machine.work}/m.js`).href;
    deepStrictEqual(await machine.run(["__module", module, "a", "--b", "-"]), {
      code: 0,
      stdout: '["a","--b","-"]\n',
      stderr: "",
    });
  });

  test("names the place of an error in the module", async (machine) => {
    await using server = new ModuleServer({
      "/p.ts": "type A = 1;\nfunction fail(): void { throw new Error('boom'); }\nfail();",
    });
    const { code, stderr } = await machine.run([`${server.url}p.ts`, "run"]);
    strictEqual(code, 3);
    match(stderr, /at fail \(http:\S+\/p\.ts:2:31\)\n {4}at http:\S+\/p\.ts:3:1/);
  });

  test("carries the packages of its stores, also for a pipeline that imports them", async (machine) => {
    const names = Object.keys(
      JSON.parse((await machine.run(["doctor", "--json"])).stdout).packages,
    );
    const packages = names.filter((name) => !name.startsWith("@datatask/"));
    for (
      const name of [
        "@aws-sdk/client-s3",
        "js-yaml",
        "minijinja-js",
        "mongodb",
        "ssh2",
        "typescript",
      ]
    ) {
      ok(packages.includes(name), `${name} is not in ${packages}`);
    }
    await machine.write(
      "pipeline.ts",
      pipelineText(
        "[typeof S3Client, typeof load, typeof s3Client, typeof MongoClient, typeof mongoClient]",
        `import { S3Client } from "npm:@aws-sdk/client-s3@3"; import { load } from "js-yaml"; import { s3Client } from "@datatask/datatask/s3";
         import { MongoClient } from "npm:mongodb"; import { mongoClient } from "@datatask/datatask/mongodb";`,
      ),
    );
    strictEqual(
      (await machine.run(["run"])).stdout,
      '["function","function","function","function","function"]\n',
    );
    strictEqual((await machine.run(["doctor"])).code, 0);
  });

  test("is not much larger than what is in it", async () => {
    const { embedded, files }: Report = JSON.parse(
      await Deno.readTextFile(join(await built(), "report.json")),
    );
    const { size, empty } = files[channel]!;
    if (empty !== undefined) {
      ok(size < 1.1 * (empty + embedded), `${size} bytes, ${empty} + ${embedded}`);
    } else ok(size < 50e6, `${size} bytes`);
  });

  test("sums and lists what it is made of", async () => {
    const output = await built();
    const { success } = await new Deno.Command("sha256sum", {
      args: ["-c", "--quiet", "SHA256SUMS"],
      cwd: output,
    }).output();
    ok(success);
    const list = await Deno.readTextFile(join(output, "THIRD_PARTY.md"));
    match(list, /\n- typescript 5\.9\.3: Apache-2\.0\n/);
    match(list, /\n- js-yaml \S+: MIT\n/);
  });

  test("reads from S3 by URL, as the library's example says", async (machine) => {
    const { endpoint, region, key: accessKeyId, secret } = s3Server.variables;
    const bucket = `built-${crypto.randomUUID()}`;
    await using server = new ModuleServer({
      "/p.ts": `
        import { FileRepository, InProcessSyncTask, Pipeline, S3BucketRepository, Session, YamlMetadataFileRepository } from "@datatask/datatask";
        import { s3Client } from "@datatask/datatask/s3";
        const session = new Session();
        const bucket = session.resource(async function* bucket() {
          const client = await s3Client({ endpoint: Deno.env.get("E")!, region: Deno.env.get("R")!, forcePathStyle: true, credentials: { accessKeyId: Deno.env.get("K")!, secretAccessKey: Deno.env.get("S")! } });
          try { yield client; } finally { client.destroy(); }
        });
        const books = new S3BucketRepository(bucket, "${bucket}", { prefix: "books/", suffix: ".txt" });
        export const pipeline = new Pipeline([
          new InProcessSyncTask("summary", new YamlMetadataFileRepository("./results"))
            .link("books", books, { isInput: true })
            .link("reports", new FileRepository("./reports", ".txt"), { isOutput: true })
            .func(async ({ job, books, reports }) => { await reports.writeText(job, String((await books.readText(job)).split(/\\s+/).length)); }),
        ], session);`,
    });
    const {
      S3Client,
      CreateBucketCommand,
      PutObjectCommand,
      DeleteObjectCommand,
      DeleteBucketCommand,
    } = await import("@aws-sdk/client-s3");
    const client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey: secret },
    });
    const object = { Bucket: bucket, Key: "books/moby.txt" };
    try {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      await client.send(new PutObjectCommand({ ...object, Body: "Call me Ishmael." }));
      const env = { E: endpoint, R: region, K: accessKeyId, S: secret };
      deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"], { env }), done("summary"));
      strictEqual(await Deno.readTextFile(join(machine.work, "reports/moby.txt")), "3");
    } finally {
      await client.send(new DeleteObjectCommand(object));
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
      client.destroy();
    }
  }, s3Server.ignore);

  test("keeps records in MongoDB, and runs processes over SSH, by URL", async (machine) => {
    const { host, port, user, key: privateKey, knownHosts, directory } = sshServer.variables;
    const collection = `built-${crypto.randomUUID()}`;
    const sshFolder = `${directory}/${collection}`;
    await using server = new ModuleServer({
      "/p.ts": `
        import { InProcessMetadataRepository, MongoMetadataRepository, Pipeline, ProcessTask, Session, SSHLinuxManager, sh } from "@datatask/datatask";
        import { mongoClient } from "@datatask/datatask/mongodb";
        import { sshClient } from "@datatask/datatask/ssh";
        const session = new Session();
        const records = session.resource(async function* records() {
          await using client = await mongoClient(Deno.env.get("M")!);
          yield client.db("datatask").collection("${collection}");
        });
        const machine = session.resource(() => sshClient({ host: "${host}", port: ${port}, username: "${user}", privateKey: Deno.readTextFileSync("${privateKey}"), knownHosts: "${knownHosts}" }));
        export const pipeline = new Pipeline([
          new ProcessTask("p", new MongoMetadataRepository(records), { manager: new SSHLinuxManager("built", machine, { remotePath: "${sshFolder}" }) })
            .link("input", new InProcessMetadataRepository(new Map([["one", 1]])), { isInput: true })
            .func(() => sh\`true\`),
        ], session);`,
    });
    const env = { M: mongoServer.variables.url };
    try {
      deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"], { env }), done("p"));
      match(
        (await machine.run([`${server.url}p.ts`, "cat", "p.done", "one"], { env })).stdout,
        /success: true/,
      );
    } finally {
      const { MongoClient } = await import("mongodb");
      const client = new MongoClient(mongoServer.variables.url);
      await client.db("datatask").collection(collection).drop();
      await client.close();
      await Deno.remove(sshFolder, { recursive: true });
    }
  }, mongoServer.ignore || sshServer.ignore);

  Deno.test(`${channel} passes all tests of the program`, {
    ignore: !supported || !Deno.env.get("DATATASK_SWEEP"),
  }, async () => {
    const files = ["faults", "modules", "trust", "verbs"].map((name) =>
      join(root, `tests/program/${name}_test.ts`)
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--parallel", "--no-check", ...files],
      cwd: root,
      env: {
        DATATASK_TEST_PROGRAM: join(await built(), channel),
        DATATASK_SWEEP: "",
        NO_COLOR: "1",
      },
    }).output();
    strictEqual(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  });
}

Deno.test(
  "datatask compiled without the network says that a package is not in it, and what to do",
  { ignore: !supported },
  async () => {
    await using machine = new BareMachine(join(await built(), CHANNELS[0]!));
    await machine.write("pipeline.ts", pipelineText("1", `import ms from "npm:ms@2"; ms;`));
    const { code, stdout, stderr } = await machine.run(["run"]);
    deepStrictEqual([code, stdout], [3, ""]);
    match(
      stderr,
      /Cannot load npm:ms@2: this program is one file and carries no packages from npm but .*js-yaml@5\S+.*; run the pipeline with deno run -A, or import the package as modules from an https URL\n {2}imported by file:\S+pipeline\.ts:3:5\n$/,
    );
  },
);

Deno.test(
  "the file that unpacks itself takes permissions when it is run",
  { ignore: !supported },
  async () => {
    await using machine = new BareMachine(join(await built(), CHANNELS[1]!));
    await machine.write(
      "pipeline.ts",
      pipelineText("Deno.permissions.querySync({ name: 'run' }).state"),
    );
    strictEqual((await machine.run(["run"])).stdout, '"granted"\n');
    const env = { DATATASK_PERMISSIONS: "--allow-read --allow-write --allow-env" };
    strictEqual((await machine.run(["run"], { env })).stdout, '"prompt"\n');
  },
);

function done(task: string): Outcome {
  return { code: 0, stdout: "", stderr: `${task}: 1 done\n` };
}
