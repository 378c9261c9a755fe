import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import {
  DockerRegistry,
  DockerRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  Pipeline,
  run,
} from "../../mod.ts";
import { OwnServer } from "../own_server.ts";
import { registryServer } from "../servers.ts";
import { emptyImage } from "../../repos/registry_images.ts";

/** A real registry of one's own, with one repository of images: that of the original's tests. */
class OwnRegistry implements AsyncDisposable {
  readonly server: OwnServer;
  readonly host: string;
  readonly repo: DockerRepository;
  readonly registry: DockerRegistry;

  private constructor(server: OwnServer, timeout: number) {
    this.server = server;
    this.host = server.variable("DATATASK_TEST_REGISTRY");
    this.registry = new DockerRegistry(this.host, {
      username: server.variable("DATATASK_TEST_REGISTRY_USER"),
      password: server.variable("DATATASK_TEST_REGISTRY_PASSWORD"),
      timeout,
    });
    this.repo = new DockerRepository(this.registry, this.host, "foo/weh");
  }

  static async start({ timeout = 500 } = {}): Promise<OwnRegistry> {
    return new OwnRegistry(await OwnServer.start("registry"), timeout);
  }

  /** Pushes an image. */
  async push(tag: string): Promise<void> {
    const { config, configDigest, manifest, manifestType } = await emptyImage();
    const begun = await this.#send("POST", "blobs/uploads/");
    const place = new URL(begun.get("location") ?? "");
    place.searchParams.set("digest", configDigest);
    await this.#send("PUT", place.href, config);
    await this.#send("PUT", `manifests/${tag}`, manifest, { "content-type": manifestType });
  }

  /** Gives an image more tags, in the files of the registry: ten thousand pushes would take a minute. */
  async tag(image: string, tags: readonly string[]): Promise<void> {
    const folder =
      `${this.server.folder}/data/docker/registry/v2/repositories/foo/weh/_manifests/tags`;
    const link = await Deno.readFile(`${folder}/${image}/current/link`);
    for (const tag of tags) {
      Deno.mkdirSync(`${folder}/${tag}/current`, { recursive: true });
      Deno.writeFileSync(`${folder}/${tag}/current/link`, link);
    }
  }

  async #send(
    method: "POST" | "PUT",
    place: string,
    body?: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Headers> {
    const path = new URL(place, `http://${this.host}/v2/foo/weh/`).href;
    const asked = { method, path, headers, scope: "", ...body !== undefined && { body } };
    const answer = await this.registry.send(asked);
    await answer.body?.cancel();
    ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.headers;
  }

  /** Checks that everything that asks the registry is an error of the store. */
  async failsAll(): Promise<void> {
    const { repo } = this;
    const calls = [
      Array.fromAsync(repo),
      repo.contains("bar"),
      repo.contains("absent"),
      repo.delete("bar"),
      repo.validate(),
    ];
    await Promise.all(calls.map((call) =>
      rejects(call, (error) => {
        ok(error instanceof StoreError, `${error}`);
        return true;
      })
    ));
  }

  /** Waits until the registry answers again. */
  async recovered(): Promise<void> {
    while (await this.repo.validate().then(() => false, () => true));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

// The original's TestDockerLocal, with its data.
Deno.test({
  name: "DockerRepository does what the original's test wants",
  ignore: registryServer.ignore,
  async fn() {
    await using own = await OwnRegistry.start();
    const { repo, host } = own;
    deepStrictEqual(await repo.info("bar"), {
      withdomain: `${host}/foo/weh:bar`,
      withoutdomain: "foo/weh:bar",
    });
    await own.push("bar");
    deepStrictEqual(await Array.fromAsync(repo), ["bar"]);
    await repo.delete("bar");
    deepStrictEqual(await Array.fromAsync(repo), []);
    await repo.delete("bar");
  },
});

Deno.test({
  name: "ten thousand tags of a real registry are listed, found and deleted",
  ignore: registryServer.ignore,
  async fn() {
    await using own = await OwnRegistry.start({ timeout: 60_000 });
    const { repo } = own;
    await own.push("tag-0");
    const tags = Array.from({ length: 10_000 }, (_, index) => `tag-${index}`);
    await own.tag("tag-0", tags.slice(1));
    await repo.validate();
    const before = repo.requestCount();
    deepStrictEqual((await Array.fromAsync(repo)).sort(), tags.toSorted());
    ok(repo.requestCount() - before <= 11, "a page has a thousand tags, or all");
    strictEqual(await repo.contains("tag-9999"), true);
    strictEqual(await repo.contains("tag-10000"), false);
    await repo.delete("tag-5000");
    const left = tags.filter((tag) => tag !== "tag-5000");
    deepStrictEqual((await Array.fromAsync(repo)).sort(), left.sort());
  },
});

Deno.test({
  name: "a registry that stops, is killed and comes back: errors meanwhile, and tags as they were",
  ignore: registryServer.ignore,
  async fn() {
    await using own = await OwnRegistry.start();
    const { repo, server } = own;
    await own.push("bar");
    await own.push("baz");
    for (const signal of ["STOP", "KILL"] as const) {
      await server.signal(signal);
      await own.failsAll();
      if (signal === "STOP") await server.signal("CONT");
      else await server.up();
      await own.recovered();
      deepStrictEqual((await Array.fromAsync(repo)).sort(), ["bar", "baz"]);
    }
    await repo.delete("bar");
    deepStrictEqual(await Array.fromAsync(repo), ["baz"]);
  },
});

Deno.test({
  name: "no job is started while a registry that decides on it cannot be asked",
  ignore: registryServer.ignore,
  async fn() {
    await using own = await OwnRegistry.start();
    await own.push("a");
    const started: string[] = [];
    const task = new InProcessSyncTask("build", new InProcessMetadataRepository())
      .link("books", new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]])), {
        isInput: true,
      })
      .link("images", own.repo, { isOutput: true, inhibitsStart: true })
      .func(({ job }) => void started.push(job));
    await using pipeline = new Pipeline([task]);
    await pipeline.open();
    await own.server.signal("STOP");
    await run(pipeline).catch((error) => ok(error instanceof StoreError, `${error}`));
    deepStrictEqual(started, []);
    await own.server.signal("CONT");
    await own.recovered();
    await run(pipeline);
    deepStrictEqual(started, ["b"]);
  },
});
