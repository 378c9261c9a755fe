import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { BlobRepository } from "../../lib/blob_repository.ts";
import { DataError, JobIdError, NotFoundError, StoreError } from "../../lib/errors.ts";
import {
  isRelatedItem,
  type RelatedItem,
  RelatedItemRepository,
} from "../../lib/related_item_repository.ts";
import { MetadataRepository, Repository } from "../../lib/repository.ts";
import { FakeBlobs, FakeMetadata, HASH_IDS } from "./fake_stores.ts";

/** Books, and the entries of those who wrote them. */
function stores(): {
  authors: FakeMetadata<string | null>;
  born: FakeMetadata<number>;
} {
  return {
    authors: new FakeMetadata<string | null>("authors", [
      ["emma", "austen"],
      ["persuasion", "austen"],
      ["moby", "melville"],
      ["beowulf", null],
    ]),
    born: new FakeMetadata("born", [["austen", 1775], ["shakespeare", 1564]]),
  };
}

Deno.test("RelatedItemRepository over blobs passes the original's test", async () => {
  const translator = new FakeMetadata("translator", [["456", "123"]]);
  const base = new FakeBlobs("base", [["123", "asdf"]]);
  const related = new RelatedItemRepository(base, translator);
  {
    await using file = await related.open("456", "rb");
    strictEqual(new TextDecoder().decode(await file.read()), "asdf");
  }
  await related.delete("456");
  deepStrictEqual(await Array.fromAsync(base), ["123"]);
  deepStrictEqual(await Array.fromAsync(related), ["456"]);
  strictEqual(await related.contains("456"), true);
  strictEqual(await related.contains("unknown"), false);
  await rejects(related.info("unknown"), NotFoundError);
  await rejects(related.open("unknown", "w"), NotFoundError);
});

Deno.test("RelatedItemRepository over metadata passes the original's test", async () => {
  const translator = new FakeMetadata("translator", [["456", "123"]]);
  const base = new FakeMetadata("base", [["123", "weh!"]]);
  const related = new RelatedItemRepository(base, translator, {
    allowDeletes: true,
    prefetchLookup: false,
  });
  strictEqual(await related.info("456"), "weh!");
  await related.delete("456");
  deepStrictEqual(await Array.fromAsync(base), []);
  await related.delete("unknown");
});

Deno.test("A-48: RelatedItemRepository is a repository of the kind of its base", () => {
  const { authors, born } = stores();
  const blobs = new FakeBlobs("blobs");
  const keys = born.map((year) => String(year));

  const ofMetadata: MetadataRepository<number> & RelatedItem = new RelatedItemRepository(
    born,
    authors,
  );
  const ofBlobs: BlobRepository<string> & RelatedItem = new RelatedItemRepository(blobs, authors);
  const ofKeys: RelatedItemRepository<string> = new RelatedItemRepository(keys, authors);
  // @ts-expect-error: the base has no text
  strictEqual(ofMetadata.readText, undefined);
  // @ts-expect-error: the base has no data
  strictEqual(ofKeys.dump, undefined);

  ok(ofMetadata instanceof MetadataRepository && !(ofMetadata instanceof BlobRepository));
  ok(ofBlobs instanceof BlobRepository && !(ofBlobs instanceof MetadataRepository));
  ok(!(ofKeys instanceof MetadataRepository) && !(ofKeys instanceof BlobRepository));
  for (const [related, base] of [[ofMetadata, born], [ofBlobs, blobs], [ofKeys, keys]] as const) {
    ok(related instanceof RelatedItemRepository && related instanceof Repository);
    ok(isRelatedItem(related));
    strictEqual(related.base, base);
    strictEqual(related.translator, authors);
    strictEqual(related.prefetchLookup, true);
    strictEqual(`${related}`, `<RelatedItemRepository of ${base} by authors>`);
  }
  for (const other of [born, blobs, keys, {}, undefined]) {
    strictEqual(isRelatedItem(other), false);
    strictEqual(other instanceof RelatedItemRepository, false);
  }
});

Deno.test("A-48: RelatedItemRepository is made by what the base is, not by what it is declared as", () => {
  const { authors, born } = stores();
  const base: Repository = born;
  ok(new RelatedItemRepository(base, authors) instanceof MetadataRepository);
});

Deno.test("RelatedItemRepository over metadata reads and writes under the related key", async () => {
  const { authors, born } = stores();
  const related = new RelatedItemRepository(born, authors);
  await related.dump("moby", 1819);
  strictEqual(born.data.get("melville"), 1819);
  strictEqual(await related.info("moby"), 1819);
  strictEqual(await related.info("emma"), 1775);
});

