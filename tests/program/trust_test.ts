import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Machine, ModuleServer, type Outcome, pipelineText } from "./machine.ts";
import { authority, cert, key } from "./tls.ts";

async function hashOf(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
    .toHex();
}

const good = pipelineText("value", `import { value } from "./value.ts";`);
const done = (value: number): Outcome => ({
  code: 0,
  stdout: `${value}\n`,
  stderr: "show: 1 done\n",
});

Deno.test("datatask runs a pipeline that is what it was pinned to, in each form of a pin", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({ "/p.ts": good, "/value.ts": "export const value = 1;" });
  const url = `${server.url}p.ts`;
  const hash = await hashOf(good);
  const base64 = Uint8Array.fromHex(hash).toBase64();
  deepStrictEqual(await machine.run([`${url}#sha256=${hash}`, "run"]), done(1));
  deepStrictEqual(await machine.run([`--integrity=${hash}`, url, "run"]), done(1));
  deepStrictEqual(await machine.run(["--integrity", `sha256-${base64}`, url, "run"]), done(1));
  deepStrictEqual(await machine.run([url, "run", "--integrity", `sha256:${hash}`]), done(1));
});

Deno.test("datatask shows both hashes of a pipeline that is not what it was pinned to, and runs nothing", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({ "/p.ts": good, "/value.ts": "console.log('ran');" });
  const [actual, expected] = [await hashOf(good), "0".repeat(64)];
  for (
    const args of [[`${server.url}p.ts#sha256=${expected}`], [
      `--integrity=${expected}`,
      `${server.url}p.ts`,
    ]]
  ) {
    const { code, stdout, stderr } = await machine.run([...args, "run"]);
    deepStrictEqual([code, stdout], [3, ""]);
    match(stderr, new RegExp(`its sha256 is ${actual}, and ${expected} was expected`));
  }
  deepStrictEqual(
    new Set(server.requests),
    new Set(["/p.ts"]),
    "what it imports is not even fetched",
  );
  strictEqual((await machine.run([`${server.url}p.ts#sha256=xyz`, "run"])).code, 2);
  strictEqual((await machine.run(["--integrity=xyz", `${server.url}p.ts`, "run"])).code, 2);
});

Deno.test("datatask heeds a pin in an import", async () => {
  await using machine = new Machine();
  const value = "export const value = 4;";
  const pinned = async (text: string): Promise<string> =>
    pipelineText("value", `import { value } from "./value.ts#sha256=${await hashOf(text)}";`);
  await using server = new ModuleServer({
    "/good.ts": await pinned(value),
    "/bad.ts": await pinned("another"),
    "/value.ts": value,
  });
  deepStrictEqual(await machine.run([`${server.url}good.ts`, "run"]), done(4));
  const { code, stderr } = await machine.run([`${server.url}bad.ts`, "run"]);
  strictEqual(code, 3);
  match(
    stderr,
    /value\.ts: it is not what it was pinned to: .*\n {2}imported by \S+bad\.ts:3:5\n$/,
  );
});

