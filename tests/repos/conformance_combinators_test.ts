import {
  AggregateAndRepository,
  AggregateOrRepository,
  BlockingRepository,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  RelatedItemRepository,
  type Repository,
} from "../../mod.ts";
import { testRepository } from "../suite/mod.ts";

type Metadata = InProcessMetadataRepository<unknown>;

async function testView(
  name: string,
  view: (a: Metadata, b: Metadata) => Repository,
  both = false,
): Promise<void> {
  await testRepository({
    name,
    create() {
      const [a, b] = [
        new InProcessMetadataRepository<unknown>(),
        new InProcessMetadataRepository<unknown>(),
      ];
      const put = async (job: string): Promise<void> => {
        for (const child of both ? [a, b] : [a]) await child.dump(job, 1);
      };
      return { repository: view(a, b), put };
    },
  });
}

await testView("MapRepository", (a) => a.map((info) => info, { allowDeletes: true }));
await testView(
  "MapRepository with a filter",
  (a) => a.map((info) => info, { filter: () => true, allowDeletes: true }),
);
await testView("AggregateAndRepository", (a, b) => new AggregateAndRepository({ a, b }), true);
await testView("AggregateOrRepository", (a, b) => new AggregateOrRepository({ a, b }));
await testView("BlockingRepository", (a, b) => new BlockingRepository(a, b));
await testView(
  "BlockingRepository that does not list",
  (a, b) => new BlockingRepository(a, b, { enumerateUnless: false }),
);

/** Debts of related repositories, which hold nothing: writing goes to the repository beneath, and that one tells of it. */
const skip = [
  "subscribe() tells of a deletion, once, after it happened",
  "subscribe() tells of a new value, once, after it was stored",
  "subscribe() tells of a value that takes the place of another",
  "subscribe() tells every listener of every change",
].map((test) => ({ test, reason: "the base tells of what is written through it" }));
const names = {
  test: "toString() names the class",
  reason: "the class is one of several behind one name",
};
const closes = {
  test: "subscribe() tells of a writer when it was closed",
  reason: skip[0]!.reason,
};

// The translator relates every key to itself, those that are not there yet included, so each is looked up.
const options = { allowDeletes: true, prefetchLookup: false };

await testRepository({
  name: "RelatedItemRepository of metadata",
  create() {
    const base = new InProcessMetadataRepository<unknown>();
    return { repository: new RelatedItemRepository(base, base.map((_, job) => job), options) };
  },
  skip: [...skip, names],
});

await testRepository({
  name: "RelatedItemRepository of blobs",
  create() {
    const base = new InProcessBlobRepository();
    return { repository: new RelatedItemRepository(base, base.map((_, job) => job), options) };
  },
  capabilities: { maxValueBytes: 1024 * 1024 },
  skip: [...skip, names, closes],
});
