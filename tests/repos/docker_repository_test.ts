import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { JobIdError, StoreError } from "../../lib/errors.ts";
import { DockerRegistry, DockerRepository, interceptWarnings } from "../../mod.ts";
import { registryServer } from "../servers.ts";
import { TestImages } from "./docker_fixture.ts";
import { fault, StubRegistry } from "./registry_stub.ts";

function test(name: string, fn: (images: TestImages) => Promise<void>): void {
  Deno.test({
    name,
    ignore: registryServer.ignore,
    async fn() {
      await using images = new TestImages();
      await fn(images);
    },
  });
}

/** A test with a registry that stands in for a real one. */
function stubTest(
  name: string,
  fn: (repo: DockerRepository, registry: StubRegistry) => Promise<void>,
  tags: readonly string[] = [],
): void {
  Deno.test(name, async () => {
    await using registry = new StubRegistry(tags);
    const client = new DockerRegistry(registry.host, { username: "u", password: "p" });
    await fn(new DockerRepository(client, "docker.io", "library/moby"), registry);
  });
}

async function fails(attempt: Promise<unknown>, message: RegExp): Promise<void> {
  await rejects(attempt, (error) => {
    ok(error instanceof StoreError, `${error}`);
    match(error.message, message);
    return true;
  });
}

// The original's TestDockerHub: without the right login, nothing is deleted.
test("without a login, and with a wrong one, nothing can be done", async (images) => {
  const digest = await images.push("hello", "bar");
  const cases = [
    [new DockerRegistry(images.host), /there is no login for it\); use docker login/],
    [
      new DockerRegistry(images.host, { username: "weh", password: "weh" }),
      /the login failed \(status 401(, UNAUTHORIZED .*)?\); use docker login, or give the right/,
    ],
  ] as const;
  for (const [registry, message] of cases) {
    const repo = new DockerRepository(registry, images.host, images.name);
    await fails(repo.delete("bar"), message);
    await fails(repo.contains("bar"), message);
    await fails(Array.fromAsync(repo), message);
    await fails(repo.validate(), message);
  }
  strictEqual(await images.digest("bar"), digest);
});

test("delete() takes the tag, and leaves other tags of the same image", async (images) => {
  const repo = images.repository();
  const digest = await images.push("hello", "bar", "baz");
  const other = await images.push("goodbye", "qux");
  await repo.delete("bar");
  deepStrictEqual((await Array.fromAsync(repo)).sort(), ["baz", "qux"]);
  strictEqual(await images.digest("bar"), undefined);
  strictEqual(await images.digest("baz"), digest);
  strictEqual(await images.digest("qux"), other);
  await images.push("hello", "bar");
  strictEqual(await images.digest("bar"), digest);
});

test("deleting asks for as much as it needs", async (images) => {
  const repo = images.repository();
  await images.push("hello", "a", "b", "c");
  await repo.delete("a"); // a push and a deletion to show that it works, and the configuration of the empty image
  const before = repo.requestCount();
  await repo.delete("b");
  strictEqual(repo.requestCount() - before, 4);
  await Promise.all([repo.delete("c"), repo.delete("c"), repo.delete("b")]);
  deepStrictEqual(await Array.fromAsync(repo), []);
});

test("a tag is listed or not, and never twice, while another process deletes", async (images) => {
  const tags = Array.from({ length: 20 }, (_, index) => `t${index}`);
  for (const tag of tags) await images.push("hello", tag);
  const code = `
    import { DockerRegistry, DockerRepository } from ${
    JSON.stringify(import.meta.resolve("../../mod.ts"))
  };
    const [host, name, username, password] = Deno.args;
    const repo = new DockerRepository(new DockerRegistry(host, { username, password }), host, name);
    for (let at = 0; at < 10; at++) await repo.delete("t" + at);
  `;
  const { user, password } = registryServer.variables;
  const deleting = new Deno.Command(Deno.execPath(), {
    args: ["eval", code, images.host, images.name, user, password],
    stderr: "inherit",
  }).output();
  const repo = images.repository();
  let isDeleting = true;
  deleting.finally(() => isDeleting = false);
  do {
    const listed = await Array.fromAsync(repo);
    strictEqual(new Set(listed).size, listed.length);
    ok(tags.slice(10).every((tag) => listed.includes(tag)), listed.join());
  } while (isDeleting);
  strictEqual((await deleting).success, true);
  deepStrictEqual((await Array.fromAsync(repo)).sort(), tags.slice(10));
});

