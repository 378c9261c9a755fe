import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Machine, ModuleServer, pipelineText, type Routes } from "./machine.ts";

/** Runs a pipeline that prints what an expression gives, and gives that back. */
async function valueOf(expression: string, head: string, routes: Routes = {}): Promise<unknown> {
  await using machine = new Machine();
  await using server = new ModuleServer({ ...routes, "/p.ts": pipelineText(expression, head) });
  const { code, stdout, stderr } = await machine.run([`${server.url}p.ts`, "run"]);
  strictEqual(code, 0, stderr);
  return JSON.parse(stdout.replaceAll(server.url, "http://host/"));
}

Deno.test("a pipeline by URL may use all syntax of TypeScript", async () => {
  const head = `
    enum Color { Red = 1, Green }
    const enum Size { Small = "s" }
    namespace Shapes { export const sides: number = 4; }
    function twice<This, Value>(get: () => Value, _: ClassGetterDecoratorContext<This, Value>) {
      return function (this: This) { return [get.call(this), get.call(this)]; };
    }
    abstract class Base<T> { constructor(protected readonly value: T, public name?: string) {} abstract get all(): unknown; }
    class Box extends Base<number> {
      static #count = 0;
      static { Box.#count = 1; }
      accessor level: number = 5;
      declare unset: string;
      @twice get all(): unknown { return this.value + Box.#count; }
      override toString(this: Box): string { return \`\${this.value!}\`; }
    }
    type Names = { [K in keyof Box as \`get\${Capitalize<string & K>}\`]: Box[K] };
    function over(a: string): string; function over(a: number): string; function over(a: unknown): string { return String(a); }
    function assertText(value: unknown): asserts value is string { if (typeof value !== "string") throw new TypeError(); }
    const closed: string[] = [];
    { using first = { [Symbol.dispose]() { closed.push("sync"); } }; void first;
      await using second = { async [Symbol.asyncDispose]() { closed.push("async"); } }; void second; }
    const box = new Box(6); const names = undefined as unknown as Names; assertText("x");
    const generic = <T,>(x: T): T => x satisfies T;
    let label: string | undefined; label ??= "set";
  `;
  deepStrictEqual(
    await valueOf(
      "[Color.Green, Color[1], Size.Small, Shapes.sides, box.all, box.level, String(box), over(7), closed, generic(8), names ?? 9, label]",
      head,
    ),
    [2, "Red", "s", 4, [7, 7], 5, "6", "7", ["async", "sync"], 8, 9, "set"],
  );
});

Deno.test("a pipeline by URL may use JSX, with a factory or with an automatic runtime", async () => {
  deepStrictEqual(
    await valueOf(
      "[classic, automatic]",
      `import { classic } from "./classic.tsx"; import { automatic } from "./automatic.jsx";`,
      {
        "/classic.tsx": `/** @jsx h */ /** @jsxFrag f */
        const f = "f"; const h = (name: string, props: unknown, ...inner: unknown[]): unknown => [name, props, ...inner];
        export const classic: unknown = <p a={1}>it's <><b/></></p>;`,
        "/automatic.jsx": () =>
          new Response(
            `/** @jsxImportSource ./runtime */\nexport const automatic = <p a="x">it's</p>;`,
            { headers: { "content-type": "text/jsx" } },
          ),
        "/runtime/jsx-runtime": () =>
          new Response("export const jsx = (name, props) => ({ name, ...props });", {
            headers: { "content-type": "text/javascript" },
          }),
      },
    ),
    [["p", { a: 1 }, "it's ", ["f", null, ["b", null]]], { name: "p", a: "x", children: "it's" }],
  );
});

Deno.test("a pipeline by URL may import JSON, text and bytes, also at the same time as code", async () => {
  deepStrictEqual(
    await valueOf(
      "[data, text, [...bytes], source.length > 10, value + inline, (await import('./data.json', { with: { type: 'json' } })).default === data]",
      `import data from "./data.json" with { type: "json" };
       import text from "./text.txt" with { type: "text" };
       import bytes from "./text.txt" with { type: "bytes" };
       import inline from "data:application/typescript,export default 1 as number";
       import source from "./value.ts" with { type: "text" };
       import { value } from "./value.ts";`,
      {
        "/data.json": `{"a":["\u2028"],"__proto__":1}`,
        "/text.txt": "it's\n",
        "/value.ts": "export const value: number = 3;",
      },
    ),
    [
      JSON.parse(`{"a":["\u2028"],"__proto__":1}`),
      "it's\n",
      [105, 116, 39, 115, 10],
      true,
      4,
      true,
    ],
  );
});

