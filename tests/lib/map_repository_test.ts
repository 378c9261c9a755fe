import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { JobIdError, StoreError } from "../../lib/errors.ts";
import { MapRepository, Repository } from "../../lib/repository.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { FakeMetadata, HASH_IDS } from "./fake_stores.ts";

/** Has only what every store must have. */
class FooBar extends Repository<string> {
  readonly deleted: string[] = [];
  readonly names: readonly string[];

  constructor(...names: string[]) {
    super();
    this.names = names;
  }
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* this.names;
  }
  override info(): Promise<string> {
    return Promise.resolve("info");
  }
  override delete(job: string): Promise<void> {
    this.deleted.push(job);
    return Promise.resolve();
  }
}

Deno.test("Repository.contains() lists until it finds the key", async () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  const repository = new FooBar("foo", " ");
  strictEqual(await repository.contains("weh"), false);
  strictEqual(await repository.contains("foo"), true);
  strictEqual(warnings.filter((warning) => warning.includes("valid job")).length, 1);
});

Deno.test("Repository.map() filters the keys and makes the information", async () => {
  const repository = new FooBar("foo", "bar");
  const mapped = repository.map((info) => Promise.resolve(info.toUpperCase()), {
    filter: (job) => Promise.resolve(job === "foo"),
    allowDeletes: true,
  });
  deepStrictEqual(await Array.fromAsync(mapped), ["foo"]);
  strictEqual(await mapped.contains("foo"), true);
  strictEqual(await mapped.contains("bar"), false);
  strictEqual(await mapped.contains("weh"), false);
  for (const job of ["foo", "bar", "weh"]) strictEqual(await mapped.info(job), "INFO");
  for (const job of ["foo", "bar", "weh"]) await mapped.delete(job);
  deepStrictEqual(repository.deleted, ["foo", "bar", "weh"]);
  deepStrictEqual(await mapped.infoAll(), new Map([["foo", "INFO"]]));
});

Deno.test("Repository.map() takes functions that are not async", async () => {
  const mapped = new FooBar("foo", "bar").map((info, job) => info.length + job.length, {
    filter: (job) => job.startsWith("b"),
  });
  const all: Map<string, number> = await mapped.infoAll();
  deepStrictEqual(all, new Map([["bar", 7]]));
  strictEqual(await mapped.contains("bar"), true);
});

Deno.test("MapRepository shows all keys without a filter", async () => {
  const base = new FooBar("foo", "bar");
  const mapped = base.map((info) => info);
  deepStrictEqual(await Array.fromAsync(mapped), ["foo", "bar"]);
  strictEqual(mapped instanceof MapRepository, true);
  strictEqual(mapped.base, base);
  strictEqual(mapped.filter, undefined);
});

Deno.test("MapRepository.delete() does nothing unless it is allowed", async () => {
  const base = new FooBar("foo");
  await base.map((info) => info).delete("foo");
  deepStrictEqual(base.deleted, []);
});

Deno.test("MapRepository.infoAll() asks the repository beneath once", async () => {
  const base = new FakeMetadata("pages", [["moby", 635], ["emma", 474]]);
  const mapped = base.map((pages, job) => `${job}: ${pages}`, { filter: (job) => job === "emma" });
  deepStrictEqual(await mapped.infoAll(), new Map([["emma", "emma: 474"]]));
  deepStrictEqual(base.calls, ["infoAll"]);
});

Deno.test("A-36: MapRepository.validate() validates the repository beneath", async () => {
  const base = new FakeMetadata("pages");
  await base.map((pages) => pages).validate({ create: false });
  deepStrictEqual(base.calls, ["validate false"]);
});

Deno.test("A-37: MapRepository has the job ids of the repository beneath", async () => {
  const mapped = new FakeMetadata("tickets", [["#1", "open"]], HASH_IDS).map((state) => state);
  deepStrictEqual(await Array.fromAsync(mapped), ["#1"]);
  strictEqual(await mapped.contains("#1"), true);
  await rejects(mapped.contains("moby"), JobIdError);
  await rejects(mapped.info("moby"), JobIdError);
  await rejects(mapped.delete("moby"), JobIdError);
});

Deno.test("MapRepository throws what the repository beneath throws", async () => {
  const base = new FakeMetadata("pages", [["moby", 635]]);
  for (const method of ["list", "contains", "info", "infoAll"]) base.failing.add(method);
  const mapped = base.map((pages) => pages);
  await rejects(Array.fromAsync(mapped), StoreError);
  await rejects(mapped.contains("moby"), StoreError);
  await rejects(mapped.info("moby"), StoreError);
  await rejects(mapped.infoAll(), StoreError);
});

Deno.test("MapRepository names the repository beneath in messages", () => {
  strictEqual(`${new FooBar().map((info) => info)}`, "<MapRepository of <FooBar>>");
});
