import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Machine, ModuleServer, pipelineText, type Routes } from "./machine.ts";

const RAN = "this must not run";
const shout = `console.log(${JSON.stringify(RAN)});`;

interface Fault {
  readonly title: string;
  readonly routes: Routes;
  readonly path?: string;
  readonly code: 3 | 4;
  readonly message: RegExp;
  readonly args?: readonly string[];
}

const moved = (location: string) => (): Response =>
  new Response(null, { status: 302, headers: { location } });
const typed = (type: string, body: string) => (): Response =>
  new Response(body, { headers: { "content-type": type } });

const faults: readonly Fault[] = [
  {
    title: "a module that is not there, three imports deep",
    routes: {
      "/p.ts": `${shout} import "./a.ts";`,
      "/a.ts": `import "./b.ts";`,
      "/b.ts": `\n  import "./gone.ts";`,
    },
    code: 4,
    message:
      /^error: Cannot load \S+\/gone\.ts: the server answers 404 Not Found; check the URL\n {2}imported by \S+\/b\.ts:2:3\n {2}imported by \S+\/a\.ts:1:1\n {2}imported by \S+\/p\.ts:1:\d+\n$/,
  },
  {
    title: "a page instead of code",
    routes: { "/p.ts": typed("text/html; charset=utf-8", "<html>log in</html>") },
    code: 3,
    message: /p\.ts: the server sends a page \(text\/html\), .*; name the raw file/,
  },
  {
    title: "a wrong content type",
    routes: { "/p.ts": typed("image/png", shout) },
    code: 3,
    message: /p\.ts: the server says that it is image\/png, and JavaScript, TypeScript or JSON/,
  },
  {
    title: "text without an extension",
    routes: { "/p": typed("text/plain", shout) },
    path: "p",
    code: 3,
    message: /p: its name does not say what it is/,
  },
  {
    title: "a syntax error",
    routes: { "/p.ts": `${shout} import "./bad.ts";`, "/bad.ts": "const x: number =\n  ;" },
    code: 3,
    message:
      /^error: Cannot load \S+\/bad\.ts:2:3: Expression expected; the file is no valid TypeScript/,
  },
  {
    title: "an error that only the engine of the language finds",
    routes: {
      "/p.ts": `${shout} import "./bad.ts";`,
      "/bad.ts": "type A = 1;\nconst x = 1;\nconst x = 2;\n",
    },
    code: 3,
    message:
      /^error: Cannot load \S+\/bad\.ts:3:7: Identifier 'x' has already been declared; correct it\n$/,
  },
  {
    title: "the import of a missing export",
    routes: {
      "/p.ts": `${shout}\nimport { nope } from "./a.ts"; nope();`,
      "/a.ts": "export const a = 1;",
    },
    code: 3,
    message:
      /^error: Cannot load \S+\/p\.ts:2:10: it imports "nope" from \S+\/a\.ts, which has no such export; correct it\n$/,
  },
  {
    title: "JSON that is none",
    routes: {
      "/p.ts": `${shout} import d from "./d.json" with { type: "json" }; d;`,
      "/d.json": "{",
    },
    code: 3,
    message: /d\.json: it is no JSON: .*; correct it\n {2}imported by/,
  },
  {
    title: "JSON imported as code",
    routes: { "/p.ts": `${shout} import d from "./d.json"; d;`, "/d.json": "{}" },
    code: 3,
    message: /d\.json: it is JSON; import it with \{ type: "json" \}/,
  },
  {
    title: "bytes that are no text",
    routes: {
      "/p.ts": () =>
        new Response(new Uint8Array([0x2f, 0x2f, 0xe9, 0x0a]), {
          headers: { "content-type": "text/javascript" },
        }),
    },
    code: 3,
    message: /p\.ts: it is no UTF-8 text; save it as such/,
  },
  {
    title: "a redirect to another host",
    routes: { "/p.ts": moved("https://elsewhere.invalid/p.ts") },
    code: 3,
    message:
      /p\.ts: the server redirects to https:\/\/elsewhere\.invalid\/p\.ts, another host; if you trust it, say --allow-host=elsewhere\.invalid/,
  },
  {
    title: "a redirect to http",
    routes: { "/p.ts": moved("http://elsewhere.invalid/p.ts") },
    code: 3,
    message:
      /p\.ts: the server redirects to http:\/\/elsewhere\.invalid\/p\.ts, which is not encrypted/,
  },
  {
    title: "redirects without end",
    routes: { "/p.ts": moved("/p.ts") },
    code: 3,
    message: /p\.ts: it redirects more than 10 times/,
  },
  {
    title: "an import of a host that was not allowed",
    routes: { "/p.ts": `${shout} import "https://elsewhere.invalid/x.ts";` },
    args: ["--allow-host=friend.invalid"],
    code: 3,
    message:
      /x\.ts: modules may not come from elsewhere\.invalid; if you trust it, say --allow-host=elsewhere\.invalid\n {2}imported by/,
  },
  {
    title: "an import without encryption",
    routes: { "/p.ts": `${shout} import "http://elsewhere.invalid/x.ts";` },
    code: 3,
    message: /x\.ts: its URL is one which is not encrypted, and not this machine; use https/,
  },
  {
    title: "an import of a file of this machine",
    routes: { "/p.ts": `${shout} import "file:///etc/x.ts";` },
    code: 3,
    message: /x\.ts: a module from the network must not import one of this machine/,
  },
  {
    title: "a server that fails",
    routes: { "/p.ts": () => new Response("", { status: 503 }) },
    code: 4,
    message: /p\.ts: the server answers 503 Service Unavailable; try again later/,
  },
  {
    title: "a server that wants to know who asks",
    routes: { "/p.ts": () => new Response("", { status: 401 }) },
    code: 4,
    message:
      /p\.ts: the server answers 401 Unauthorized; put a token for it into DENO_AUTH_TOKENS: TOKEN@127\.0\.0\.1:\d+/,
  },
  {
    title: "a module of 50 MB",
    routes: {
      "/p.ts": () =>
        new Response(new Uint8Array(50e6), { headers: { "content-type": "text/javascript" } }),
    },
    code: 3,
    message: /p\.ts: it has more than 16 MiB, too much for a module/,
  },
  {
    title: "another version of this package",
    routes: { "/p.ts": `${shout} import { main } from "jsr:@datatask/datatask@^7.1"; main;` },
    code: 3,
    message:
      /jsr:@datatask\/datatask@\^7\.1: this program is @datatask\/datatask \d\S+; get one of a version/,
  },
  {
    title: "an export that this package has not",
    routes: { "/p.ts": `${shout} import "@datatask/datatask/nope";` },
    code: 3,
    message: /@datatask\/datatask\/nope: @datatask\/datatask has no export "\.\/nope"; it has \., /,
  },
  {
    title: "a part of the runtime without its scheme",
    routes: { "/p.ts": `${shout} import "fs";` },
    code: 3,
    message:
      /Cannot load fs: it is a part of the runtime; write node:fs\n {2}imported by \S+p\.ts:1:/,
  },
  {
    title: "a module that exports no pipeline",
    routes: { "/p.ts": "export const x = 1;" },
    code: 3,
    message: /p\.ts exports none; let it export one by default, or under the name "pipeline"/,
  },
  {
    title: "a module that throws",
    routes: {
      "/p.ts": "interface A {}\n\nfunction f(): never {\n  throw new TypeError('boom');\n}\nf();",
    },
    code: 3,
    message:
      /^TypeError: boom\n {4}at f \(http:\/\/127\.0\.0\.1:\d+\/p\.ts:4:9\)\n {4}at http:\/\/127\.0\.0\.1:\d+\/p\.ts:6:1\n[^]*error: Cannot run \S+\/p\.ts: it threw an error; correct it\n$/,
  },
];

