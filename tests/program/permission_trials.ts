/** What the rows of the README's table of permissions are tried with. */

import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import {
  kubeServer,
  mongoServer,
  registryServer,
  s3Server,
  type Server,
  sshServer,
} from "../servers.ts";
import { type ModuleServer, pipelineText } from "./machine.ts";

const root = new URL("../../", import.meta.url).href;

/** What a row is tried with. */
export interface Trial {
  /** A program, beside the library. */
  readonly program?: string;
  /** What is run: `program.ts`, or that of this package. */
  readonly cli?: boolean;
  readonly args: readonly string[];
  /** What the words in capitals of the row stand for, beside FOLDER. */
  readonly words?: Readonly<Record<string, string>>;
  /** Variables of the environment; FOLDER stands for the folder of the trial here as well. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder that it makes elsewhere. */
  readonly leaves?: string;
  /** Does what has to be done before each run. */
  prepare?(folder: string): Promise<void>;
}

const head = `
  import * as library from "@datatask/datatask";
  const { InProcessMetadataRepository, InProcessSyncTask, main, Pipeline } = library;
  const input = new InProcessMetadataRepository(new Map([["one", 1]]));
`;
const withDone = (done: string, args = "Deno.args"): string =>
  `${head}
  const task = new InProcessSyncTask("t", ${done}).link("in", input, { isInput: true }).func(() => {});
  await main(new Pipeline([task]), { args: ${args} });`;

const withExecutor = (executor: string): string =>
  `${head}
  const task = new library.ExecutorTask("t", ${executor}, new InProcessMetadataRepository())
    .link("in", input, { isInput: true }).func(() => {});
  export const pipeline = new Pipeline([task]);
  if (import.meta.main) await main(pipeline);`;

const VERBS = [
  "run",
  "update",
  "status",
  "trace one",
  "why t",
  "plan",
  "graph",
  "ls t.in",
  "cat t.in one",
  "rm t.in one",
  "launch t one",
  "completions bash",
  "help",
];

/** A pipeline that needs nothing. */
export const PIPELINE = pipelineText("1");

/**
 * What a row is tried with.
 *
 * @param row Its first cell.
 * @param server A server that has the pipeline.
 * @returns The trials; none, if the server that they need is not there.
 */
