import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import { DockerRegistry, DockerRepository } from "../../mod.ts";
import { inFolder } from "../temporary_folder.ts";
import { fault, StubRegistry } from "./registry_stub.ts";

/** A registry with a token server, which gives tokens to the user `u` with password `p`, and what it was asked. */
class TokenRegistry extends StubRegistry {
  readonly tokens: string[] = [];
  readonly questions: string[] = [];
  /** Seconds for which a token is good; undefined if it does not tell. */
  life: number | undefined = 300;
  revoked = new Set<string>();

  constructor(tags: readonly string[]) {
    super(tags);
    this.answer = (request) => {
      const url = new URL(request.url);
      if (url.pathname === "/token") return this.#token(request, url);
      const shown = request.headers.get("authorization")?.replace("Bearer ", "");
      if (shown !== undefined && this.tokens.includes(shown) && !this.revoked.has(shown)) return;
      const scope = "repository:library/moby:pull";
      return fault(401, "UNAUTHORIZED", {
        "www-authenticate":
          `Bearer realm="http://${this.host}/token",service="registry.test",scope="${scope}"`,
      });
    };
  }

  async #token(request: Request, { search }: URL): Promise<Response> {
    const who = request.headers.get("authorization");
    const body = await request.text();
    this.questions.push(`${request.method} ${search} ${body}`.trim());
    const isKnown = body.includes("refresh_token=secret") || who === `Basic ${btoa("u:pä")}` ||
      who === `Basic ${new TextEncoder().encode("u:pä").toBase64()}`;
    if (!isKnown) return fault(401, "UNAUTHORIZED");
    const token = `token${this.tokens.length}`;
    this.tokens.push(token);
    const field = body === "" ? "token" : "access_token";
    return Response.json({
      [field]: token,
      ...this.life !== undefined && { expires_in: this.life },
    });
  }
}

async function withTokens(
  fn: (registry: TokenRegistry, repo: DockerRepository) => Promise<void>,
): Promise<void> {
  await using registry = new TokenRegistry(["a", "b"]);
  const client = new DockerRegistry(registry.host, { username: "u", password: "pä" });
  await fn(registry, new DockerRepository(client, registry.host, "library/moby"));
}

Deno.test("a registry with a token server: one token serves many requests", () =>
  withTokens(async (registry, repo) => {
    deepStrictEqual(await Array.fromAsync(repo), ["a", "b"]);
    strictEqual(await repo.contains("a"), true);
    strictEqual(await repo.contains("c"), false);
    deepStrictEqual(registry.questions, [
      "GET ?service=registry.test&scope=repository%3Alibrary%2Fmoby%3Apull",
    ]);
  }));

Deno.test("many requests at once ask for one token", () =>
  withTokens(async (registry, repo) => {
    await Promise.all(Array.from({ length: 20 }, () => repo.contains("a")));
    strictEqual(registry.questions.length, 1);
  }));

Deno.test("a token that has expired or is refused is asked for anew, once", () =>
  withTokens(async (registry, repo) => {
    registry.life = 1; // less than the margin
    await repo.contains("a");
    await repo.contains("a");
    strictEqual(registry.tokens.length, 2);
    registry.life = 300;
    await repo.contains("a");
    await repo.contains("a");
    strictEqual(registry.tokens.length, 3);
    registry.revoked.add("token2");
    strictEqual(await repo.contains("a"), true);
    strictEqual(registry.tokens.length, 4);
  }));