for (const { title, routes, path = "p.ts", code, message, args = [] } of faults) {
  Deno.test(`datatask says what is wrong with ${title}, ends with ${code}, and runs nothing`, async () => {
    await using machine = new Machine();
    await using server = new ModuleServer(routes);
    const outcome = await machine.run([...args, server.url + path, "status"]);
    match(outcome.stderr, message);
    deepStrictEqual([outcome.code, outcome.stdout], [code, ""]);
    strictEqual(outcome.stderr.match(/^error: /gm)?.length, 1, "one message");
  });
}

Deno.test("datatask says that nobody listens, and ends with 4", async () => {
  await using machine = new Machine();
  let url: string;
  {
    await using server = new ModuleServer({});
    url = server.url;
  }
  const { code, stderr } = await machine.run([`${url}p.ts`, "status"]);
  strictEqual(code, 4);
  match(stderr, /p\.ts: the connection failed: .*refused.*; check the URL and the network\n$/);
});

Deno.test("datatask refuses a pipeline that would come unencrypted, before it asks for it", async () => {
  await using machine = new Machine();
  const { code, stderr } = await machine.run(["http://elsewhere.invalid/p.ts", "status"]);
  strictEqual(code, 3);
  match(stderr, /its URL is one which is not encrypted, and not this machine; use https\n$/);
});