Deno.test("datatask lock pins every module, and what has changed is refused", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({
    "/p.ts": pipelineText(
      "value + (await import('./later.ts')).later",
      `import { value } from "./old.ts";`,
    ),
    "/old.ts": () => new Response(null, { status: 302, headers: { location: "/value.ts" } }),
    "/value.ts": "export const value = 1;",
    "/later.ts": "export const later = 10;",
    "/other.ts": pipelineText("5"),
  });
  const url = `${server.url}p.ts`;
  const locked = await machine.run(["lock", url]);
  deepStrictEqual([locked.code, locked.stdout], [0, ""]);
  match(locked.stderr, /datatask\.lock: 3 modules of http/);
  const lock = JSON.parse(await Deno.readTextFile(join(machine.work, "datatask.lock")));
  deepStrictEqual(lock, {
    version: 1,
    pipelines: [url],
    redirects: { [`${server.url}old.ts`]: `${server.url}value.ts` },
    modules: Object.fromEntries(
      await Promise.all(["later.ts", "p.ts", "value.ts"].map(async (name) => {
        const text = server.routes[`/${name}`];
        return [server.url + name, await hashOf(typeof text === "string" ? text : "")];
      })),
    ),
  });

  server.requests.length = 0;
  deepStrictEqual(await machine.run([url, "run"]), done(11));
  deepStrictEqual(server.requests, [], "locking has fetched all there is");
  deepStrictEqual(await machine.run([url, "run", "--reload"]), done(11));

  const before = lock.modules[`${server.url}value.ts`];
  server.routes["/value.ts"] = "export const value = 2;";
  const changed = await machine.run([url, "run", "--reload"]);
  deepStrictEqual([changed.code, changed.stdout], [3, ""]);
  match(
    changed.stderr,
    new RegExp(
      `value\\.ts: it has changed: its sha256 is ${await hashOf(
        server.routes["/value.ts"],
      )}, and ${before} in the lock file`,
    ),
  );

  server.routes["/value.ts"] = "export const value = 1; import './new.ts';";
  server.routes["/new.ts"] = "";
  strictEqual((await machine.run([url, "run", "--reload"])).code, 3);
  strictEqual((await machine.run([url, "lock"])).code, 0);
  deepStrictEqual(await machine.run([url, "run"]), done(11));

  deepStrictEqual(
    await machine.run([`${server.url}other.ts`, "run"]),
    done(5),
    "a lock file that is found by itself binds the pipelines that it names",
  );
  const named = await machine.run([`${server.url}other.ts`, "run", "--lock", "datatask.lock"]);
  strictEqual(named.code, 3, "and one that is named binds all");
  match(named.stderr, /other\.ts: it is not in the lock file/);
});

Deno.test("datatask says what is wrong with a lock file", async () => {
  await using machine = new Machine();
  await machine.write("p.ts", pipelineText("1"));
  const missing = await machine.run(["p.ts", "run", "--lock", "none.lock"]);
  strictEqual(missing.code, 3);
  match(missing.stderr, /none\.lock: there is none; make it with "datatask lock"/);
  await machine.write("datatask.lock", "{");
  const broken = await machine.run(["p.ts", "run"]);
  strictEqual(broken.code, 3);
  match(broken.stderr, /the lock file \S+datatask\.lock: .*JSON.*; make it anew/);
});

Deno.test("datatask runs from the cache when the server is gone, and --cached-only does not ask it", async () => {
  await using machine = new Machine();
  let url: string;
  {
    await using server = new ModuleServer({
      "/p.ts": good,
      "/value.ts": "export const value = 1;",
    });
    url = `${server.url}p.ts`;
    const cold = await machine.run([url, "run", "--cached-only"]);
    strictEqual(cold.code, 4);
    match(
      cold.stderr,
      /p\.ts: it is not in the cache in \S+, or damaged there, and --cached-only was given; run once without it/,
    );
    deepStrictEqual(server.requests, []);
    deepStrictEqual(await machine.run([url, "run"]), done(1));
  }
  deepStrictEqual(await machine.run([url, "run", "--cached-only"]), done(1));
  deepStrictEqual(await machine.run([url, "run"]), done(1));
  strictEqual((await machine.run([url, "run", "--reload"])).code, 4);
});

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) files.push(...await filesBelow(path));
    else files.push(path);
  }
  return files.sort();
}

async function flipBit(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const at = Math.floor(bytes.length * 0.6);
  bytes[at] = bytes[at]! ^ 1;
  await Deno.writeFile(path, bytes);
}

Deno.test("datatask never runs what is damaged in the cache: whichever bit flips", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer({
    "/p.ts": good,
    "/value.ts": "export const value = 11111111;",
  });
  const url = `${server.url}p.ts`;
  deepStrictEqual(await machine.run([url, "run"]), done(11111111));
  const files = await filesBelow(machine.cache);
  ok(files.length >= 9, files.join("\n"));
  const kinds = new Map(
    files.map((file) => [file.slice(machine.cache.length + 1).split("/")[0]!, file]),
  );
  for (const file of Deno.env.get("DATATASK_SWEEP") ? files : kinds.values()) {
    await flipBit(file);
    const offline = await machine.run([url, "run", "--cached-only"]);
    if (offline.code !== 0) {
      deepStrictEqual([offline.code, offline.stdout], [4, ""], file);
      match(offline.stderr, /damaged/);
    } else deepStrictEqual(offline, done(11111111), file);
    deepStrictEqual(await machine.run([url, "run"]), done(11111111), file);
    deepStrictEqual(await machine.run([url, "run", "--cached-only"]), done(11111111), file);
  }
});

