import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { AggregateAndRepository, AggregateOrRepository } from "../../lib/aggregate_repository.ts";
import { JobIdError, StoreError } from "../../lib/errors.ts";
import type { Repository } from "../../lib/repository.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { FakeMetadata, HASH_IDS } from "./fake_stores.ts";

const BOTH = [AggregateAndRepository, AggregateOrRepository];

function stores(): { pages: FakeMetadata<number>; authors: FakeMetadata<string> } {
  return {
    pages: new FakeMetadata("pages", [["moby", 635], ["emma", 474]]),
    authors: new FakeMetadata("authors", [["moby", "Melville"], ["hamlet", "Shakespeare"]]),
  };
}

async function listed(repository: Repository): Promise<string[]> {
  return (await Array.fromAsync(repository)).sort();
}

Deno.test("AggregateAndRepository lists what every child holds", async () => {
  deepStrictEqual(await listed(new AggregateAndRepository(stores())), ["moby"]);
});

Deno.test("AggregateOrRepository lists once what any child holds", async () => {
  deepStrictEqual(await listed(new AggregateOrRepository(stores())), ["emma", "hamlet", "moby"]);
});

for (const Aggregate of BOTH) {
  Deno.test(`${Aggregate.name} shows what its only child shows`, async () => {
    const { pages } = stores();
    deepStrictEqual(await listed(new Aggregate({ pages })), ["emma", "moby"]);
  });

  Deno.test(`${Aggregate.name} refuses to have no children`, () => {
    throws(() => new Aggregate({}), TypeError);
  });

  Deno.test(`${Aggregate.name} keeps its children`, () => {
    const children = stores();
    strictEqual(new Aggregate(children).children, children);
  });

  Deno.test(`${Aggregate.name} names its children in messages`, () => {
    strictEqual(
      `${new Aggregate(stores())}`,
      `<${Aggregate.name} of pages: pages, authors: authors>`,
    );
  });

  Deno.test(`${Aggregate.name}.unfilteredIter() lists the children at the same time`, async () => {
    const { pages, authors } = stores();
    const bothAsked = Promise.withResolvers<void>();
    const started = new Set<Repository>();
    for (const store of [pages, authors]) {
      const list = store.unfilteredIter.bind(store);
      store.unfilteredIter = async function* () {
        started.add(store);
        if (started.size === 2) bothAsked.resolve();
        await bothAsked.promise;
        yield* list();
      };
    }
    ok((await listed(new Aggregate({ pages, authors }))).includes("moby"));
  });

  Deno.test(`${Aggregate.name} throws when a child cannot be listed`, async () => {
    const children = stores();
    children.authors.failing.add("list");
    await rejects(listed(new Aggregate(children)), {
      name: "StoreError",
      message: "authors is out of reach",
    });
  });

  Deno.test(`${Aggregate.name} throws all that went wrong when several children fail`, async () => {
    const children = stores();
    for (const child of Object.values(children)) child.failing.add("list");
    await rejects(listed(new Aggregate(children)), (error) => {
      ok(error instanceof StoreError && error.cause instanceof AggregateError);
      ok(error.message.includes("pages is out of reach; StoreError: authors is out of reach"));
      strictEqual(error.cause.errors.length, 2);
      return true;
    });
  });

  Deno.test(`${Aggregate.name}.info() gives what each child says, typed by its name`, async () => {
    const info = await new Aggregate(stores()).info("emma");
    deepStrictEqual(info, { pages: 474, authors: undefined });
    // @ts-expect-error: the pages are numbers
    const _pages: string | undefined = info.pages;
  });

  Deno.test(`${Aggregate.name}.infoAll() asks each child once`, async () => {
    const children = { ...stores(), more: new FakeMetadata<boolean>("more", [["moby", true]]) };
    const all = await new Aggregate(children).infoAll();
    deepStrictEqual(all.get("moby"), { pages: 635, authors: "Melville", more: true });
    deepStrictEqual([...all.keys()].sort(), await listed(new Aggregate(children)));
    strictEqual(children.pages.calls.filter((call) => call === "infoAll").length, 1);
    ok(!children.pages.calls.includes("info moby"));
  });

  Deno.test(`${Aggregate.name}.delete() deletes from every child`, async () => {
    const children = stores();
    await new Aggregate(children).delete("moby");
    deepStrictEqual(await listed(children.pages), ["emma"]);
    deepStrictEqual(await listed(children.authors), ["hamlet"]);
  });

  Deno.test(`${Aggregate.name}.delete() deletes from the others when a child fails`, async () => {
    const children = stores();
    children.pages.failing.add("delete");
    await rejects(new Aggregate(children).delete("moby"), {
      name: "StoreError",
      message: "pages is out of reach",
    });
    deepStrictEqual(await listed(children.authors), ["hamlet"]);
  });

  Deno.test(`${Aggregate.name}.delete() throws all that went wrong when several children fail`, async () => {
    const children = stores();
    for (const child of Object.values(children)) child.failing.add("delete");
    await rejects(new Aggregate(children).delete("moby"), (error) => {
      ok(error instanceof StoreError && error.cause instanceof AggregateError);
      strictEqual(error.cause.errors.length, 2);
      return true;
    });
  });

  Deno.test(`A-36: ${Aggregate.name}.validate() validates every child`, async () => {
    const children = stores();
    await new Aggregate(children).validate({ create: false });
    deepStrictEqual(children.pages.calls, ["validate false"]);
    deepStrictEqual(children.authors.calls, ["validate false"]);
  });

  Deno.test(`${Aggregate.name}.validate() throws what a child throws`, async () => {
    const children = stores();
    children.authors.failing.add("validate true");
    await rejects(new Aggregate(children).validate(), StoreError);
  });

  Deno.test(`A-37: ${Aggregate.name} has the job ids of its children`, async () => {
    const tickets = new FakeMetadata("tickets", [["#1", "open"]], HASH_IDS);
    const repository = new Aggregate({ tickets });
    deepStrictEqual(await listed(repository), ["#1"]);
    strictEqual(await repository.contains("#1"), true);
    await rejects(repository.contains("moby"), JobIdError);
    await rejects(repository.info("moby"), JobIdError);
    await rejects(repository.delete("moby"), JobIdError);
  });

  Deno.test(`${Aggregate.name} skips what is no job id to a child, in the child's name`, async () => {
    const warnings: string[] = [];
    using _ = interceptWarnings((message) => void warnings.push(message));
    const { pages } = stores();
    pages.extraNames.push("no id");
    deepStrictEqual(await listed(new Aggregate({ pages })), ["emma", "moby"]);
    deepStrictEqual(warnings, [`pages skips "no id", which is not a valid job id`]);
  });
}

