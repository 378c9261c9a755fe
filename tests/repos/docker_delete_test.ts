/** Deletions of tags that fail, or are killed, in their middle. */

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import { type DockerRepository, interceptWarnings } from "../../mod.ts";
import { type Fault, HttpProxy, type ProxiedRequest } from "../faulty_proxy.ts";
import { registryServer } from "../servers.ts";
import { TestImages } from "./docker_fixture.ts";

/** The same images, by the registry itself and by a proxy before it. */
interface Fixture {
  readonly images: TestImages;
  readonly proxy: HttpProxy;
  readonly repo: DockerRepository;
}

function test(name: string, fn: (fixture: Fixture) => Promise<void>): void {
  Deno.test({
    name,
    ignore: registryServer.ignore,
    async fn() {
      await using proxy = new HttpProxy(`http://${registryServer.variables.host}`);
      await using images = new TestImages(proxy.host);
      const repo = images.repository();
      await images.push("warm", "warm");
      await repo.delete("warm"); // which shows that the registry deletes
      await fn({ images, proxy, repo });
    },
  });
}

/** Whether a tag is moved to the empty image, which is of another type than those that are pushed here. */
const moves = ({ method, url, headers }: ProxiedRequest): boolean =>
  method === "PUT" && url.endsWith("/manifests/bar") &&
  headers.get("content-type") === "application/vnd.oci.image.manifest.v1+json";
const deletes = ({ method }: ProxiedRequest): boolean => method === "DELETE";

/** Cuts off the first deletion, and everything that follows. */
function cutting(): HttpProxy["fault"] {
  let isCut = false;
  return (request) => {
    isCut ||= deletes(request);
    return isCut ? "cut" : undefined;
  };
}

const FAULTS: readonly (readonly [what: string, at: typeof moves, fault: Fault])[] = [
  ["the move of the tag is refused", moves, { answer: 500 }],
  ["the move of the tag is cut off", moves, "cut"],
  ["the answer to the move of the tag is lost", moves, "lose"],
  ["the deletion is refused", deletes, { answer: 500 }],
  ["the deletion is not allowed", deletes, { answer: 403 }],
  ["the deletion is cut off", deletes, "cut"],
];

for (const [what, at, fault] of FAULTS) {
  test(`a tag names its image again when ${what}`, async ({ images, proxy, repo }) => {
    const digest = await images.push("hello", "bar", "baz");
    proxy.fault = (request) => at(request) ? fault : undefined;
    await rejects(repo.delete("bar"), StoreError);
    strictEqual(await images.digest("bar"), digest);
    deepStrictEqual((await Array.fromAsync(repo)).sort(), ["bar", "baz"]);
    proxy.fault = () => undefined;
    await repo.validate({ create: true }); // there is nothing left to do
    strictEqual(await images.digest("bar"), digest);
    await repo.delete("bar");
    deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
  });
}

test("a tag is deleted though the answer was lost", async ({ images, proxy, repo }) => {
  await images.push("hello", "bar", "baz");
  proxy.fault = (request) => deletes(request) ? "lose" : undefined;
  await repo.delete("bar");
  deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
});

test("what others push under a tag whose deletion fails is left as it is", async ({ images, proxy }) => {
  const impatient = images.repository({ timeout: 500 });
  await images.push("hello", "bar", "first");
  await impatient.delete("first");
  const reached = Promise.withResolvers<void>();
  proxy.fault = (request) => {
    if (!deletes(request)) return undefined;
    reached.resolve();
    return "hang";
  };
  const failed = rejects(impatient.delete("bar"), StoreError);
  await reached.promise;
  const digest = await images.push("another", "bar");
  await failed;
  strictEqual(await images.digest("bar"), digest);
  proxy.fault = () => undefined;
  await impatient.validate();
  strictEqual(await images.digest("bar"), digest);
});

test("a deletion that cannot even be undone is ended by the next run", async ({ images, proxy, repo }) => {
  await images.push("hello", "bar", "baz");
  proxy.fault = cutting();
  await rejects(repo.delete("bar"), (error) => {
    ok(error instanceof StoreError);
    match(error.message, /until it is deleted, the tag may name an empty image$/);
    return true;
  });
  proxy.fault = () => undefined;
  await repo.validate({ create: false });
  deepStrictEqual((await Array.fromAsync(repo)).sort(), ["bar", "baz"]);
  await images.repository().validate({ create: true });
  deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
});

test("a deletion whose end cannot be told to the registry is left to a later run, with a warning", async ({ images, proxy, repo }) => {
  await images.push("hello", "bar", "baz");
  proxy.fault = cutting();
  await rejects(repo.delete("bar"), StoreError);
  const warnings: string[] = [];
  using _ = interceptWarnings((warning) => void warnings.push(warning));
  proxy.fault = (request) => deletes(request) ? { answer: 500 } : undefined;
  await repo.validate();
  strictEqual(warnings.length, 1);
  match(
    warnings[0]!,
    /^Cannot end the deletion of "bar" from <DockerRepository .*: the registry failed/,
  );
  proxy.fault = () => undefined;
  await repo.validate();
  deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
  strictEqual(warnings.length, 1);
});

test("a deletion that is killed is ended by the next run, and one under way is left alone", async ({ images, proxy, repo }) => {
  const digest = await images.push("hello", "bar", "baz");
  const reached = Promise.withResolvers<void>();
  let deletions = 0;
  proxy.fault = (request) => {
    if (!deletes(request) || !request.headers.has("authorization")) return undefined;
    if (++deletions === 1) return undefined; // which shows that it is supported
    reached.resolve();
    return "hang";
  };
  const code = `
    import { DockerRegistry, DockerRepository } from ${
    JSON.stringify(import.meta.resolve("../../mod.ts"))
  };
    const [host, name, username, password] = Deno.args;
    const repo = new DockerRepository(new DockerRegistry(host, { username, password }), host, name);
    await repo.delete("bar");
  `;
  const { user, password } = registryServer.variables;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", code, images.host, images.name, user, password],
    stderr: "inherit",
  }).spawn();
  await reached.promise;
  proxy.fault = () => undefined;
  strictEqual(await images.digest("bar"), undefined);
  await repo.validate();
  deepStrictEqual((await Array.fromAsync(repo)).sort(), ["bar", "baz"]);
  process.kill("SIGKILL");
  await process.status;
  await repo.validate();
  deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
  strictEqual(await images.digest("baz"), digest);
});
