import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ShellEvaluator } from "../../../lib/cli/shell_evaluator.ts";
import { identifierOf, replaceImports } from "../../../lib/cli/shell_source.ts";
import { Listener, Programs } from "./programs.ts";

Deno.test("replaceImports() makes declarations of import declarations", () => {
  const folder = "file:///home/ishmael/";
  for (
    const [source, expected] of [
      ['import a from "x"', 'const { default: a } = await import("x");'],
      ["import a from 'x';", 'const { default: a } = await import("x");'],
      ['import * as a from "x"', 'const a = await import("x");'],
      ['import { a, b as c } from "x"', 'const {  a, b: c  } = await import("x");'],
      [
        'import a, { b } from "./y.ts"; b()',
        'const { default: a,  b  } = await import("file:///home/ishmael/y.ts"); b()',
      ],
      [
        'import a, * as b from "x"',
        'const b = await import("x"); const { default: a } = await import("x");',
      ],
      [
        'import {\n  a,\n} from "../z.ts"',
        'const { \n  a,\n } = await import("file:///home/z.ts");',
      ],
      ['import "npm:x@1/y"', 'await import("npm:x@1/y");'],
      [
        'import a from "/a.json" with { type: "json" }',
        'const { default: a } = await import("file:///a.json", { with: { type: "json" } });',
      ],
      ['1\n  import a from "x"\n2', '1\nconst { default: a } = await import("x");\n2'],
      ['await import("./a.ts")', 'await import("file:///home/ishmael/a.ts")'],
      ['const a = await import("x")', 'const a = await import("x")'],
      ["import.meta.url", "import.meta.url"],
      ["important from 'x'", "important from 'x'"],
    ] as const
  ) {
    strictEqual(replaceImports(source, folder), expected);
  }
});

Deno.test("identifierOf() gives names that mean nothing else", () => {
  const taken = (name: string) => name in globalThis;
  deepStrictEqual(
    ["count", "count-all", "2nd", "class", "await", "fetch", "_x"].map((name) =>
      identifierOf(name, taken)
    ),
    ["count", "count_all", undefined, undefined, "await", undefined, "_x"],
  );
});

Deno.test("ShellEvaluator.evaluate() tells what is incomplete from what is wrong", async () => {
  using evaluator = new ShellEvaluator({});
  for (
    const source of [
      "if (true) {",
      "[1, 2",
      "f(1",
      "f(1, 'a'",
      "({ a:",
      "`abc",
      "`a${b",
      "const a =",
      "1 +",
      "x =>",
      "async () => {\n  await 1",
      "/* a",
      "/* a */ /*\n",
      "import {",
      "import {\n  a",
      "import { a } from",
      "await",
    ]
  ) {
    deepStrictEqual(await evaluator.evaluate(source), { state: "incomplete" }, source);
  }
  for (
    const source of [
      "}",
      "f(1 x",
      "'abc",
      "a b",
      "foo)",
      "JSON.parse('{')",
      "eval('{')",
      "new Function('{')",
      "nowhere",
      "throw 1",
      "await Promise.reject(1)",
    ]
  ) {
    strictEqual((await evaluator.evaluate(source)).state, "error", source);
  }
});

Deno.test("ShellEvaluator.evaluate() gives values as they are", async () => {
  const pipeline = { name: "p" };
  {
    using evaluator = new ShellEvaluator({ __pipeline: pipeline });
    const value = async (source: string) => {
      const outcome = await evaluator.evaluate(source);
      ok(outcome.state === "value", source);
      return outcome.value;
    };
    strictEqual(await value("__pipeline"), pipeline);
    strictEqual(await value("await Promise.resolve(__pipeline);"), pipeline);
    for (const source of ["1", "-0", "NaN", "2n ** 70n", "'a'", "null", "undefined", "true"]) {
      ok(Object.is(await value(source), (0, eval)(source)), source);
    }
    strictEqual(await value("Symbol.iterator"), Symbol.iterator);
    deepStrictEqual(await value("{ a: 1, b: [2] }"), { a: 1, b: [2] });
    const promise = await value("({ promise: Promise.resolve(5) })");
    ok(typeof promise === "object" && promise !== null && "promise" in promise);
    strictEqual(await promise.promise, 5);
  }
  strictEqual("__pipeline" in globalThis, false);
});

const PROGRAM = `
  const session = new Session();
  globalThis.number = session.resource(function* number() { yield 42; });
  const numbers = new FakeMetadata("numbers", keys("1", "2"));
  const tasks = [makeTask("my-task", numbers), makeTask("fetch", numbers)];
  await main(new Pipeline(tasks, session));
`;

/** What the shell writes when it is given lines through a pipe. */
async function answers(...lines: string[]) {
  await using programs = new Programs();
  const child = programs.command(PROGRAM, ["shell"], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n")));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("A-54: shell opens the pipeline and has its parts at hand", async () => {
  const { code, stdout, stderr } = await answers(
    "pipeline.isOpen",
    "number()",
    "session === pipeline.session",
    "my_task.name",
    "[...await pipeline.gatherReadyJobs(my_task)]",
    "tasks['my-task'] === my_task",
    "fetch === globalThis.fetch && tasks.fetch.name",
  );
  strictEqual(stderr, "");
  strictEqual(
    stdout,
    'true\n42\ntrue\n"my-task"\n[ "1", "2" ]\ntrue\n"fetch"\n',
  );
  strictEqual(code, 0);
});