const MANY = Array.from({ length: 10_000 }, (_, index) => `tag-${index}`);

stubTest("ten thousand tags are listed page by page", async (repo, registry) => {
  const listed = await Array.fromAsync(repo);
  deepStrictEqual(listed.sort(), [...MANY].sort());
  strictEqual(registry.asked.length, 10);
  strictEqual(registry.asked[0], "GET /v2/library/moby/tags/list?n=1000");
  match(registry.asked[1]!, /^GET \/v2\/library\/moby\/tags\/list\?n=1000&last=tag-\d+$/);
  strictEqual(repo.requestCount(), 10);
  strictEqual(await repo.contains("tag-9999"), true);
  strictEqual(registry.asked.at(-1), "HEAD /v2/library/moby/manifests/tag-9999");
}, MANY);

stubTest("tags that go while pages are read do not hide others", async (repo, registry) => {
  const seen: string[] = [];
  for await (const tag of repo) {
    seen.push(tag);
    if (seen.length % 1000 === 0) registry.tags.splice(registry.tags.indexOf(tag) - 500, 501);
  }
  deepStrictEqual(seen, [...MANY].sort());
}, MANY);

stubTest("a registry that does not come to an end is an error", async (repo, registry) => {
  registry.answer = ({ url }) =>
    Response.json({ tags: ["a"] }, { headers: { link: `<${url}>; rel="next"` } });
  await fails(Array.fromAsync(repo), /the registry does not come to an end/);
});

