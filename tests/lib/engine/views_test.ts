import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AggregateAndRepository,
  AggregateOrRepository,
} from "../../../lib/aggregate_repository.ts";
import { BlockingRepository } from "../../../lib/blocking_repository.ts";
import { KeyIndex } from "../../../lib/engine/key_index.ts";
import { noStats } from "../../../lib/engine/stats.ts";
import type { View } from "../../../lib/engine/view.ts";
import { JobIdRule } from "../../../lib/job_id.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import type { Repository } from "../../../lib/repository.ts";
import { turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { keys } from "./workshop.ts";

/** A repository as the engine sees it. */
class Watchtower implements AsyncDisposable {
  readonly stats = noStats();
  readonly index = new KeyIndex(this.stats);
  readonly view: View;

  constructor(repository: Repository) {
    this.view = this.index.view(repository);
  }

  get keys(): string[] {
    return [...this.view.set].map((id) => this.index.space.name(id)).sort();
  }

  /** Why it cannot be said whether a key is there. */
  errorOf(job: string): unknown {
    return this.view.errorOf(this.index.space.find(job));
  }

  async look(which: "all" | "stale" = "all"): Promise<void> {
    await this.index.look(which);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.index.close();
  }
}

/** Lets a method of a store hesitate until the result is called. */
function hesitate(
  store: MemoryStore<never> | MemoryStore,
  method: "list" | "info" | "infoAll",
): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.slow.set(method, promise);
  return () => {
    store.slow.delete(method);
    resolve();
  };
}

Deno.test("a store is listed once, however many links and views it has", async () => {
  const store = new MemoryStore("store", keys("a"));
  await using tower = new Watchtower(store.map((info) => info));
  tower.index.view(store);
  tower.index.view(store.map((info) => info).map((info) => info));
  tower.index.view(new AggregateAndRepository({ store, again: store.map((info) => info) }));
  await tower.look();
  deepStrictEqual(tower.keys, ["a"]);
  strictEqual(store.count("list"), 1);
  strictEqual(tower.index.stored.length, 1);
});

Deno.test("a listing does not undo what changed while it was under way", async () => {
  const store = new MemoryStore("store", keys("gone", "kept"));
  await using tower = new Watchtower(store);
  const go = hesitate(store, "list");
  const looking = tower.look();
  await turn();
  await store.delete("gone");
  await store.dump("new", 1);
  go();
  await looking;
  deepStrictEqual(tower.keys, ["kept", "new"]);
});

Deno.test("a store that says during a listing that anything may have changed is listed again", async () => {
  const store = new MemoryStore("store", keys("a"));
  await using tower = new Watchtower(store);
  const go = hesitate(store, "list");
  const looking = tower.look();
  await turn();
  store.data.set("b", 1);
  store.tellRelist();
  go();
  await looking;
  await tower.look("stale");
  deepStrictEqual(tower.keys, ["a", "b"]);
  await tower.look("stale");
  strictEqual(store.count("list"), 2);
});

Deno.test("a store that could not be listed is stale, and keeps what was known", async () => {
  const store = new MemoryStore("store", keys("a"));
  await using tower = new Watchtower(store);
  await tower.look();
  store.broken.add("list");
  await tower.look();
  ok(tower.view.error instanceof Error);
  deepStrictEqual(tower.keys, ["a"]);
  store.broken.clear();
  await tower.look("stale");
  strictEqual(tower.view.error, undefined);
  strictEqual(store.count("list"), 3);
});

Deno.test("a filter is asked for every key at each look, and for a key that changes", async () => {
  const store = new MemoryStore("store", keys("a", "b"));
  const asked: string[] = [];
  const shown = new Set(["a"]);
  await using tower = new Watchtower(store.map((info) => info, {
    filter: (job) => asked.push(job) > 0 && shown.has(job),
  }));
  await tower.look();
  deepStrictEqual([tower.keys, asked], [["a"], ["a", "b"]]);
  shown.add("b").add("c");
  await store.dump("c", 1);
  deepStrictEqual([tower.keys, asked], [["a", "c"], ["a", "b", "c"]]);
  await tower.look("stale");
  deepStrictEqual(tower.keys, ["a", "b", "c"]);
});

