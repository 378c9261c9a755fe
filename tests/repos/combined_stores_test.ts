import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import {
  AggregateAndRepository,
  BlockingRepository,
  InProcessSyncTask,
  MongoMetadataRepository,
  Pipeline,
  RelatedItemRepository,
  run,
  S3BucketRepository,
} from "../../mod.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { HttpProxy, TcpProxy } from "../faulty_proxy.ts";
import { mongoServer, s3Server } from "../servers.ts";
import { forAll } from "../suite/data.ts";
import { TestDatabase } from "./mongo_fixture.ts";
import { clientOptions, TestBucket } from "./s3_fixture.ts";

const ignore = s3Server.ignore || mongoServer.ignore;

/** Requests to S3, by what they ask for. */
interface BucketRequests {
  readonly lists: number;
  readonly others: Record<string, number>;
}

/**
 * A library: texts in S3, what is known of them in MongoDB. A report on a book needs the text, the entry, no lock, and the
 * life of its author, which is in S3 under the name that the entry says.
 */
class Library implements AsyncDisposable {
  readonly books: S3BucketRepository;
  readonly lives: S3BucketRepository;
  readonly reports: S3BucketRepository;
  readonly entries: MongoMetadataRepository<{ author: string }>;
  readonly locks: MongoMetadataRepository;
  readonly done: MongoMetadataRepository;
  readonly database: TestDatabase;
  readonly s3: HttpProxy;
  readonly mongo: TcpProxy;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    blobs: (prefix: string) => S3BucketRepository,
    database: TestDatabase,
    proxies: { s3: HttpProxy; mongo: TcpProxy },
    stack: AsyncDisposableStack,
  ) {
    [this.books, this.lives, this.reports] = [blobs("books/"), blobs("lives/"), blobs("reports/")];
    this.entries = new MongoMetadataRepository(database.collection("entries"));
    this.locks = new MongoMetadataRepository(database.collection("locks"));
    this.done = new MongoMetadataRepository(database.collection("done"));
    this.database = database;
    this.s3 = proxies.s3;
    this.mongo = proxies.mongo;
    this.#stack = stack;
  }

  static async make(): Promise<Library> {
    await using stack = new AsyncDisposableStack();
    const bucket = stack.use(await TestBucket.make());
    const s3 = stack.use(new HttpProxy(s3Server.variables.endpoint));
    const client = stack.use(await s3Client(clientOptions({ endpoint: s3.url, maxAttempts: 1 })));
    const mongo = stack.use(new TcpProxy(new URL(mongoServer.variables.url).host));
    const times = { serverSelectionTimeoutMS: 1500 }; // the driver looks for servers twice a second
    const database = stack.use(await TestDatabase.make(times, mongo.host));
    const library = new Library(
      (prefix) => new S3BucketRepository(client, bucket.name, { prefix, suffix: ".txt" }),
      database,
      { s3, mongo },
      stack.move(),
    );
    await library.entries.validate();
    await library.locks.validate();
    return library;
  }

  async add(book: string, author: string): Promise<void> {
    await this.books.writeText(book, `the text of ${book}\n`);
    await this.entries.dump(book, { author });
  }

  /** A new pipeline, as a program has that is started again. */
  pipeline(): Pipeline {
    const { books, entries, locks, lives, reports, done } = this;
    const known = new AggregateAndRepository({ books, entries });
    const authors = entries.map((entry) => entry?.author);
    const task = new InProcessSyncTask("report", done)
      .link("book", new BlockingRepository(known, locks), { isInput: true })
      .link("life", new RelatedItemRepository(lives, authors), { isInput: true })
      .link("reports", reports, { isOutput: true, inhibitsStart: true })
      .func(async ({ job, life, reports }) => {
        await reports.writeText(job, await books.readText(job) + await life.readText(job));
      });
    return new Pipeline([task]);
  }

  /** Runs all that is ready; returns which requests that took once the pipeline was open. */
  async run(): Promise<{ readonly s3: BucketRequests; readonly mongo: Record<string, number> }> {
    await using pipeline = this.pipeline();
    await pipeline.open();
    const { entries, locks, done } = this;
    const collections = { entries, locks, done };
    const before = Object.values(collections).map((collection) => collection.requestCount());
    const first = this.s3.requests.length;
    const { failed } = await run(pipeline);
    strictEqual(failed, 0);
    const others: Record<string, number> = {};
    let lists = 0;
    for (const { method, url } of this.s3.requests.slice(first)) {
      if (url.includes("list-type=2")) lists++;
      else others[method] = (others[method] ?? 0) + 1;
    }
    const mongo = Object.entries(collections).map(([name, collection], index): [string, number] => [
      name,
      collection.requestCount() - before[index]!,
    ]);
    return { s3: { lists, others }, mongo: Object.fromEntries(mongo) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function test(name: string, fn: (library: Library) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using library = await Library.make();
      await fn(library);
    },
  });
}