Deno.test("A-37: AggregateOrRepository asks of each child only what is a job id there", async () => {
  const { pages } = stores();
  const tickets = new FakeMetadata("tickets", [["#1", "open"]], HASH_IDS);
  const either = new AggregateOrRepository({ pages, tickets });
  deepStrictEqual(await listed(either), ["#1", "emma", "moby"]);
  strictEqual(await either.contains("#1"), true);
  strictEqual(await either.contains("#2"), false);
  strictEqual(await either.contains("emma"), true);
  await either.delete("#1");
  deepStrictEqual(await listed(either), ["emma", "moby"]);
});

Deno.test("A-37: AggregateAndRepository has the job ids that all of its children have", () => {
  const { pages } = stores();
  const both = new AggregateAndRepository({
    pages,
    tickets: new FakeMetadata("tickets", [], HASH_IDS),
  });
  strictEqual(both.isValidJobId("7"), true);
  strictEqual(both.isValidJobId("#7"), false);
  strictEqual(both.isValidJobId("emma"), false);
});

Deno.test("A-09: AggregateAndRepository does not take a key that one child lists twice for one of all children", async () => {
  const { pages, authors } = stores();
  pages.extraNames.push("emma");
  deepStrictEqual(await listed(new AggregateAndRepository({ pages, authors })), ["moby"]);
});

Deno.test("AggregateOrRepository lists a key once that one child lists twice", async () => {
  const { pages } = stores();
  pages.extraNames.push("emma");
  deepStrictEqual(await listed(new AggregateOrRepository({ pages })), ["emma", "moby"]);
});

Deno.test("AggregateAndRepository.contains() stops at the first child without the key", async () => {
  const children = stores();
  const both = new AggregateAndRepository(children);
  strictEqual(await both.contains("moby"), true);
  strictEqual(await both.contains("emma"), false);
  strictEqual(await both.contains("hamlet"), false);
  deepStrictEqual(children.authors.calls, ["contains moby", "contains emma"]);
});

Deno.test("AggregateOrRepository.contains() stops at the first child with the key", async () => {
  const children = stores();
  const either = new AggregateOrRepository(children);
  strictEqual(await either.contains("emma"), true);
  strictEqual(await either.contains("hamlet"), true);
  strictEqual(await either.contains("macbeth"), false);
  deepStrictEqual(children.authors.calls, ["contains hamlet", "contains macbeth"]);
});

for (const Aggregate of BOTH) {
  Deno.test(`${Aggregate.name}.contains() throws when a child cannot tell`, async () => {
    const children = stores();
    children.pages.failing.add("contains");
    await rejects(new Aggregate(children).contains("moby"), StoreError);
  });
}