Deno.test("import() in a pipeline by URL follows names that are computed, and gives the same modules", async () => {
  deepStrictEqual(
    await valueOf(
      `(async () => {
        const name = "later";
        const later = await import(\`./lib/\${name}.ts\`);
        const again = await import("./lib/later.ts");
        const moved = await import(import.meta.resolve("./moved.ts"));
        const failed = await import("./gone.ts").catch((error) => error.message);
        const own = await import("@datatask/datatask");
        return [later.value(), later === again, moved === later, later.shared === shared, own.Pipeline === Pipeline, failed, counted.count];
      })()`,
      `import { shared } from "./lib/shared.ts"; import * as counted from "./lib/counted.ts";`,
      {
        "/lib/later.ts":
          `import { shared } from "./shared.ts"; import "./counted.ts"; export { shared }; export const value = (): number => 4;`,
        "/lib/shared.ts": "export const shared: object = {};",
        "/lib/counted.ts": `declare global { var __count: number | undefined }
          globalThis.__count = (globalThis.__count ?? 0) + 1; export const count = globalThis.__count;`,
        "/moved.ts": () =>
          new Response(null, { status: 301, headers: { location: "/lib/later.ts" } }),
      },
    ),
    [
      4,
      true,
      true,
      true,
      true,
      "Cannot load http://host/gone.ts: the server answers 404 Not Found; check the URL\n  imported by http://host/p.ts",
      1,
    ],
  );
});

Deno.test("import.meta in a pipeline by URL is that of its URL", async () => {
  deepStrictEqual(
    await valueOf(
      `[import.meta.url, Deno.mainModule, import.meta.main, import.meta.filename ?? null, import.meta.resolve("./x.ts"), new URL("x", import.meta.url).href, other, await (await fetch(new URL("./t.txt", import.meta.url))).text()]`,
      `import { other } from "./lib/other.ts";`,
      {
        "/lib/other.ts": "export const other = [import.meta.url, import.meta.main];",
        "/t.txt": "text",
      },
    ),
    ["http://host/p.ts", "http://host/p.ts", true, null, "http://host/x.ts", "http://host/x", [
      "http://host/lib/other.ts",
      false,
    ], "text"],
  );
});

Deno.test("this package is one, by whichever name a pipeline by URL imports it", async () => {
  deepStrictEqual(
    await valueOf(
      `[a.Pipeline === Pipeline, b.Pipeline === Pipeline, c.Pipeline === Pipeline, typeof S3 ]`,
      `import * as a from "jsr:@datatask/datatask"; import * as b from "jsr:@datatask/datatask@^0.1"; import * as c from "jsr:/@datatask/datatask@0";
       import { s3Client as S3 } from "@datatask/datatask/s3"; import type { Nothing } from "./no/such/types.ts"; void (0 as unknown as Nothing);`,
    ),
    [true, true, true, "function"],
  );
});

Deno.test("the worker of a pipeline by URL gets its modules as the pipeline does, and no message is lost", async () => {
  deepStrictEqual(
    await valueOf(
      `new Promise((resolve, reject) => {
        const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "w" });
        worker.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); };
        const got: unknown[] = [];
        worker.onmessage = ({ data }) => { got.push(data); if (got.length === 2) { worker.terminate(); resolve(got); } };
        worker.postMessage(1); worker.postMessage(2);
      })`,
      "",
      {
        "/worker.ts": `/// <reference lib="deno.worker" />
          import { Pipeline } from "@datatask/datatask"; import { ten } from "./ten.ts";
          self.onmessage = async ({ data }: MessageEvent<number>) => self.postMessage([data * ten, self.name, import.meta.url, typeof Pipeline, (await import("./ten.ts")).ten]);`,
        "/ten.ts": "export const ten: number = 10;",
      },
    ),
    [[10, "w", "http://host/worker.ts", "function", 10], [
      20,
      "w",
      "http://host/worker.ts",
      "function",
      10,
    ]],
  );
});

