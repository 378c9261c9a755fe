import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { complete } from "../../../lib/cli/complete.ts";
import { completions } from "../../../lib/cli/completion_scripts.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import type { Verb } from "../../../lib/cli/verb.ts";
import { allVerbs } from "../../../lib/cli/verbs.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { Session } from "../../../lib/session.ts";
import { InProcessMetadataRepository } from "../../../repos/in_process_metadata_repository.ts";
import { FakeMetadata } from "../fake_stores.ts";
import { Programs } from "./programs.ts";

const root = new URL("../../../", import.meta.url);

function make(session = new Session()) {
  const books = new FakeMetadata("books", [["moby", 1], ["emma", 1]]);
  const counts = new FakeMetadata("counts", [["emma", 1], ["middlemarch", 1]]);
  const count = new InProcessSyncTask("count-all", new InProcessMetadataRepository())
    .link("in", books, { isInput: true })
    .link("out", counts, { isOutput: true })
    .func(() => {});
  const rate = new InProcessSyncTask("rate", new InProcessMetadataRepository())
    .link("in", counts, { isInput: true })
    .func(() => {});
  return { pipeline: new Pipeline([count, rate], session), books, counts };
}

const VERBS: readonly Verb[] = [
  { name: "show", words: "TASK [JOB...]" },
  { name: "shift", words: "TASK|TASK.LINK JOB..." },
  { name: "list", words: "EXPRESSION..." },
  { name: "pick", words: "red|green" },
  {
    name: "wait",
    words: "[JOB]",
    options: {
      json: { type: "boolean" as const, description: "as JSON" },
      timeout: { type: "string" as const, short: "t", description: "how long" },
    },
  },
  { name: "__hidden" },
].map((verb) => ({ summary: `To ${verb.name}`, run: () => Promise.resolve(), ...verb }));

async function completed(
  line: string,
  pipeline = make().pipeline,
  signal = new AbortController().signal,
): Promise<string[]> {
  const candidates = await complete(pipeline, VERBS, line.split(" "), signal);
  return candidates.map(({ word }) => word);
}

Deno.test("complete() completes the values of options, and what stands for all jobs", async () => {
  const { pipeline } = make();
  const verbs = allVerbs();
  async function words(...line: string[]): Promise<string[]> {
    const candidates = await complete(pipeline, verbs, line, new AbortController().signal);
    return candidates.map(({ word }) => word);
  }
  deepStrictEqual(await words("graph", "--format", ""), ["mermaid", "dot", "json"]);
  deepStrictEqual(await words("retry", "--class", "in"), ["infra"]);
  deepStrictEqual(await words("run", "--timeout", ""), []);
  for (const verb of ["cancel", "rm"]) {
    deepStrictEqual(await words(verb, "rate", ""), ["emma", "middlemarch", "__all__"]);
    deepStrictEqual(await words(verb, "rate", "_"), ["__all__"]);
  }
});

Deno.test("complete() completes verbs and options", async () => {
  deepStrictEqual(await completed("sh"), ["show", "shift"]);
  deepStrictEqual(await completed(""), ["show", "shift", "list", "pick", "wait", "help"]);
  deepStrictEqual(await completed("help wa"), ["wait"]);
  deepStrictEqual(await completed("wait -"), ["--json", "--timeout", "--help"]);
  deepStrictEqual(await completed("wait --t"), ["--timeout"]);
  deepStrictEqual(await completed("pick r"), ["red"]);
  deepStrictEqual(await completed("other "), []);
  deepStrictEqual(await completed("__hidden "), []);
});

Deno.test("complete() completes names of tasks and links", async () => {
  deepStrictEqual(await completed("show "), ["count-all", "rate"]);
  deepStrictEqual(await completed("shift ra"), ["rate", "rate.done", "rate.in"]);
  deepStrictEqual(await completed("list count-all."), [
    "count-all.done",
    "count-all.in",
    "count-all.out",
  ]);
  deepStrictEqual(await completed("list rate.in & rate."), ["rate.done", "rate.in"]);
});

Deno.test("complete() completes keys that are there now", async () => {
  deepStrictEqual(await completed("shift count-all.in "), ["moby", "emma"]);
  deepStrictEqual(await completed("shift count-all.in moby e"), ["emma"]);
  deepStrictEqual((await completed("show count-all m")).sort(), ["middlemarch", "moby"]);
  deepStrictEqual((await completed("show rate ")).sort(), ["emma", "middlemarch"]);
  deepStrictEqual((await completed("wait --json m")).sort(), ["middlemarch", "moby"]);
  deepStrictEqual(await completed("wait --timeout 5 mo"), ["moby"]);
  deepStrictEqual(await completed("wait --timeout m"), []);
  deepStrictEqual(await completed("wait -t m"), []);
  deepStrictEqual(await completed("show rate emma mid"), ["middlemarch"]);
  deepStrictEqual(await completed("wait moby e"), []);
});

