import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { Machine, ModuleServer, pipelineText } from "./machine.ts";

Deno.test("datatask --version says the version", async () => {
  await using machine = new Machine();
  deepStrictEqual(await machine.run(["--version"]), {
    code: 0,
    stdout: `datatask ${config.version}\n`,
    stderr: "",
  });
});

Deno.test("datatask help shows the verbs, those that need no pipeline and the options of loading", async () => {
  await using machine = new Machine();
  for (const word of ["help", "--help", "-h"]) {
    const { code, stdout, stderr } = await machine.run([word]);
    deepStrictEqual([code, stderr], [0, ""]);
    for (
      const part of [
        /^usage: datatask \[PIPELINE\] VERB/,
        /\n {2}new \[FILE\] /,
        /\n {2}--integrity /,
        /\n {2}status /,
        /\n {2}130 /,
      ]
    ) {
      match(stdout, part);
    }
  }
  const { code, stdout } = await machine.run(["help", "status"]);
  strictEqual(code, 0);
  match(stdout, /^usage: status/);
});

Deno.test("datatask without a pipeline says what to do, and ends with 2", async () => {
  await using machine = new Machine();
  for (const args of [[], ["status"]]) {
    const { code, stdout, stderr } = await machine.run(args);
    deepStrictEqual([code, stdout], [2, ""]);
    match(
      stderr,
      /error: There is no pipeline\.ts in this folder or above; name a pipeline, or make one with "datatask new"\n$/,
    );
  }
});

Deno.test("datatask new writes a pipeline that runs, and never over another", async () => {
  await using machine = new Machine();
  const made = await machine.run(["new"]);
  deepStrictEqual(made, {
    code: 0,
    stdout: "",
    stderr: "pipeline.ts is written. Put text files into ./books, then: datatask run\n",
  });
  await Deno.mkdir(join(machine.work, "books"));
  await machine.write("books/moby.txt", "Call me Ishmael.");
  deepStrictEqual(await machine.run(["run"]), { code: 0, stdout: "", stderr: "summary: 1 done\n" });
  strictEqual(
    await Deno.readTextFile(join(machine.work, "reports/moby.txt")),
    'The book "moby" has 3 words\n',
  );
  await Deno.mkdir(join(machine.work, "deep/er"), { recursive: true });
  const status = await machine.run(["status"], { cwd: join(machine.work, "deep/er") });
  match(status.stdout, /summary\.books 1\n/, "it is found from below, and at home where it is");

  const again = await machine.run(["new"]);
  strictEqual(again.code, 2);
  match(again.stderr, /There is a file pipeline\.ts already; name another\n$/);
  strictEqual((await machine.run(["new", "other.ts"])).code, 0);
  strictEqual((await machine.run(["other.ts", "status"])).code, 0);
  strictEqual((await machine.run(["new", "a.ts", "b.ts"])).code, 2);
});

Deno.test("datatask doctor shows stores, executors, packages, permissions and versions", async () => {
  await using machine = new Machine();
  await machine.write("pipeline.ts", pipelineText("1"));
  const { code, stdout, stderr } = await machine.run(["doctor", "--json"]);
  deepStrictEqual([code, stderr], [0, ""]);
  const report = JSON.parse(stdout);
  strictEqual(report.program[config.name], config.version);
  strictEqual(report.stores.FileRepository, "there");
  strictEqual(report.executors.ProcessTask, "there");
  strictEqual(report.packages["@datatask/datatask/s3"], "there");
  strictEqual(report.permissions.write, "granted");
  strictEqual(report.places.cache, machine.cache);
  match(report.places.pipeline, /work\/pipeline\.ts$/);
  const text = await machine.run(["doctor"]);
  match(text.stdout, /^program\n {2}@datatask\/datatask +\d/);

  await machine.write("file", "");
  const options = { env: { DATATASK_CACHE: join(machine.work, "file", "cache") } };
  const ill = await machine.run(["doctor"], options);
  strictEqual(ill.code, 1);
  match(ill.stdout, /\n {2}cache +amiss: .*Not a directory/);
  strictEqual((await machine.run(["doctor", "--jsn"])).code, 2);
});

Deno.test("datatask completions are those of the pipeline that is named, or found", async () => {
  await using machine = new Machine();
  const script = await machine.run(["completions", "bash"]);
  strictEqual(script.code, 0);
  match(script.stdout, /complete -o default -F _datatask_complete datatask/);
  await machine.write("pipeline.ts", pipelineText("1"));
  for (const before of [[], ["./pipeline.ts"]]) {
    const { stdout } = await machine.run([...before, "__complete", "--", "why", "sh"]);
    strictEqual(stdout.split(/\s/, 1)[0], "show");
  }
});

