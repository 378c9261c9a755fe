import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { parseAuthTokens } from "../../lib/loader/auth_tokens.ts";
import { type FetchContext, fetchModule } from "../../lib/loader/fetch_module.ts";
import { FetchPolicy, isLoopback } from "../../lib/loader/fetch_policy.ts";
import { ModuleError, UnreachableModuleError } from "../../lib/loader/module_error.ts";
import { ModuleServer } from "../program/machine.ts";

function context(options: Partial<FetchContext> = {}): FetchContext {
  return {
    policy: new FetchPolicy([]),
    tokens: new Map(),
    patience: 20,
    maxBytes: 1000,
    ...options,
  };
}

Deno.test("fetchModule() gives up on a host that hangs: before it answers, and while it does", async () => {
  const hung = Promise.withResolvers<Response>();
  await using server = new ModuleServer({
    "/silent.ts": () => hung.promise,
    "/slow.ts": () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("export ")),
        }),
      ),
  });
  for (const name of ["silent.ts", "slow.ts"]) {
    const error = await fetchModule(server.url + name, undefined, context({ patience: 0.1 }))
      .then(() => undefined, (error) => error);
    strictEqual(error?.constructor, UnreachableModuleError);
    match(error.message, /the server has sent nothing for 0\.1 s; try again later$/);
  }
  hung.resolve(new Response(""));
});

Deno.test("fetchModule() asks a server that fails again", async () => {
  let asked = 0;
  await using server = new ModuleServer({
    "/a.ts": () => ++asked < 3 ? new Response("", { status: 502 }) : new Response("1"),
  });
  const { bytes } = await fetchModule(`${server.url}a.ts`, undefined, context());
  deepStrictEqual([...bytes], [49]);
  strictEqual(asked, 3);
});

Deno.test("fetchModule() reads no more than a module may have, whatever the server says of its length", async () => {
  let cancelled = false;
  await using server = new ModuleServer({
    "/endless.ts": () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(400)),
          cancel: () => {
            cancelled = true;
          },
        }),
      ),
    "/long.ts": () => new Response(new Uint8Array(1001)),
    "/fits.ts": () => new Response(new Uint8Array(1000)),
  });
  for (const name of ["endless.ts", "long.ts"]) {
    await rejects(fetchModule(server.url + name, undefined, context()), ModuleError);
  }
  strictEqual((await fetchModule(`${server.url}fits.ts`, undefined, context())).bytes.length, 1000);
  strictEqual(cancelled, true);
});

Deno.test("parseAuthTokens() reads tokens and passwords by host", () => {
  deepStrictEqual(
    [...parseAuthTokens("abc@one.example; me:p@ss@two.example:8443;;broken;@none")],
    [["one.example", "Bearer abc"], ["two.example:8443", `Basic ${btoa("me:p@ss")}`]],
  );
});

Deno.test("isLoopback() knows the names and addresses of this machine, and none that look like them", () => {
  for (
    const url of [
      "http://localhost",
      "http://a.localhost",
      "http://127.0.0.1:80",
      "http://127.9.9.9",
      "http://[::1]:1",
      "http://2130706433",
    ]
  ) {
    strictEqual(isLoopback(new URL(url)), true, url);
  }
  for (
    const url of [
      "http://localhost.example",
      "http://127.0.0.1.example",
      "http://10.0.0.1",
      "http://[::2]",
      "http://0.0.0.0",
    ]
  ) {
    strictEqual(isLoopback(new URL(url)), false, url);
  }
});

Deno.test("FetchPolicy names hosts with or without the usual port", () => {
  const policy = new FetchPolicy(["one.example", "two.example:443", "THREE.example:8443"]);
  policy.allowPipeline(new URL("https://own.example/p.ts"));
  for (
    const url of [
      "https://one.example/x",
      "https://two.example/x",
      "https://three.example:8443/x",
      "https://own.example/y",
    ]
  ) {
    policy.check(new URL(url), undefined);
  }
  for (
    const url of [
      "https://one.example:8443/x",
      "https://three.example/x",
      "https://evil.example/",
      "https://one.example.evil.example/",
    ]
  ) {
    try {
      policy.check(new URL(url), undefined);
    } catch (error) {
      strictEqual(error instanceof ModuleError, true);
      continue;
    }
    throw new Error(`${url} is allowed`);
  }
});