Deno.test("datatask gives a host its token, and no other", async () => {
  await using machine = new Machine();
  const seen: (string | null)[] = [];
  const give = (body: string) => (request: Request): Response => {
    seen.push(request.headers.get("authorization"));
    return new Response(body, { headers: { "content-type": "application/typescript" } });
  };
  await using friend = new ModuleServer({ "/value.ts": give("export const value = 3;") });
  await using server = new ModuleServer({
    "/p.ts": give(pipelineText("value", `import { value } from "${friend.url}value.ts";`)),
  });
  const host = new URL(server.url).host;
  const options = { env: { DENO_AUTH_TOKENS: `secret@${host};other@elsewhere.invalid` } };
  deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"], options), done(3));
  deepStrictEqual(seen, ["Bearer secret", null]);
  const basic = { env: { DENO_AUTH_TOKENS: `me:word@${host}` } };
  deepStrictEqual(await machine.run(["--reload", `${server.url}p.ts`, "run"], basic), done(3));
  deepStrictEqual(seen.slice(2), [`Basic ${btoa("me:word")}`, null]);
});

Deno.test("datatask follows a redirect to a host that is allowed, without the token of the first", async () => {
  await using machine = new Machine();
  const seen: (string | null)[] = [];
  await using friend = new ModuleServer({
    "/p.ts": (request) => {
      seen.push(request.headers.get("authorization"));
      return new Response(pipelineText("8"), { headers: { "content-type": "text/typescript" } });
    },
  });
  await using server = new ModuleServer({
    "/p.ts": () => new Response(null, { status: 307, headers: { location: `${friend.url}p.ts` } }),
  });
  const env = { DENO_AUTH_TOKENS: `secret@${new URL(server.url).host}` };
  const allow = `--allow-host=${new URL(friend.url).host}`;
  deepStrictEqual(await machine.run([allow, `${server.url}p.ts`, "run"], { env }), done(8));
  deepStrictEqual(seen, [null]);
  const refused = await machine.run([`${server.url}p.ts`, "run", "--cached-only"]);
  strictEqual(refused.code, 3, "the cache does not allow what the network does not");
});

Deno.test("datatask loads over https, from a server that an authority of the user's vouches for", async () => {
  await using machine = new Machine();
  await using server = new ModuleServer(
    {
      "/p.ts": pipelineText("value", `import { value } from "./value.ts";`),
      "/value.ts": "export const value = 6;",
      "/down.ts": () =>
        new Response(null, { status: 302, headers: { location: `http://127.0.0.1/p.ts` } }),
      "/plain.ts": `import "http://127.0.0.1:1/p.ts";`,
    },
    { cert, key },
  );
  const unknown = await machine.run([`${server.url}p.ts`, "run"]);
  strictEqual(unknown.code, 4);
  match(unknown.stderr, /p\.ts: the connection failed: .*certificate.*; check/);
  await machine.write("ca.pem", authority);
  const env = { DENO_CERT: join(machine.work, "ca.pem") };
  deepStrictEqual(await machine.run([`${server.url}p.ts`, "run"], { env }), done(6));
  const down = await machine.run([`${server.url}down.ts`, "run"], { env });
  strictEqual(down.code, 3);
  match(
    down.stderr,
    /down\.ts: the server redirects to http:\S+, which is not encrypted; name an https URL/,
  );
  const plain = await machine.run([`${server.url}plain.ts`, "run"], { env });
  strictEqual(plain.code, 3);
  match(
    plain.stderr,
    /p\.ts: a module that came encrypted must not import one that does not; use https/,
  );
});