Deno.test("a token that is never accepted is a failed login", () =>
  withTokens(async (registry, repo) => {
    const { revoked } = registry;
    revoked.has = () => true;
    await rejects(Array.fromAsync(repo), /the login failed \(status 401, UNAUTHORIZED/);
    strictEqual(registry.tokens.length, 1);
  }));

Deno.test("a token server that refuses or answers nonsense is an error", async () => {
  await using registry = new TokenRegistry(["a"]);
  const wrong = new DockerRegistry(registry.host, { username: "u", password: "wrong" });
  const repo = new DockerRepository(wrong, registry.host, "library/moby");
  await rejects(Array.fromAsync(repo), (error) => {
    strictEqual(error instanceof StoreError, true);
    match(
      String(error),
      /the login failed \(status 401, from 127\.0\.0\.1:\d+\); use docker login/,
    );
    return true;
  });
  const { answer } = registry;
  for (const body of ["{}", "[]", "nonsense", '{"token": 5}', '{"token": ""}']) {
    registry.answer = (request) =>
      request.url.includes("/token") ? new Response(body) : answer(request);
    await rejects(Array.fromAsync(repo), /Cannot log in: 127\.0\.0\.1:\d+ gave no token/, body);
  }
});

/** Runs with a folder that holds Docker's configuration and is the first in PATH, in a process of its own. */
async function listWith(
  registry: StubRegistry,
  config: unknown,
  helpers: Record<string, string> = {},
): Promise<{ code: number; said: string }> {
  let result = { code: -1, said: "" };
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    for (const [name, script] of Object.entries(helpers)) {
      const path = `${folder}/docker-credential-${name}`;
      await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const code = `
      import { DockerRegistry, DockerRepository } from ${
      JSON.stringify(import.meta.resolve("../../mod.ts"))
    };
      const [host] = Deno.args;
      const repo = new DockerRepository(new DockerRegistry(host), host, "library/moby");
      try {
        console.log((await Array.fromAsync(repo)).join());
      } catch (error) {
        console.log(error.message);
        Deno.exit(1);
      }
    `;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["eval", code, registry.host],
      env: { DOCKER_CONFIG: folder, PATH: `${folder}:${Deno.env.get("PATH")}` },
      stderr: "inherit",
    }).output();
    result = { code: output.code, said: new TextDecoder().decode(output.stdout).trim() };
  });
  return result;
}

const AUTH = new TextEncoder().encode("u:pä").toBase64();

Deno.test("the login is that of docker login: written, encoded, as a token, under any name of the host", async () => {
  await using registry = new TokenRegistry(["a"]);
  const { host } = registry;
  const configs: readonly unknown[] = [
    { auths: { [host]: { auth: AUTH } } },
    { auths: { "other.test": { auth: "eDp5" }, [`https://${host}/v1/`]: { auth: AUTH } } },
    { auths: { [host]: { username: "u", password: "pä" } } },
    { auths: { [host]: { identitytoken: "secret" } } },
  ];
  const results = await Promise.all(configs.map((config) => listWith(registry, config)));
  deepStrictEqual(results, configs.map(() => ({ code: 0, said: "a" })));
  strictEqual(
    registry.questions.filter((question) => question.startsWith("POST")).join(),
    "POST  service=registry.test&scope=repository%3Alibrary%2Fmoby%3Apull" +
      "&grant_type=refresh_token&client_id=datatask&refresh_token=secret",
  );
});

Deno.test("the login is asked of the helper of the host, or of that of all", async () => {
  await using registry = new TokenRegistry(["a"]);
  const { host } = registry;
  const tells =
    `[ "$1" = get ] && [ "$(cat)" = "${host}" ] && echo '{"Username":"u","Secret":"pä"}'`;
  const token = `cat >/dev/null; echo '{"Username":"<token>","Secret":"secret"}'`;
  const none = `cat >/dev/null; echo 'credentials not found in native keychain'; exit 1`;
  const ok = { code: 0, said: "a" };
  const results = await Promise.all([
    listWith(registry, { credHelpers: { [host]: "one" }, credsStore: "none" }, {
      one: tells,
      none,
    }),
    listWith(registry, { credsStore: "one" }, { one: tells }),
    listWith(registry, { credsStore: "one" }, { one: token }),
    listWith(registry, { credsStore: "none", auths: { [host]: { auth: AUTH } } }, { none }),
  ]);
  deepStrictEqual(results, [ok, ok, ok, ok]);
});

Deno.test("a helper that fails, and a configuration that is none, are errors", async () => {
  await using registry = new TokenRegistry(["a"]);
  const results = await Promise.all([
    listWith(registry, { credsStore: "bad" }, { bad: "echo 'locked' >&2; exit 1" }),
    listWith(registry, { credsStore: "bad" }, { bad: "cat >/dev/null; echo '{}'" }),
    listWith(registry, { credsStore: "absent" }),
    listWith(registry, 7),
    listWith(registry, { auths: {} }),
  ]);
  deepStrictEqual(results.map(({ code }) => code), [1, 1, 1, 1, 1]);
  match(results[0]!.said, /docker-credential-bad fails: locked; see that it works, or give user/);
  match(results[1]!.said, /docker-credential-bad does not answer with Username and Secret/);
  match(results[2]!.said, /docker-credential-absent cannot be run/);
  match(results[3]!.said, /config\.json is no JSON object; correct it/);
  match(results[4]!.said, /the login failed \(status 401, from/); // nobody in particular is refused
});