Deno.test("of two answers of a filter about one key the later question counts", async () => {
  const store = new MemoryStore("store", keys("a"));
  const answers: ((shown: boolean) => void)[] = [];
  await using tower = new Watchtower(store.map((info) => info, {
    filter: () => new Promise((resolve) => void answers.push(resolve)),
  }));
  const looking = tower.look();
  await turn();
  await store.dump("a", 2);
  answers[1]!(false);
  answers[0]!(true);
  await looking;
  await tower.index.settled();
  deepStrictEqual(tower.keys, []);
});

Deno.test("a filter that fails for a key makes that key unknown, and no other", async () => {
  const store = new MemoryStore("store", keys("a", "b"));
  const broken = new Error("the filter fails");
  const failing = store.map((info) => info, {
    filter: (job) => {
      if (job === "a") throw broken;
      return true;
    },
  });
  await using tower = new Watchtower(failing);
  await tower.look();
  deepStrictEqual(tower.keys, ["b"]);
  strictEqual(tower.errorOf("a"), broken);
  strictEqual(tower.errorOf("b"), undefined);
  strictEqual(tower.view.error, undefined);
});

Deno.test("what is decided in spite of a failing filter is known", async () => {
  const store = new MemoryStore("store", keys("a", "b", "c"));
  const failing = store.map((info) => info, {
    filter: () => {
      throw new Error("the filter fails");
    },
  });
  const [some, none] = [new MemoryStore("some", keys("a")), new MemoryStore("none")];
  const cases: [repository: Repository, held: string[], unknown: string[]][] = [
    [new AggregateOrRepository({ some, failing }), ["a"], ["b", "c"]],
    [new AggregateAndRepository({ failing, none }), [], []],
    [new AggregateAndRepository({ failing, some }), [], ["a"]],
    [new BlockingRepository(some, failing), [], ["a"]],
    [new BlockingRepository(failing, some), [], ["b", "c"]],
    [new BlockingRepository(none, failing), [], []],
  ];
  for (const [repository, held, unknown] of cases) {
    await using tower = new Watchtower(repository);
    await tower.look();
    const isUnknown = (job: string): boolean => tower.errorOf(job) !== undefined;
    deepStrictEqual(tower.keys, held, `${repository}`);
    deepStrictEqual(["a", "b", "c"].filter(isUnknown), unknown, `${repository}`);
  }
});

Deno.test("BlockingRepository with enumerateUnless: false asks for keys, also when a part of what blocks changes", async () => {
  const source = new MemoryStore("source", keys("a", "b"));
  const [one, two] = [new MemoryStore("one"), new MemoryStore("two", keys("b"))];
  await using tower = new Watchtower(
    new BlockingRepository(source, new AggregateOrRepository({ one, two }), {
      enumerateUnless: false,
    }),
  );
  await tower.look();
  deepStrictEqual(tower.keys, ["a"]);
  await one.dump("a", 1);
  await two.delete("b");
  await tower.index.settled();
  deepStrictEqual(tower.keys, ["b"]);
  strictEqual(one.count("list") + two.count("list"), 0);
});

Deno.test("BlockingRepository with enumerateUnless: false hears of what blocks under another name", async () => {
  const source = new MemoryStore("source", keys("a", "b"));
  const lives = new MemoryStore("lives");
  const authors = new MemoryStore("authors", [["a", "x"]]);
  await using tower = new Watchtower(
    new BlockingRepository(source, new RelatedItemRepository(lives, authors), {
      enumerateUnless: false,
    }),
  );
  await tower.look();
  deepStrictEqual(tower.keys, ["a", "b"]);
  await lives.dump("x", 1);
  await tower.index.settled();
  deepStrictEqual(tower.keys, ["b"]);
});

Deno.test("BlockingRepository with enumerateUnless: false asks nobody for what is no id there", async () => {
  const hash = new JobIdRule({ charset: "#1", charsetStartEnd: "#1" });
  const source = new MemoryStore("source", keys("#1"), hash);
  await using tower = new Watchtower(
    new BlockingRepository(source, new MemoryStore("unless"), { enumerateUnless: false }),
  );
  await tower.look();
  deepStrictEqual(tower.keys, ["#1"]);
  strictEqual(tower.errorOf("#1"), undefined);
});

Deno.test("ids by other rules stand beside usual ones", async () => {
  const hash = new JobIdRule({ charset: "#1a", charsetStartEnd: "#1a" });
  const [odd, usual] = [
    new MemoryStore("odd", keys("#1", "a"), hash),
    new MemoryStore("usual", keys("a", "b")),
  ];
  await using tower = new Watchtower(new AggregateOrRepository({ odd, usual }));
  await tower.look();
  deepStrictEqual(tower.keys, ["#1", "a", "b"]);
});