Deno.test("RelatedItemRepository over blobs reads and writes under the related key", async () => {
  const { authors } = stores();
  const lives = new FakeBlobs("lives");
  const related = new RelatedItemRepository(lives, authors);
  await related.writeText("emma", "Jane");
  strictEqual(await lives.readText("austen"), "Jane");
  strictEqual(await related.readText("persuasion"), "Jane");
  await related.writeBytes("emma", Uint8Array.of(1, 2));
  deepStrictEqual([...await related.readBytes("emma")], [1, 2]);
  await ReadableStream.from([Uint8Array.of(3)]).pipeTo(await related.writable("moby"));
  deepStrictEqual(await Array.fromAsync(await related.readable("moby")), [Uint8Array.of(3)]);
  strictEqual(await related.info("moby"), "/lives/melville");
});

for (const prefetchLookup of [true, false]) {
  const how = `with prefetchLookup ${prefetchLookup}`;

  Deno.test(`RelatedItemRepository ${how} lists the jobs whose related keys the base holds`, async () => {
    const { authors, born } = stores();
    const keys = born.map((year) => year);
    for (const base of [born, keys]) {
      const related: Repository<number | undefined> = new RelatedItemRepository(base, authors, {
        prefetchLookup,
      });
      deepStrictEqual(await Array.fromAsync(related), ["emma", "persuasion"]);
      const all = new Map([["emma", 1775], ["persuasion", 1775]]);
      deepStrictEqual(await related.infoAll(), all);
    }
  });

  Deno.test(`RelatedItemRepository.contains() ${how} is false where nothing is related`, async () => {
    const { authors, born } = stores();
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    strictEqual(await related.contains("emma"), true);
    strictEqual(await related.contains("moby"), false); // the base does not hold melville
    strictEqual(await related.contains("beowulf"), false); // null
    strictEqual(await related.contains("iliad"), false); // not in the translator
  });

  Deno.test(`RelatedItemRepository.translate() ${how} gives the related key`, async () => {
    const { authors, born } = stores();
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    strictEqual(await related.translate("moby"), "melville");
    strictEqual(await related.translate("beowulf"), undefined);
    strictEqual(await related.translate("iliad"), undefined);
    await rejects(related.translate("../x"), JobIdError);
  });

  Deno.test(`A-38: RelatedItemRepository ${how} throws NotFoundError where nothing is related`, async () => {
    const { authors, born } = stores();
    const lives = new FakeBlobs("lives");
    const ofMetadata = new RelatedItemRepository(born, authors, { prefetchLookup });
    const ofBlobs = new RelatedItemRepository(lives, authors, { prefetchLookup });
    for (const job of ["beowulf", "iliad"]) {
      const expected = (error: unknown) =>
        error instanceof NotFoundError && error.job === job &&
        error.message.includes("(authors relates it to no key)");
      await rejects(ofMetadata.info(job), expected);
      await rejects(ofMetadata.dump(job, 1), expected);
      await rejects(ofBlobs.info(job), expected);
      await rejects(ofBlobs.readable(job), expected);
      await rejects(ofBlobs.writable(job), expected);
      await rejects(ofBlobs.readText(job), expected);
      await rejects(ofBlobs.writeText(job, ""), expected);
      await rejects(ofBlobs.readBytes(job), expected);
      await rejects(ofBlobs.writeBytes(job, new Uint8Array()), expected);
    }
  });

  Deno.test(`RelatedItemRepository.delete() ${how} deletes from the base only if it is allowed`, async () => {
    const { authors, born } = stores();
    await new RelatedItemRepository(born, authors, { prefetchLookup }).delete("emma");
    strictEqual(born.data.has("austen"), true);
    const related = new RelatedItemRepository(born, authors, {
      prefetchLookup,
      allowDeletes: true,
    });
    await related.delete("emma");
    await related.delete("beowulf");
    await related.delete("iliad");
    strictEqual(born.data.has("austen"), false);
    strictEqual(authors.data.has("emma"), true);
  });

  Deno.test(`RelatedItemRepository ${how} refuses a related key that is no job id`, async () => {
    const { authors, born } = stores();
    authors.data.set("moby", "../melville");
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    const expected = (error: unknown) =>
      error instanceof DataError && error.message.includes(`"moby"`) &&
      error.message.includes(`"../melville"`) && error.message.includes("authors");
    await rejects(related.contains("moby"), expected);
    await rejects(related.info("moby"), expected);
    await rejects(related.translate("moby"), expected);
    await rejects(Array.fromAsync(related), expected);
    await rejects(related.infoAll(), expected);
    strictEqual(await related.contains("emma"), true);
  });

  Deno.test(`RelatedItemRepository ${how} refuses a related key that is no string`, async () => {
    const { born } = stores();
    const data: [string, string][] = JSON.parse(`[["emma", 123]]`);
    const translator = new FakeMetadata("translator", data);
    const related = new RelatedItemRepository(born, translator, { prefetchLookup });
    await rejects(related.contains("emma"), DataError);
  });

  Deno.test(`RelatedItemRepository ${how} throws when the translator or the base cannot tell`, async () => {
    const { authors, born } = stores();
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    for (const method of ["list", "info", "infoAll"]) authors.failing.add(method);
    await rejects(Array.fromAsync(related), StoreError);
    await rejects(related.contains("emma"), StoreError);
    authors.failing.clear();
    strictEqual(await related.contains("emma"), true);
    for (const method of ["list", "contains"]) born.failing.add(method);
    await rejects(Array.fromAsync(related), StoreError);
    await rejects(related.contains("emma"), StoreError);
  });

  Deno.test(`A-08: RelatedItemRepository ${how} sees what changes in the translator`, async () => {
    const { authors, born } = stores();
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    strictEqual(await related.contains("iliad"), false);
    strictEqual(await related.contains("emma"), true);
    await authors.dump("iliad", "shakespeare");
    await authors.delete("emma");
    strictEqual(await related.contains("iliad"), true);
    strictEqual(await related.contains("emma"), false);
    deepStrictEqual(await Array.fromAsync(related), ["persuasion", "iliad"]);
  });

  Deno.test(`A-37: RelatedItemRepository ${how} has the job ids of its translator`, async () => {
    const { born } = stores();
    const translator = new FakeMetadata("translator", [["#1", "austen"]], HASH_IDS);
    const related = new RelatedItemRepository(born, translator, { prefetchLookup });
    deepStrictEqual(await Array.fromAsync(related), ["#1"]);
    strictEqual(await related.contains("#1"), true);
    await rejects(related.contains("moby"), JobIdError);
    await rejects(related.info("moby"), JobIdError);
    await rejects(related.delete("moby"), JobIdError);
  });
}