test("a run that finds nothing to do lists the bucket once and each collection once", async (library) => {
  const jobs = Array.from({ length: 520 }, (_, index) => `book${index}`);
  await library.lives.writeText("austen", "born in 1775");
  await forAll(jobs, async (job) => {
    await library.books.writeText(job, "text");
    await library.reports.writeText(job, "report");
  });
  const entries = jobs.map((_id) => ({ _id, author: "austen" }));
  await library.database.behind("entries").insertMany(entries);
  await library.database.behind("done").insertMany(jobs.map((_id) => ({ _id, success: true })));

  const { s3, mongo } = await library.run();
  deepStrictEqual(s3.others, {});
  ok(s3.lists <= (2 * jobs.length + 1) / 1000 + 2, `${s3.lists} lists`);
  // The entries are asked for their keys, and for the authors.
  deepStrictEqual(mongo, { entries: 2, locks: 1, done: 1 });
});

test("a job asks for what it reads and writes, and for nothing else", async (library) => {
  await library.lives.writeText("melville", "born in 1819");
  await library.add("moby", "melville");
  const { s3, mongo } = await library.run();
  deepStrictEqual(s3.others, { GET: 2, PUT: 1 });
  // Two looks, of which the second finds nothing to do; the author of this book, and the record.
  deepStrictEqual(mongo, { entries: 2 * 2 + 1, locks: 2, done: 2 + 1 });
  strictEqual(await library.reports.readText("moby"), "the text of moby\nborn in 1819");
});

test("a job waits for its entry, its author's life, and the end of its lock", async (library) => {
  const { books, entries, lives, locks, reports } = library;
  const reported = async (): Promise<string[]> => {
    await library.run();
    return (await Array.fromAsync(reports)).sort();
  };
  await lives.writeText("melville", "born in 1819");
  await books.writeText("moby", "text");
  await library.add("emma", "austen");
  await library.add("omoo", "melville");
  await locks.dump("omoo", {});
  deepStrictEqual(await reported(), []);
  await locks.delete("omoo");
  deepStrictEqual(await reported(), ["omoo"]);
  await entries.dump("moby", { author: "melville" });
  deepStrictEqual(await reported(), ["moby", "omoo"]);
  await lives.writeText("austen", "born in 1775");
  deepStrictEqual(await reported(), ["emma", "moby", "omoo"]);
  strictEqual(await reports.readText("emma"), "the text of emma\nborn in 1775");
});

test("no job is started while one of the two servers cannot be asked", async (library) => {
  await library.lives.writeText("melville", "born in 1819");
  await library.add("moby", "melville");
  await library.locks.dump("moby", {});
  await using pipeline = library.pipeline();
  await pipeline.open();

  library.mongo.refuse();
  await run(pipeline).catch((error) => ok(error instanceof StoreError, `${error}`));
  library.mongo.resume();
  await library.locks.delete("moby");
  library.s3.fault = () => ({ answer: 503 });
  await run(pipeline).catch((error) => ok(error instanceof StoreError, `${error}`));
  await rejects(library.reports.contains("moby"), StoreError);
  library.s3.fault = () => undefined;
  strictEqual(await library.reports.contains("moby"), false);
  strictEqual(await library.done.contains("moby"), false);
  await run(pipeline);
  strictEqual(await library.reports.contains("moby"), true);
});
