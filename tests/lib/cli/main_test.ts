import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { errorText } from "../../../lib/cli/error_text.ts";
import { NotFoundError } from "../../../lib/errors.ts";
import { Listener, type Outcome, Programs } from "./programs.ts";

const PIPELINE = `
  const books = new FakeMetadata("books", keys("emma", "moby"));
  await main(new Pipeline([makeTask("count", books)]));
`;

function lastLine({ stderr }: Outcome): string {
  ok(stderr.endsWith("\n"), stderr);
  return stderr.slice(0, -1).split("\n").at(-1)!;
}

Deno.test("main() says on standard error what verbs there are, if none is given", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE);
  deepStrictEqual({ code, stdout }, { code: 2, stdout: "" });
  match(stderr, /^usage: VERB/);
  match(stderr, /\n {2}status +Show how many keys each repository holds, and what jobs wait for\n/);
  match(stderr, /\n {2}130 +interrupted\n$/);
  ok(!stderr.includes("__"), "what is for programs is not shown");
});

Deno.test("help tells of a verb what its line cannot", async () => {
  await using programs = new Programs();
  const help = async (verb: string): Promise<string> =>
    (await programs.run("await main(new Pipeline([]));", ["help", verb])).stdout;
  match(
    await help("ls"),
    /bind tightest first:\n\n {2}a\.x - b\.y .*\n {2}a\.x & b\.y .*\n[^]*\n\noptions:\n/,
  );
  match(await help("rm"), /^usage: rm .*\|__all__\n[^]*"__all__" stands for all jobs/);
  match(
    await help("cancel"),
    /^usage: cancel TASK JOB\.\.\.\|__all__\n[^]*"__all__" stands for all/,
  );
});

Deno.test("main() shows help on standard output, if it is asked for", async () => {
  await using programs = new Programs();
  for (const args of [["help"], ["--help"], ["-h"]]) {
    const { code, stdout, stderr } = await programs.run(PIPELINE, args);
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    match(stdout, /^usage: VERB/);
  }
  for (const args of [["help", "status"], ["status", "--help"]]) {
    const { code, stdout, stderr } = await programs.run(PIPELINE, args);
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    match(stdout, /^usage: status \[--all\] \[--json\] \[--stats\]\n\nShow how many keys/);
  }
});

Deno.test("main() suggests the nearest verb, task, key and option, and ends with 2", async () => {
  await using programs = new Programs();
  for (
    const [args, message] of [
      [["stauts"], 'error: There is no verb "stauts"; did you mean "status"?'],
      [["help", "stauts"], 'error: There is no verb "stauts"; did you mean "status"?'],
      [["why", "cuont"], 'error: There is no task "cuont"; did you mean "count"?'],
      [
        ["why", "count", "mobi"],
        'error: No repository of the pipeline holds a key "mobi"; did you mean "moby"?',
      ],
      [
        ["launch", "count", "mobi"],
        'error: No repository of the pipeline holds a key "mobi"; did you mean "moby"?',
      ],
      [["status", "--jsn"], 'error: "status" has no option --jsn; did you mean --json?'],
      [["graph", "--format", "dott"], 'error: There is no format "dott"; did you mean "dot"?'],
      [["run", "--timeout", "soon"], 'error: --timeout needs a number of seconds, and not "soon"'],
      [["run", "--timeout", "-1"], "error: --timeout needs a value"],
      [["trace"], 'error: "trace" needs JOB'],
      [["status", "count"], 'error: "status" does not take "count"'],
    ] as const
  ) {
    const outcome = await programs.run(PIPELINE, args);
    deepStrictEqual([outcome.code, outcome.stdout, lastLine(outcome)], [2, "", message]);
  }
});

Deno.test("A-27: main() returns the exit code that the process has", async () => {
  await using programs = new Programs();
  const body = `console.log(await main(new Pipeline([]), { args: ["xyz"] }));`;
  const { code, stdout } = await programs.run(body);
  deepStrictEqual([code, stdout], [2, "2\n"]);
});

Deno.test("main() ends with 3 and all problems, if the pipeline cannot work", async () => {
  await using programs = new Programs();
  const outcome = await programs.run(
    `
    const task = (name) => new InProcessSyncTask(name, new FakeMetadata("d")).link("in", new FakeMetadata("i"), { isInput: true });
    await main(new Pipeline([task("a"), task("b")]));
  `,
    ["status"],
  );
  deepStrictEqual([outcome.code, outcome.stdout], [3, ""]);
  match(
    outcome.stderr,
    /^error: The pipeline cannot work, for 2 reasons:\n- task "a".*\n- task "b".*\n$/,
  );
});