for (const prefetchLookup of [true, false]) {
  Deno.test(`RelatedItemRepository reads each translation once a look, with prefetchLookup: ${prefetchLookup}`, async () => {
    const lives = new MemoryStore("lives", keys("x", "y"));
    const authors = new MemoryStore("authors", [["a", "x"], ["b", "y"], ["c", "z"]]);
    await using tower = new Watchtower(
      new RelatedItemRepository(lives, authors, { prefetchLookup }),
    );
    await tower.look();
    deepStrictEqual(tower.keys, ["a", "b"]);
    strictEqual(authors.count(prefetchLookup ? "infoAll" : "info"), prefetchLookup ? 1 : 3);
    authors.data.set("b", "x"); // by somebody else
    authors.data.set("a", "z");
    await tower.look();
    deepStrictEqual(tower.keys, ["b"]);
    strictEqual(authors.count(prefetchLookup ? "infoAll" : "info"), prefetchLookup ? 2 : 6);
    authors.data.set("b", "y");
    await tower.look();
    await authors.dump("a", "x");
    await tower.index.settled();
    deepStrictEqual(tower.keys, ["a", "b"]);
    await authors.dump("a", "z");
    await tower.index.settled();
    deepStrictEqual(tower.keys, ["b"]);
    await lives.dump("z", 1);
    deepStrictEqual(tower.keys, ["a", "b", "c"]);
  });

  Deno.test(`RelatedItemRepository forgets a translation with its key, with prefetchLookup: ${prefetchLookup}`, async () => {
    const lives = new MemoryStore("lives", keys("x"));
    const authors = new MemoryStore("authors", [["a", "x"], ["b", "x"]]);
    await using tower = new Watchtower(
      new RelatedItemRepository(lives, authors, { prefetchLookup }),
    );
    await tower.look();
    authors.data.delete("a");
    await tower.look();
    authors.data.set("a", "none");
    await tower.look();
    deepStrictEqual(tower.keys, ["b"]);
  });

  Deno.test(`RelatedItemRepository sees a translation that changes while it is read, with prefetchLookup: ${prefetchLookup}`, async () => {
    const lives = new MemoryStore("lives", keys("x"));
    const authors = new MemoryStore("authors", [["a", "x"], ["b", "x"], ["c", "none"]]);
    await using tower = new Watchtower(
      new RelatedItemRepository(lives, authors, { prefetchLookup }),
    );
    const go = hesitate(authors, prefetchLookup ? "infoAll" : "info");
    const looking = tower.look();
    await turn();
    if (!prefetchLookup) authors.slow.delete("info");
    await authors.dump("a", "none");
    await authors.delete("b");
    await authors.dump("c", "x");
    await tower.index.settled();
    go();
    await looking;
    deepStrictEqual(tower.keys, ["c"]);
  });
}

Deno.test("RelatedItemRepository does not know of a key whose translation is no id", async () => {
  const lives = new MemoryStore("lives", keys("x"));
  const authors = new MemoryStore<string | null>("authors", [["a", "no id!"], ["b", null], [
    "c",
    "x",
  ]]);
  await using tower = new Watchtower(new RelatedItemRepository(lives, authors));
  await tower.look();
  deepStrictEqual(tower.keys, ["c"]);
  strictEqual(
    String(tower.errorOf("a")),
    'DataError: Cannot translate "a" by authors: "no id!" is no job id',
  );
  strictEqual(tower.errorOf("b"), undefined);
  await authors.dump("a", "x");
  await tower.index.settled();
  deepStrictEqual(tower.keys, ["a", "c"]);
  strictEqual(tower.errorOf("a"), undefined);
});

Deno.test("RelatedItemRepository asks again at the next look for what could not be read", async () => {
  for (const prefetchLookup of [true, false]) {
    const lives = new MemoryStore("lives", keys("x"));
    const authors = new MemoryStore("authors", [["a", "x"]]);
    authors.broken.add("info").add("infoAll");
    await using tower = new Watchtower(
      new RelatedItemRepository(lives, authors, { prefetchLookup }),
    );
    await tower.look();
    ok(tower.errorOf("a") instanceof Error);
    authors.broken.clear();
    await tower.look();
    deepStrictEqual(tower.keys, ["a"]);
    strictEqual(tower.errorOf("a"), undefined);
  }
});