stubTest("who asks is not shown to another host that a page names", async (repo, registry) => {
  await using other = new StubRegistry();
  const shown: (string | null)[] = [];
  registry.answer = ({ headers }) => {
    if (headers.get("authorization") === null) {
      return fault(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="r"' });
    }
    const link = `<http://${other.host}/v2/library/moby/tags/list>; rel="next"`;
    return Response.json({ tags: ["a"] }, { headers: { link } });
  };
  other.answer = ({ headers }) => {
    shown.push(headers.get("authorization"));
    return Response.json({ tags: ["b"] });
  };
  deepStrictEqual(await Array.fromAsync(repo), ["a", "b"]);
  deepStrictEqual(shown, [null]);
});

stubTest(
  "a repository that is not there, and one without tags, are empty",
  async (repo, registry) => {
    registry.answer = () => fault(404, "NAME_UNKNOWN");
    deepStrictEqual(await Array.fromAsync(repo), []);
    await repo.validate();
    await repo.delete("a");
    strictEqual(await repo.contains("a"), false);
    registry.answer = () => Response.json({ name: "library/moby", tags: null });
    deepStrictEqual(await Array.fromAsync(repo), []);
  },
);

stubTest("what is no answer of a registry is never absence", async (repo, registry) => {
  const answers: readonly (readonly [answer: () => Response, message: RegExp])[] = [
    [() => new Response("<html>", { status: 404 }), /what answers is no registry \(status 404\)/],
    [() => new Response("<html>"), /what answers is no registry \(status 200\)/],
    [() => new Response("{}"), /what answers is no registry \(status 200\)/],
    [() => new Response(new Uint8Array()), /what answers is no registry \(status 200\)/],
    [() => Response.json({ ok: true }), /what answers is no registry \(status 200\)/],
    [() => new Response('{"tags": "a"}'), /what answers is no registry \(status 200\)/],
    [() => fault(403, "DENIED"), /access is denied \(status 403, DENIED as the test wants\)/],
    [() => fault(429, "TOOMANYREQUESTS"), /these were too many requests/],
    [() => fault(500, "UNKNOWN"), /the registry failed \(status 500, UNKNOWN/],
    [() => new Response(null, { status: 503 }), /the registry failed \(status 503\)/],
  ];
  for (const [answer, message] of answers) {
    registry.answer = ({ method }) => method === "HEAD" ? new Response(null, answer()) : answer();
    await fails(Array.fromAsync(repo), message);
    await fails(repo.validate(), message);
    const status = new RegExp(`status ${answer().status}`);
    await fails(repo.contains("a"), status);
    await fails(repo.delete("a"), status);
  }
});

stubTest(
  "a registry that deletes nothing says unsupported, and the tag stays as it is",
  async (repo, registry) => {
    const changed: string[] = [];
    registry.answer = ({ method, url }) => {
      const { pathname } = new URL(url);
      if (method === "DELETE") return fault(405, "UNSUPPORTED");
      if (pathname.includes("/blobs/")) return new Response(null, { status: 200 });
      if (method !== "PUT") return undefined;
      changed.push(pathname.split("/manifests/")[1]!);
      return new Response(null, { status: 201 });
    };
    await fails(
      repo.delete("a"),
      /^Cannot delete "a" from <DockerRepository docker.io\/library\/moby>: the registry does not support this \(status 405, UNSUPPORTED .*; allow it there/,
    );
    strictEqual(changed.length, 1);
    match(changed[0]!, /^sha256:[0-9a-f]{64}$/);
    strictEqual(await repo.contains("a"), true);
  },
  ["a"],
);

stubTest(
  "a request that hangs is given up in time, and nothing else waits for it",
  async (_, registry) => {
    const client = new DockerRegistry(registry.host, { timeout: 100 });
    const repo = new DockerRepository(client, registry.host, "library/moby");
    const held = Promise.withResolvers<undefined>();
    registry.answer = ({ url }) => url.includes("/manifests/hangs") ? held.promise : undefined;
    const hanging = fails(
      repo.delete("hangs"),
      /did not answer in time; see that it runs, or allow/,
    );
    deepStrictEqual(await Array.fromAsync(repo), ["a"]);
    strictEqual(await repo.contains("a"), true);
    await hanging;
    held.resolve(undefined);

    // An answer that begins and does not end.
    registry.answer = () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('{"tags": [')),
        }),
      );
    await fails(Array.fromAsync(repo), /did not answer in time/);
  },
  ["a"],
);

stubTest("names that are no tags are skipped or refused", async (repo) => {
  const warnings: string[] = [];
  using _ = interceptWarnings((warning) => void warnings.push(warning));
  deepStrictEqual(await Array.fromAsync(repo), ["a"]);
  strictEqual(warnings.length, 1);
  await rejects(repo.contains("x".repeat(129)), JobIdError);
  strictEqual(await repo.contains("x".repeat(128)), false);
}, ["a", "_hidden"]);

Deno.test("addresses and names that cannot be are refused when they are given", () => {
  strictEqual(new DockerRegistry("localhost:5000").url.href, "http://localhost:5000/");
  strictEqual(new DockerRegistry("127.0.0.1:5000").url.href, "http://127.0.0.1:5000/");
  strictEqual(new DockerRegistry("[::1]:5000").url.href, "http://[::1]:5000/");
  strictEqual(new DockerRegistry("ghcr.io").url.href, "https://ghcr.io/");
  strictEqual(new DockerRegistry("http://ghcr.io").url.href, "http://ghcr.io/");
  strictEqual(new DockerRegistry("docker.io").url.href, "https://registry-1.docker.io/");
  throws(() => new DockerRegistry("a b"), TypeError);
  throws(() => new DockerRegistry("ghcr.io", { username: "u" }), TypeError);
  const registry = new DockerRegistry("ghcr.io");
  for (const name of ["", "Moby", "a//b", "/a", "a/", "a:b", "../a"]) {
    throws(() => new DockerRepository(registry, "ghcr.io", name), TypeError, name);
  }
  new DockerRepository(registry, "ghcr.io", "a/b_c-d.e/f--g__h");
});