Deno.test("shell shows tasks and repositories by what they are called", async () => {
  const { code, stdout, stderr } = await answers(
    "my_task",
    "my_task.done",
    "[my_task.done]",
    "tasks",
    "Object.getPrototypeOf(my_task)",
    "Object.getPrototypeOf(my_task.done)",
  );
  deepStrictEqual([code, stderr], [0, ""]);
  strictEqual(
    stdout,
    `<InProcessSyncTask my-task> { done: my-task records, in: numbers }
my-task records
[ my-task records ]
{
  "my-task": <InProcessSyncTask my-task> { done: my-task records, in: numbers },
  fetch: <InProcessSyncTask fetch> { done: fetch records, in: numbers }
}
[InProcessSyncTask]
[FakeMetadata]
`,
  );
});

Deno.test("shell keeps what is declared, and takes statements of several lines", async () => {
  const { code, stdout, stderr } = await answers(
    "const a = await Promise.resolve(1)",
    "let b = 2, c",
    "",
    "function sum(",
    "  x,",
    "  y,",
    ") {",
    "  return x + y;",
    "}",
    "async function twice(x) { return 2 * await x; }",
    "await twice(3)",
    "class Whale {",
    "  name = `Moby",
    "Dick`;",
    "}",
    'import { join } from "node:path"',
    "const a = 10",
    "c = sum(a, b)",
    "new Whale().name",
    "join('x', 'y')",
    "for (const n of [1, 2]) {",
    "  c += await n",
    "}",
    "({ c })",
  );
  deepStrictEqual([code, stderr], [0, ""]);
  strictEqual(stdout, '6\n12\n"Moby\\nDick"\n"x/y"\n15\n{ c: 15 }\n');
});

Deno.test("shell shows errors, also those that nobody waits for, and goes on", async () => {
  const { code, stdout, stderr } = await answers(
    'throw new Error("one")',
    "null.x",
    "a b",
    "await Promise.reject(new Error('two'))",
    "void Promise.reject(new Error('three'))",
    "await new Promise((resolve) => setTimeout(resolve, 10))",
    "void setTimeout(() => { throw new Error('four') })",
    "await new Promise((resolve) => setTimeout(resolve, 10))",
    "'still here'",
    "f(",
  );
  strictEqual(stdout, '"still here"\n');
  deepStrictEqual(stderr.split("\n").filter((line) => !line.startsWith("    at ")), [
    "Uncaught Error: one",
    "Uncaught TypeError: Cannot read properties of null (reading 'x')",
    "Uncaught SyntaxError: Unexpected identifier 'b'",
    "Uncaught Error: two",
    "Uncaught Error: three",
    "Uncaught Error: four",
    "Uncaught SyntaxError: Unexpected end of input",
    "",
  ]);
  ok(!stderr.includes("shell"), stderr);
  strictEqual(code, 0);
});

/** The program, which gives itself a terminal. */
const ON_TERMINAL = `
  if (Deno.args.length === 0) {
    const config = ${JSON.stringify(new URL("../../../deno.json", import.meta.url).pathname)};
    const words = [Deno.execPath(), "run", "-A", "--config", config, import.meta.filename, "shell"];
    const line = words.map((word) => "'" + word + "'").join(" ");
    const { code } = await new Deno.Command("script", { args: ["-qefc", line, "/dev/null"] }).spawn().status;
    Deno.exit(code);
  }
  ${PROGRAM}
`;

Deno.test({
  name: "shell on a terminal prompts, and Ctrl-C drops what was typed or is waited for",
  ignore: !hasScript(),
  async fn() {
    await using programs = new Programs();
    const child = programs.command(ON_TERMINAL, [], {
      stdin: "piped",
      stdout: "piped",
      env: { NO_COLOR: "1", TERM: "xterm" },
    }).spawn();
    const writer = child.stdin.getWriter();
    const type = (text: string) => writer.write(new TextEncoder().encode(text));
    const screen = new Listener(child.stdout);
    await screen.hear("At hand: pipeline, session, tasks, my_task. Ctrl-D ends.");
    await screen.hear("> ");
    await type("nonsense(\r");
    await screen.hear("... ");
    await type("\x03'first ' + 'answer'\r");
    await screen.hear('"first answer"');
    await type("nonsense\x03'second ' + 'answer'\r");
    await screen.hear('"second answer"');
    // A promise that nobody can settle; what is behind it must be collected without harm.
    await type("await (console.log('wait' + 'ing'), new Promise(() => {}))\r");
    await screen.hear("waiting");
    await type("\x03Array.from({ length: 20 }, () => new Array(1e6).fill({}).length).join()\r");
    await screen.hear("1000000");
    await type("\x04");
    ok(!(await screen.rest()).includes("Uncaught"), screen.text);
    await writer.close();
    strictEqual((await child.status).code, 0);
  },
});

function hasScript(): boolean {
  try { // that of util-linux; others take their arguments otherwise
    const { stdout } = new Deno.Command("script", { args: ["--version"] }).outputSync();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}