Deno.test("datatask loads modules that import each other in a circle", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({
    "/p.ts": pipelineText("a()", `import { a } from "./a.ts";`),
    "/a.ts":
      `import { b } from "./b.ts"; export function a(n = 3): number { return n === 0 ? 0 : b(n); }`,
    "/b.ts": `import { a } from "./a.ts"; export const b = (n: number): number => 1 + a(n - 1);`,
  });
  deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"]), {
    code: 0,
    stdout: "3\n",
    stderr: "show: 1 done\n",
  });
});

Deno.test("datatask takes whatever code servers call by a wrong name", async () => {
  await using machine = new Machine();
  const code = (n: number) => `export const v: number = ${n};`;
  await using server = new ModuleServer({
    "/p.ts": pipelineText(
      "[a, b, c, d, e]",
      [
        `import { v as a } from "./a.ts";`,
        `import { v as b } from "./b.ts";`,
        `import { v as c } from "./c.mts";`,
        `import { v as d } from "./d";`,
        `import { v as e } from "./e.ts?raw=1";`,
      ].join("\n"),
    ),
    "/a.ts": typed("video/mp2t", code(1)),
    "/b.ts": typed("text/plain; charset=utf-8", code(2)),
    "/c.mts": typed("application/octet-stream", code(3)),
    "/d": typed("application/typescript", code(4)),
    "/e.ts": typed("text/vnd.trolltech.linguist", code(5)),
  });
  const { code: exit, stdout } = await machine.run([`${server.url}p.ts`, "run"]);
  deepStrictEqual([exit, stdout], [0, "[1,2,3,4,5]\n"]);
});

Deno.test("datatask says that there is no room for modules, and ends with 4", {
  ignore: Deno.build.os !== "linux" || !await mountsAllowed(),
}, async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({ "/p.ts": `${shout} //${"x".repeat(200_000)}` });
  await Deno.mkdir(machine.cache);
  const words = [...Machine.program(), `${server.url}p.ts`, "status"].map((word) => `'${word}'`);
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "-rm",
      "sh",
      "-c",
      `mount -t tmpfs -o size=64k none ${machine.cache} && exec ${words.join(" ")}`,
    ],
    cwd: machine.work,
    env: { NO_COLOR: "1", DATATASK_CACHE: machine.cache },
  }).output();
  const text = new TextDecoder().decode(stderr);
  match(text, /^error: Cannot load modules: the cache in \S+ cannot be written: No space left/);
  deepStrictEqual([code, new TextDecoder().decode(stdout)], [4, ""]);
});

/** Whether this machine lets its user mount, which makes a full disk cheap. */
async function mountsAllowed(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["-rm", "mount", "-t", "tmpfs", "none", folder],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  } finally {
    await Deno.remove(folder);
  }
}

Deno.test("datatask loads a thousand modules, and then again without the network", async () => {
  const count = Deno.env.get("DATATASK_SWEEP") ? 5000 : 1000;
  await using machine = new Machine();
  const routes: Routes = {
    "/p.ts": pipelineText("v", `import { v } from "./m0.ts";`),
  };
  for (let at = 0; at < count; at++) {
    const below = [2 * at + 1, 2 * at + 2].filter((child) => child < count);
    routes[`/m${at}.ts`] = below.map((child) =>
      `import { v as v${child} } from "./m${child}.ts";\n`
    ).join("") +
      `export const v: number = 1${below.map((child) => ` + v${child}`).join("")};\n`;
  }
  await using server = new ModuleServer(routes);
  const first = await machine.run([`${server.url}p.ts`, "run"]);
  deepStrictEqual(first, { code: 0, stdout: `${count}\n`, stderr: "show: 1 done\n" });
  ok(server.requests.length === count + 1, "each is fetched once");
  deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"]), first);
  strictEqual(server.requests.length, count + 1);
});
