import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { BlockingRepository } from "../../lib/blocking_repository.ts";
import { JobIdError, StoreError } from "../../lib/errors.ts";
import { FakeMetadata, HASH_IDS } from "./fake_stores.ts";

function stores(): { books: FakeMetadata<number>; done: FakeMetadata<boolean> } {
  return {
    books: new FakeMetadata("books", [["moby", 635], ["emma", 474], ["hamlet", 120]]),
    done: new FakeMetadata("done", [["emma", true], ["macbeth", true]]),
  };
}

for (const enumerateUnless of [true, false]) {
  const how = `with enumerateUnless ${enumerateUnless}`;

  Deno.test(`BlockingRepository ${how} lists what is not blocked`, async () => {
    const { books, done } = stores();
    const left = new BlockingRepository(books, done, { enumerateUnless });
    deepStrictEqual(await Array.fromAsync(left), ["moby", "hamlet"]);
    strictEqual(left.source, books);
    strictEqual(left.unless, done);
    strictEqual(left.enumerateUnless, enumerateUnless);
  });

  Deno.test(`BlockingRepository.infoAll() ${how} gives what is not blocked, from one infoAll`, async () => {
    const { books, done } = stores();
    const left = new BlockingRepository(books, done, { enumerateUnless });
    const all: Map<string, number | undefined> = await left.infoAll();
    deepStrictEqual(all, new Map([["moby", 635], ["hamlet", 120]]));
    deepStrictEqual(books.calls, ["infoAll"]);
  });

  Deno.test(`BlockingRepository ${how} throws when it cannot be said what blocks`, async () => {
    const { books, done } = stores();
    done.failing.add(enumerateUnless ? "list" : "contains");
    const left = new BlockingRepository(books, done, { enumerateUnless });
    await rejects(Array.fromAsync(left), StoreError);
    await rejects(left.infoAll(), StoreError);
  });

  Deno.test(`A-37: BlockingRepository ${how} has the job ids of its source`, async () => {
    const { done } = stores();
    const tickets = new FakeMetadata("tickets", [["#1", "open"], ["2", "open"]], HASH_IDS);
    const left = new BlockingRepository(tickets, done, { enumerateUnless });
    await done.dump("2", true);
    deepStrictEqual(await Array.fromAsync(left), ["#1"]);
    strictEqual(await left.contains("#1"), true);
    strictEqual(await left.contains("2"), false);
    await rejects(left.contains("moby"), JobIdError);
  });
}

Deno.test("A-05: BlockingRepository awaits what it asks for each key", async () => {
  const { books, done } = stores();
  const left = new BlockingRepository(books, done, { enumerateUnless: false });
  deepStrictEqual(await Array.fromAsync(left), ["moby", "hamlet"]);
  deepStrictEqual(done.calls, ["contains moby", "contains emma", "contains hamlet"]);
});

Deno.test("BlockingRepository lists what blocks unless told otherwise", async () => {
  const { books, done } = stores();
  await Array.fromAsync(new BlockingRepository(books, done));
  deepStrictEqual(done.calls, ["list"]);
});

Deno.test("BlockingRepository.contains() asks what blocks only for keys of the source", async () => {
  const { books, done } = stores();
  const left = new BlockingRepository(books, done);
  strictEqual(await left.contains("moby"), true);
  strictEqual(await left.contains("emma"), false);
  strictEqual(await left.contains("macbeth"), false);
  deepStrictEqual(done.calls, ["contains moby", "contains emma"]);
});

Deno.test("BlockingRepository.info() and delete() concern the source, also for what is blocked", async () => {
  const { books, done } = stores();
  const left = new BlockingRepository(books, done);
  strictEqual(await left.info("emma"), 474);
  await left.delete("emma");
  strictEqual(books.data.has("emma"), false);
  strictEqual(done.data.has("emma"), true);
  await rejects(left.info("../x"), JobIdError);
  await rejects(left.delete("../x"), JobIdError);
});

Deno.test("A-36: BlockingRepository.validate() validates both repositories", async () => {
  const { books, done } = stores();
  await new BlockingRepository(books, done).validate({ create: false });
  deepStrictEqual(books.calls, ["validate false"]);
  deepStrictEqual(done.calls, ["validate false"]);
});

Deno.test("BlockingRepository names both repositories in messages", () => {
  const { books, done } = stores();
  strictEqual(
    `${new BlockingRepository(books, done)}`,
    "<BlockingRepository of books unless done>",
  );
});
