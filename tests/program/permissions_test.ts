/** The table of permissions in the README: each row is enough, and none of it can be left out. */

import { ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { s3Server } from "../servers.ts";
import { ModuleServer, pipelineText } from "./machine.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a row is tried with. */
interface Trial {
  /** A program, beside the library. */
  readonly program?: string;
  /** What is run: `program.ts`, or that of this package. */
  readonly cli?: boolean;
  readonly args: readonly string[];
  /** What the words in capitals of the row stand for, beside FOLDER. */
  readonly words?: Readonly<Record<string, string>>;
  readonly ignore?: boolean;
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

const url = pipelineText("1");

function trialsFor(row: string, server: ModuleServer): Trial[] {
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
    case "`S3BucketRepository`": {
      if (s3Server.ignore) return [];
      const { endpoint, region, key, secret } = s3Server.variables;
      return [{
        program: `${head}
          import { s3Client } from "@datatask/datatask/s3";
          const client = await s3Client({ endpoint: ${
          JSON.stringify(endpoint)
        }, region: "${region}", forcePathStyle: true,
            credentials: { accessKeyId: "${key}", secretAccessKey: "${secret}" } });
          const bucket = new library.S3BucketRepository(client, "no-such-bucket");
          const error = await bucket.contains("one").then(() => undefined, (error) => error);
          Deno.exit(/NoSuchBucket/.test(error.message) ? 0 : 1);`,
        args: [],
        words: { HOST: new URL(endpoint).host },
      }];
    }
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
        prepare: (folder) => Deno.writeTextFile(join(folder, "file.ts"), url),
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
      throw new Error(`No trial for the row ${row}`);
  }
}

/** The rows of the table: what needs permissions, and which. */
async function rows(): Promise<[string, string[]][]> {
  const readme = await Deno.readTextFile(join(root, "README.md"));
  const table = /\| for +\| permissions +\|\n\|[-| ]+\|\n((?:\|.*\n)+)/.exec(readme)![1]!;
  return table.trim().split("\n").map((line) => {
    const [, what, flags] = line.split("|").map((cell) => cell.trim());
    return [what!, flags!.match(/--allow-[a-z]+(?:=[^\s`]+)?/g) ?? []];
  });
}

Deno.test("the README's table of permissions has the least that each verb and store needs", async (t) => {
  await using server = new ModuleServer({ "/p.ts": url });
  const all = await rows();
  ok(all.length >= 12);
  for (const [what, flags] of all) {
    await t.step(what, async () => {
      for (const trial of trialsFor(what, server)) await tryOut(trial, flags);
    });
  }
});

async function tryOut(trial: Trial, flags: readonly string[]): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const first = await run(trial, flags, folder);
    strictEqual(first.code, 0, `${flags} are not enough for ${trial.args}: ${first.stderr}`);
    for (const flag of flags) {
      await Deno.remove(folder, { recursive: true });
      await Deno.mkdir(folder);
      const { code } = await run(trial, flags.filter((other) => other !== flag), folder);
      ok(code !== 0, `${trial.args} does not need ${flag}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

async function run(
  { program, cli = false, args, words = {}, prepare }: Trial,
  flags: readonly string[],
  folder: string,
): Promise<{ code: number; stderr: string }> {
  const data = join(folder, "data");
  const cache = join(folder, "cache");
  await Deno.mkdir(data);
  await prepare?.(data);
  const all: Record<string, string> = {
    FOLDER: data,
    FILE: join(data, "file"),
    CACHE: cache,
    ...words,
  };
  const filled = (text: string): string =>
    text.replaceAll(/\b[A-Z]{4,}\b/g, (word) => all[word] ?? word);
  const script = join(folder, "program.ts");
  if (program !== undefined) await Deno.writeTextFile(script, program);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--no-check",
      "--config",
      join(root, "deno.json"),
      ...flags.map(filled),
      cli ? join(root, "cli.ts") : script,
      ...args.map(filled),
    ],
    cwd: folder,
    stdin: "null",
    env: { NO_COLOR: "1", DATATASK_CACHE: cache },
  }).output();
  await Deno.remove(data, { recursive: true });
  return { code, stderr: new TextDecoder().decode(stderr) };
}