Deno.test("main() ends with 4 if a store or a resource is out of reach", async () => {
  await using programs = new Programs();
  const store = await programs.run(
    `
    const books = new FakeMetadata("books");
    books.failing.add("validate false");
    await main(new Pipeline([makeTask("count", books)]));
  `,
    ["status"],
  );
  deepStrictEqual([store.code, store.stderr], [4, "error: books is out of reach\n"]);
  const resource = await programs.run(
    `
    const session = new Session();
    session.resource(async function* bucket() {
      throw new Error("connection refused");
    });
    await main(new Pipeline([makeTask("count", new FakeMetadata("books"))], session));
  `,
    ["status"],
  );
  strictEqual(resource.code, 4);
  match(lastLine(resource), /^error: .*bucket.*connection refused/);
  ok(!resource.stderr.includes("    at "), resource.stderr);
});

Deno.test("main() shows where an unforeseen error was thrown; others only with DATATASK_DEBUG", async () => {
  await using programs = new Programs();
  const body = `
    await main(new Pipeline([]), {
      instrument: (verbs) => {
        verbs.set("fail", { name: "fail", summary: "", run: async () => { throw new TypeError("oh"); } });
        verbs.set("lose", { name: "lose", summary: "", run: async () => {
          throw new StoreError("Cannot look: it is away", { cause: new Error("no route\\x1b[31m") });
        } });
      },
    });
  `;
  const unforeseen = await programs.run(body, ["fail"]);
  strictEqual(unforeseen.code, 1);
  match(unforeseen.stderr, /TypeError: oh\n {4}at /);
  strictEqual(lastLine(unforeseen), "error: TypeError: oh");
  const foreseen = await programs.run(body, ["lose"]);
  strictEqual(foreseen.code, 4);
  strictEqual(
    foreseen.stderr,
    "because of Error: no route?[31m\nerror: Cannot look: it is away\n",
  );
  const debug = await programs.run(body, ["lose"], { env: { DATATASK_DEBUG: "1", NO_COLOR: "1" } });
  strictEqual(debug.code, 4);
  match(debug.stderr, /StoreError: Cannot look: it is away\n {4}at /);
});

Deno.test("errorText() says once that a key is not there", () => {
  const cause = new Deno.errors.NotFound(
    "No such file or directory (os error 2): open '/books/emmy.txt'",
  );
  const missing = new NotFoundError("emmy", "books", { cause });
  strictEqual(errorText(missing, false), `error: ${missing.message}\n`);
});

Deno.test("main() lets instrument add verbs, with words and options", async () => {
  await using programs = new Programs();
  const body = `
    const pipeline = new Pipeline([makeTask("count", new FakeMetadata("books"))]);
    await main(pipeline, {
      instrument: (verbs) => void verbs.set("greet", {
        name: "greet",
        summary: "Greet",
        words: "NAME",
        options: { loud: { type: "boolean", short: "l", description: "aloud" } },
        run: async ({ words, options, pipeline, signal }) => {
          console.log(words[0], options.loud, pipeline.isOpen, signal.aborted);
          return 7;
        },
      }),
    });
    console.log(pipeline.isOpen);
  `;
  const { code, stdout } = await programs.run(body, ["greet", "moby", "-l"]);
  deepStrictEqual([code, stdout], [7, "moby true true false\nfalse\n"]);
  match((await programs.run(body, ["help"])).stdout, /\n {2}greet +Greet\n/);
});

Deno.test("main() ends quietly when nobody reads on", async () => {
  await using programs = new Programs();
  const child = programs.command(
    `
    const books = new InProcessMetadataRepository(new Map(Array.from({ length: 100_000 }, (_, i) => [String(i), i])));
    await main(new Pipeline([makeTask("count", books)]));
  `,
    ["plan"],
    { stdout: "piped", stderr: "piped" },
  ).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Listener(child.stderr).rest();
  strictEqual(stderr, "");
  strictEqual((await child.status).code, 0);
});

Deno.test("main() ends at once with 130 when it is interrupted while it only looks", async () => {
  await using programs = new Programs();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = programs.command(
      `
      const books = new FakeMetadata("books");
      books.unfilteredIter = async function* () { console.log("listing"); await never(); };
      await main(new Pipeline([makeTask("count", books)]));
    `,
      ["status"],
      { stdout: "piped", stderr: "piped" },
    ).spawn();
    const stdout = new Listener(child.stdout);
    await stdout.hear("listing\n");
    child.kill(signal);
    strictEqual((await child.status).code, 130);
    deepStrictEqual(
      [await stdout.rest(), await new Listener(child.stderr).rest()],
      ["listing\n", ""],
    );
  }
});