Deno.test("an error in a pipeline by URL tells the user's URL, line and column, also in what is recorded of a job", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({
    "/p.ts": `
      import { InProcessMetadataRepository, InProcessSyncTask, Pipeline, YamlMetadataFileRepository } from "@datatask/datatask";
      import { fail } from "./fail.ts";
      const input = new InProcessMetadataRepository(new Map([["one", 1]]));
      export const pipeline = new Pipeline([
        new InProcessSyncTask("t", new YamlMetadataFileRepository("done")).link("input", input, { isInput: true }).func(() => fail("boom")),
      ]);`,
    "/fail.ts":
      "interface Unused { a: string }\n\nexport function fail(text: string): void {\n  throw new RangeError(text);\n}\n",
  });
  strictEqual((await machine.run([`${server.url}p.ts`, "run"])).code, 1);
  const record = await Deno.readTextFile(join(machine.work, "done", "one.yaml"));
  match(record, new RegExp(`at fail \\(${server.url}fail\\.ts:4:9\\)`));
  match(record, new RegExp(`${server.url}p\\.ts:6:\\d+`));
});

Deno.test("a pipeline on standard input imports what is beside it", async () => {
  await using machine = new Machine();
  await machine.write("value.ts", "export const value: number = 5;");
  const text = pipelineText("value", `import { value } from "./value.ts";`);
  deepStrictEqual(await machine.runWith(text, ["-", "run"]), {
    code: 0,
    stdout: "5\n",
    stderr: "show: 1 done\n",
  });
});

Deno.test("a pipeline of this machine is TypeScript that may use names of its deno.json", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({ "/lib/a.ts": "export const a: number = 1;" });
  await machine.write(
    "deno.jsonc",
    `{ // the names
      "imports": { "@datatask/datatask": "jsr:@datatask/datatask@^0.1", "far/": "${server.url}lib/", "near": "./near.ts", },
    }`,
  );
  await machine.write("near.ts", "export const near: number = 2;");
  await machine.write(
    "pipeline.ts",
    pipelineText(
      "[a, near, import.meta.filename === Deno.cwd() + '/pipeline.ts', import.meta.dirname === Deno.cwd()]",
      `import { a } from "far/a.ts"; import { near } from "near";`,
    ),
  );
  deepStrictEqual((await machine.run(["run"])).stdout, "[1,2,true,true]\n");
  deepStrictEqual((await machine.run(["./pipeline.ts", "run"])).stdout, "[1,2,true,true]\n");
  const url = new URL(`file://${machine.work}/pipeline.ts`).href;
  deepStrictEqual((await machine.run([url, "run"])).stdout, "[1,2,true,true]\n");
  await machine.write("near.ts", "export const near: number = 3;");
  deepStrictEqual(
    (await machine.run(["run"])).stdout,
    "[1,3,true,true]\n",
    "it is read anew each time",
  );
});

Deno.test("a package of the registry is found as the registry says", async () => {
  await using machine = new Machine();
  await using registry = new ModuleServer({
    "/@you/tools/meta.json":
      `{"versions":{"1.0.0":{},"1.2.0":{},"1.3.0":{"yanked":true},"2.0.0":{}}}`,
    "/@you/tools/1.2.0_meta.json": `{"exports":{".":"./mod.ts","./deep":"./src/deep.ts"}}`,
    "/@you/tools/1.2.0/mod.ts": "export * from './src/deep.ts';",
    "/@you/tools/1.2.0/src/deep.ts": "export const deep: number = 7;",
  });
  await machine.write(
    "pipeline.ts",
    pipelineText(
      "[a.deep, b.deep, a.deep === b.deep]",
      `import * as a from "jsr:@you/tools@^1"; import * as b from "jsr:@you/tools@1.2.0/deep";`,
    ),
  );
  const env = { JSR_URL: registry.url };
  deepStrictEqual(await machine.run(["run"], { env }), {
    code: 0,
    stdout: "[7,7,true]\n",
    stderr: "show: 1 done\n",
  });
  await machine.write("pipeline.ts", pipelineText("1", `import "jsr:@you/tools@^3";`));
  const { code, stderr } = await machine.run(["run"], { env });
  strictEqual(code, 3);
  match(stderr, /jsr:@you\/tools@\^3: the registry has no such version; it has 1\.0\.0, 1\.2\.0/);
});