Deno.test("A-08: RelatedItemRepository asks for the translation of a single job, each time, and not for all", async () => {
  const { born } = stores();
  const translator = new FakeMetadata<string>("translator");
  const related = new RelatedItemRepository(born, translator);
  strictEqual(await related.contains("emma"), false);
  translator.data.set("emma", "austen"); // as another process would
  strictEqual(await related.info("emma"), 1775);
  deepStrictEqual(translator.calls, ["info emma", "info emma"]);
});

Deno.test("A-08: RelatedItemRepository sees at each listing what others have changed in the translator", async () => {
  for (const prefetchLookup of [true, false]) {
    const { authors, born } = stores();
    const related = new RelatedItemRepository(born, authors, { prefetchLookup });
    deepStrictEqual(await Array.fromAsync(related), ["emma", "persuasion"]);
    authors.data.set("moby", "austen"); // as another process would
    authors.data.set("emma", "nobody");
    deepStrictEqual(await Array.fromAsync(related), ["persuasion", "moby"]);
    deepStrictEqual([...(await related.infoAll()).keys()], ["persuasion", "moby"]);
    deepStrictEqual(
      [await related.contains("moby"), await related.contains("emma")],
      [true, false],
    );
  }
});

Deno.test("RelatedItemRepository reads all translations at once for a listing, unless told otherwise", async () => {
  const { authors, born } = stores();
  await Array.fromAsync(new RelatedItemRepository(born, authors));
  deepStrictEqual(authors.calls, ["infoAll"]);
  authors.calls.length = 0;
  await Array.fromAsync(new RelatedItemRepository(born, authors, { prefetchLookup: false }));
  deepStrictEqual(
    authors.calls.filter((call) => call.startsWith("info")),
    [...authors.data.keys()].map((job) => `info ${job}`),
  );
});

Deno.test("RelatedItemRepository.contains() agrees with the listing where the translator says something of any job", async () => {
  const { authors, born } = stores();
  for (const prefetchLookup of [true, false]) {
    const related = new RelatedItemRepository(born, authors.map(() => "austen"), {
      prefetchLookup,
    });
    deepStrictEqual(await Array.fromAsync(related), [...authors.data.keys()]);
    strictEqual(await related.contains("moby"), true);
    strictEqual(await related.contains("iliad"), false);
    strictEqual(await related.info("iliad"), 1775);
  }
});

Deno.test("A-36: RelatedItemRepository.validate() validates both repositories", async () => {
  const { authors, born } = stores();
  await new RelatedItemRepository(born, authors).validate({ create: false });
  deepStrictEqual(born.calls, ["validate false"]);
  deepStrictEqual(authors.calls, ["validate false"]);
});