Deno.test("complete() opens the session, but changes and validates nothing", async () => {
  const session = new Session();
  const events: string[] = [];
  session.resource(function* () {
    events.push("opened");
    yield 1;
    events.push("closed");
  });
  const { pipeline, books } = make(session);
  await completed("shift count-all.in ", pipeline);
  deepStrictEqual([events, books.calls], [["opened", "closed"], ["list"]]);
  await completed("shift ", pipeline);
  deepStrictEqual(events.length, 2);
});

Deno.test("complete() gives what it can of keys, and at most a hundred", async () => {
  const { pipeline, books } = make();
  books.failing.add("list");
  deepStrictEqual((await completed("show count-all ", pipeline)).sort(), ["emma", "middlemarch"]);
  books.failing.clear();
  for (let i = 0; i < 1000; i++) books.data.set(`k${i}`, 1);
  strictEqual((await completed("shift count-all.in k", pipeline)).length, 100);
});

Deno.test("complete() does not wait for a store that does not answer", async () => {
  class Silent extends FakeMetadata<number> {
    override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
      yield "moby";
      stop.abort();
      await new Promise(() => {});
    }
  }
  const stop = new AbortController();
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("in", new Silent("silent"), { isInput: true })
    .func(() => {});
  deepStrictEqual(await completed("show task ", new Pipeline([task]), stop.signal), ["moby"]);
});

Deno.test("complete() knows what the verbs there are take", async () => {
  const { pipeline } = make();
  const { signal } = new AbortController();
  const first = async (verb: string) =>
    (await complete(pipeline, allVerbs(), [verb, ""], signal)).map(({ word }) => word);
  for (const verb of ["cat", "inject"]) ok((await first(verb)).includes("rate.in"), verb);
  for (const verb of ["ls", "rm"]) ok((await first(verb)).includes("rate.in"), verb);
  for (const verb of ["rm", "why", "launch"]) ok((await first(verb)).includes("rate"), verb);
  ok((await first("trace")).includes("moby"));
  deepStrictEqual(await first("completions"), ["bash", "zsh", "fish"]);
});

Deno.test("completions() makes no script of what could be more than a name", () => {
  for (const name of ["a b", "$(x)", "a;b", "-x", "", "a/b", "a\nb"]) {
    throws(() => completions("bash", name), UsageError, name);
  }
  throws(() => completions("bash", "deno"), /define a function/);
  throws(() => completions("csh"), /no completions for "csh"/);
  throws(() => completions("bsh"), /did you mean "bash"\?/);
});

/** Leaves a copy of itself, so that there is a file to be called. */
const PROGRAM = `
  if (Deno.args[0] === "status") Deno.copyFileSync(new URL(import.meta.url), "pipeline.js");
  const counts = new FakeMetadata("counts", keys("emma", "moby"));
  await main(new Pipeline([makeTask("count-all", counts), makeTask("rate", counts)]));
`;

function isInstalled(shell: string): boolean {
  try {
    return new Deno.Command(shell, { args: ["-c", "exit 0"] }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "completions() teaches bash",
  ignore: !isInstalled("bash"),
  async fn() {
    await using programs = new Programs();
    const folder = await Deno.makeTempDir();
    try {
      await programs.run(PROGRAM, ["status"], { cwd: folder });
      await Deno.writeTextFile(
        `${folder}/script`,
        `deno=$1 config=$2
        pipeline() { "$deno" run -A --config "$config" ./pipeline.js "$@"; }
        datatask() { "$deno" run -A --config "$config" "$@"; }
        shown() {
          COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=(left over)
          "_$1_complete"
          echo "\${COMPREPLY[*]}"
        }
        ${completions("bash")}
        ${completions("bash", "pipeline")}
        complete -p datatask
        shown pipeline stat
        shown pipeline cat count-all.
        shown pipeline rm rate emma mo
        shown datatask ./pipeline.js ls rate.d
        shown datatask ./pipel
        shown datatask --quiet pipeline.js completions f`,
      );
      const { stdout, stderr } = await new Deno.Command("bash", {
        args: ["--norc", "script", Deno.execPath(), new URL("deno.json", root).pathname],
        cwd: folder,
        env: { NO_COLOR: "1" },
      }).output();
      strictEqual(new TextDecoder().decode(stderr), "");
      const lines = new TextDecoder().decode(stdout).split("\n");
      strictEqual(lines.shift(), "complete -o default -F _datatask_complete datatask");
      deepStrictEqual(lines, [
        "status",
        "count-all.done count-all.in",
        "moby",
        "rate.done",
        "",
        "fish",
        "",
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