Deno.test("datatask does with a pipeline what deno run does, to the letter", async () => {
  await using machine = new Machine();
  await machine.write(
    "pipeline.ts",
    `
    import { FileRepository, InProcessMetadataRepository, InProcessSyncTask, main, Pipeline, YamlMetadataFileRepository } from "@datatask/datatask";
    const input = new InProcessMetadataRepository(new Map([["one", 1], ["two", 2]]));
    const task = new InProcessSyncTask("t", new YamlMetadataFileRepository("./done"))
      .link("in", input, { isInput: true }).link("out", new FileRepository("./out"), { isOutput: true })
      .func(async ({ job, out }) => { if (job === "two") throw new Error("no"); await out.writeText(job, "x"); });
    export const pipeline = new Pipeline([task]);
    if (import.meta.main) {
      await main(pipeline, { instrument: (verbs) => verbs.set("extra", { name: "extra", summary: "More", words: "[X...]", run: async ({ words }) => console.log(words, Deno.args) }) });
    }
  `,
  );
  const configFile = new URL("../../deno.json", import.meta.url).pathname;
  const native = async (args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", "--config", configFile, "pipeline.ts", ...args],
      cwd: machine.work,
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  };
  const times = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT\S+Z/g, "TIME");
  for (
    const args of [
      ["plan"],
      ["run", "--launch-once"],
      ["run"],
      ["status", "--json"],
      ["trace", "one", "two"],
      ["why", "t", "one"],
      ["ls", "t.in - t.out"],
      ["cat", "t.out", "one"],
      ["graph", "--format", "dot"],
      ["extra", "a", "b"],
      ["help", "extra"],
      ["help"],
      [],
      ["stauts"],
      ["status", "--al"],
    ]
  ) {
    const given = await machine.run(["./pipeline.ts", ...args]);
    if (args[1] === "--launch-once") { // what the first did is to be done again
      await Deno.remove(join(machine.work, "done"), { recursive: true }).catch(() => {});
      await Deno.remove(join(machine.work, "out"), { recursive: true }).catch(() => {});
    }
    const expected = await native(args);
    deepStrictEqual(
      [given.code, times(given.stdout), times(given.stderr)],
      [expected.code, times(expected.stdout), times(expected.stderr)],
      args.join(" "),
    );
  }
});

Deno.test(
  "a process that a pipeline started is found again by deno run, and when the pipeline was edited",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    await using machine = new Machine();
    const state = { env: { XDG_STATE_HOME: join(machine.folder, "state") } };
    const text = `
    import { InProcessMetadataRepository, main, Pipeline, ProcessTask, YamlMetadataFileRepository } from "@datatask/datatask";
    const input = new InProcessMetadataRepository(new Map([["one", 1]]));
    export const pipeline = new Pipeline([new ProcessTask("p", new YamlMetadataFileRepository("./done"), { template: "true" }).link("in", input, { isInput: true })]);
    if (import.meta.main) await main(pipeline);`;
    await machine.write("pipeline.ts", text);
    strictEqual((await machine.run(["run"], state)).code, 0);
    await machine.write("pipeline.ts", `// edited${text}`);
    strictEqual((await machine.run(["run"], state)).code, 0);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", "--config", config, "pipeline.ts", "run"],
      cwd: machine.work,
      ...state,
    }).output();
    strictEqual(code, 0);
    const apps = [...Deno.readDirSync(join(machine.folder, "state/datatask"))].map(({ name }) =>
      name
    );
    strictEqual(apps.length, 1, apps.join());
  },
);

Deno.test("datatask runs a pipeline that makes a program of itself whether or not it is the main module", async () => {
  await using machine = new Machine();
  await machine.write(
    "pipeline.ts",
    pipelineText("1").replace("export default", "const pipeline =") +
      `\nimport { main } from "@datatask/datatask"; await main(pipeline);`,
  );
  deepStrictEqual(await machine.run(["run"]), { code: 0, stdout: "1\n", stderr: "show: 1 done\n" });
  strictEqual((await machine.run(["nosuch"])).code, 2);
});

Deno.test("datatask runs what a pipeline exports by default before what it exports under the name pipeline", async () => {
  await using machine = new Machine();
  await machine.write(
    "a.ts",
    pipelineText("1").replace("export default", "export const pipeline ="),
  );
  deepStrictEqual((await machine.run(["a.ts", "run"])).stdout, "1\n");
});

Deno.test("datatask refuses options that cannot be, and ends with 2", async () => {
  await using machine = new Machine();
  await machine.write("a.ts", pipelineText("1"));
  for (
    const [args, message] of [
      [["--lock"], /--lock needs a value/],
      [["a.ts", "run", "--integrity"], /--integrity needs a value/],
      [
        ["--cached-only", "--reload", "a.ts", "run"],
        /--cached-only and --reload exclude each other/,
      ],
      [
        ["--allow-host=a/b", "a.ts", "run"],
        /--allow-host needs a host, with a port or without, and not "a\/b"/,
      ],
      [
        ["ftp://x/a.ts", "run"],
        /"ftp:\/\/x\/a\.ts" names no pipeline: use a path, an https: or file: URL, or -/,
      ],
      [["lock", "a.ts", "b.ts"], /"lock" does not take "b\.ts"/],
    ] as const
  ) {
    const { code, stdout, stderr } = await machine.run(args);
    deepStrictEqual([code, stdout], [2, ""]);
    match(stderr, message);
  }
});

Deno.test("datatask loads only from the cache what it has fetched for several programs at once", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({
    "/p.ts": pipelineText("value", `import { value } from "./value.ts";`),
    "/value.ts": "export const value: number = 2;",
  });
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => machine.run([`${server.url}p.ts`, "run"])),
  );
  for (const outcome of outcomes) {
    deepStrictEqual(outcome, { code: 0, stdout: "2\n", stderr: "show: 1 done\n" });
  }
  const mirrors = [...Deno.readDirSync(join(machine.cache, "mirror"))].map(({ name }) => name);
  ok(mirrors.length === 1 && /^[0-9a-f]{32}$/.test(mirrors[0]!), mirrors.join());
});