export function trialsFor(row: string, server: ModuleServer): Trial[] {
  switch (row) {
    case "verbs":
      return VERBS.map((verb) => ({
        program: withDone("new InProcessMetadataRepository()"),
        args: verb.split(" "),
      }));
    case "`shell`":
      return [{ program: withDone("new InProcessMetadataRepository()"), args: ["shell"] }];
    case "stores in memory, `InProcessSyncTask`":
      return [{ program: withDone("new InProcessMetadataRepository()"), args: ["run"] }];
    case "stores of files that are only read":
      return [{
        program: `${head}
          const files = new library.FileRepository(Deno.args[1]);
          await main(new Pipeline([new InProcessSyncTask("t", new InProcessMetadataRepository()).link("in", files, { isInput: true }).func(() => {})]), { args: ["run"] });`,
        args: ["run", "FOLDER"],
        prepare: (folder) => Deno.writeTextFile(join(folder, "one"), ""),
      }];
    case "stores of files":
      return [{
        program: withDone("new library.YamlMetadataFileRepository(Deno.args[1])", '["run"]'),
        args: ["run", "FOLDER"],
      }];
    case "stores in SQLite":
      return [{
        program: withDone(`new library.SqliteMetadataRepository(Deno.args[1], "t")`, '["run"]'),
        args: ["run", "FILE"],
      }];
    case "`S3BucketRepository`":
      return ofServer(s3Server, ({ endpoint, region, key, secret }) => ({
        program: `${head}
          import { s3Client } from "@datatask/datatask/s3";
          const client = await s3Client({ endpoint: "${endpoint}", region: "${region}", forcePathStyle: true,
            credentials: { accessKeyId: "${key}", secretAccessKey: "${secret}" } });
          const bucket = new library.S3BucketRepository(client, "no-such-bucket");
          const error = await bucket.contains("one").then(() => undefined, (error) => error);
          Deno.exit(/no such bucket/.test(error.message) ? 0 : 1);`,
        words: { HOST: new URL(endpoint).host },
      }));
    case "`MongoMetadataRepository`":
      return ofServer(mongoServer, ({ url }) => ({
        program: `${head}
          import { mongoClient } from "@datatask/datatask/mongodb";
          await using client = await mongoClient("${url}", { serverSelectionTimeoutMS: 300 });
          const records = new library.MongoMetadataRepository(client.db("no-such-database").collection("none"));
          Deno.exitCode = await records.contains("one") ? 1 : 0;`,
        words: { HOST: new URL(url).host },
      }));
    case "`DockerRepository`":
      return ofServer(registryServer, ({ host, user, password }) => ({
        program: `${head}
          const registry = new library.DockerRegistry("${host}", { username: "${user}", password: "${password}" });
          const images = new library.DockerRepository(registry, "${host}", "no/such");
          Deno.exitCode = await images.contains("one") ? 1 : 0;`,
        words: { HOST: host },
      }));
    case "`DockerRepository` with the login of `docker login`":
      return ofServer(registryServer, ({ host, user, password }) => ({
        program: `${head}
          const images = new library.DockerRepository(new library.DockerRegistry("${host}"), "${host}", "no/such");
          Deno.exitCode = await images.contains("one") ? 1 : 0;`,
        words: { HOST: host, KEYS: "FOLDER/config.json", HELPER: "FOLDER/docker-credential-trial" },
        env: { DOCKER_CONFIG: "FOLDER", PATH: `FOLDER:${Deno.env.get("PATH")}` },
        prepare: async (folder) => {
          await Deno.writeTextFile(
            join(folder, "config.json"),
            JSON.stringify({ credHelpers: { [host]: "trial" } }),
          );
          const login = JSON.stringify({ Username: user, Secret: password });
          await Deno.writeTextFile(
            join(folder, "docker-credential-trial"),
            `#!/bin/sh\ncat >/dev/null\necho '${login}'\n`,
            { mode: 0o755 },
          );
        },
      }));
    case "`ProcessTask` over SSH": {
      const name = crypto.randomUUID();
      return ofServer(sshServer, ({ host, port, user, key, knownHosts, directory }) => ({
        leaves: `${directory}/${name}`,
        program: `${head}
          import { sshClient } from "@datatask/datatask/ssh";
          const client = await sshClient({ host: "${host}", port: ${port}, username: "${user}", privateKey: Deno.readTextFileSync("${key}"), knownHosts: "${knownHosts}" });
          const manager = new library.SSHLinuxManager("permissions", client, { remotePath: "${directory}/${name}" });
          const task = new library.ProcessTask("t", new InProcessMetadataRepository(), { manager })
            .link("in", input, { isInput: true }).func(() => library.sh\`true\`);
          await main(new Pipeline([task]), { args: ["run"] });
          await client[Symbol.asyncDispose]();`,
        words: {
          HOST: `${host}:${port}`,
          KEYS: `${key},${knownHosts},${Deno.env.get("HOME")}/.ssh`,
        },
      }));
    }
    case "`KubeTask`":
      return ofServer(kubeServer, ({ config }) => ({
        // The client is imported, since here it is in a file: from the registry it can be had without asking.
        program: `${head}
          import "@datatask/datatask/kubernetes";
          const pods = new library.PodManager("permissions-${crypto.randomUUID()}", "default");
          const done = new InProcessMetadataRepository();
          const task = new library.KubeTask("t", pods, done, {}).link("in", input, { isInput: true }).pod(() => ({
            kind: "Pod",
            spec: { schedulerName: "nobody", containers: [{ name: "main", image: "nothing" }] },
          }));
          await using pipeline = new Pipeline([task]);
          await pipeline.open();
          await pipeline.update();
          await task.cancel("one");
          await library.run(pipeline);
          Deno.exitCode = (await done.info("one"))?.class === "cancelled" ? 0 : 1;`,
        words: { HOST: new URL(serverOf(config)).host, KEYS: config },
      }));
    case "`ExecutorTask` with `WorkerExecutor`":
      return [{ program: withExecutor("new library.WorkerExecutor({ size: 1 })"), args: ["run"] }];
    case "`ExecutorTask` with `SubprocessExecutor`":
      return [{
        program: withExecutor("new library.SubprocessExecutor({ size: 1 })"),
        args: ["run"],
        words: { DENO: Deno.execPath() },
        // As a user has it, whose program imports the library by its name.
        prepare: (folder) =>
          Deno.writeTextFile(
            join(folder, "../deno.json"),
            JSON.stringify({ imports: { "@datatask/datatask": `${root}mod.ts` } }),
          ),
      }];
    case "`ProcessTask`":
      return [{
        program: `${head}
          const task = new library.ProcessTask("t", new InProcessMetadataRepository(), { template: "true", manager: new library.LocalLinuxManager("permissions", { localPath: Deno.args[1] }) });
          await main(new Pipeline([task.link("in", input, { isInput: true })]), { args: ["run"] });`,
        args: ["run", "FOLDER"],
      }];
    case "`datatask --version`, `help`, `completions`":
      return [["--version"], ["help"], ["completions", "bash"]].map((args) => ({
        cli: true,
        args,
      }));
    case "`datatask new FILE`":
      return [{
        cli: true,
        args: ["new", "FILE"],
      }];
    case "`datatask doctor`":
      return [{ cli: true, args: ["doctor"] }];
    case "`datatask PATH VERB`":
      return [{
        cli: true,
        args: ["FILE.ts", "run"],
        prepare: (folder) => Deno.writeTextFile(join(folder, "file.ts"), PIPELINE),
      }];
    case "`datatask URL VERB`":
      return [{
        cli: true,
        args: [`${server.url}p.ts`, "run"],
        words: { HOST: new URL(server.url).host },
      }];
    case "`datatask lock URL`":
      return [{
        cli: true,
        args: ["lock", `${server.url}p.ts`, "--lock", "FILE.lock"],
        words: { HOST: new URL(server.url).host },
      }];
    default:
      throw new Error(`No trial for the row ${row}: add one here`);
  }
}

/** The URL of the cluster that a kubeconfig is for. */
function serverOf(config: string): string {
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromFile(config);
  return kubeconfig.getCurrentCluster()?.server ?? "";
}

/** The trial of a row that needs a server, if that is there. */
function ofServer<Name extends string>(
  server: Server<Name>,
  trial: (variables: Readonly<Record<Name, string>>) => Omit<Trial, "args">,
): Trial[] {
  return server.ignore ? [] : [{ args: [], ...trial(server.variables) }];
}
