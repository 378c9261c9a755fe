import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import {
  BlockingRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  MongoMetadataRepository,
  Pipeline,
  run,
} from "../../mod.ts";
import { mongoClient } from "../../repos/mongo_client.ts";
import { TcpProxy } from "../faulty_proxy.ts";
import { OwnServer } from "../own_server.ts";
import { mongoServer } from "../servers.ts";
import { TestDatabase, urlOf } from "./mongo_fixture.ts";

const ignore = mongoServer.ignore;

/** Short times, so that a server that hangs is given up soon. */
const IMPATIENT = { serverSelectionTimeoutMS: 300, connectTimeoutMS: 300, socketTimeoutMS: 300 };

/** Everything that asks the server, of a key that is there. */
const CALLS: Record<string, (repo: MongoMetadataRepository) => Promise<unknown>> = {
  list: (repo) => Array.fromAsync(repo),
  bulk: (repo) => Array.fromAsync(repo.bulkIter()),
  contains: (repo) => repo.contains("a"),
  absent: (repo) => repo.contains("absent"),
  info: (repo) => repo.info("a"),
  infoAll: (repo) => repo.infoAll(),
  dump: (repo) => repo.dump("a", { weh: 2 }),
  create: (repo) => repo.create("b", { weh: 2 }),
  delete: (repo) => repo.delete("a"),
  validate: (repo) => repo.validate({ create: false }),
};

/** Checks that everything that asks the server is an error of the store. */
async function failsAll(repo: MongoMetadataRepository): Promise<void> {
  await Promise.all(
    Object.entries(CALLS).map(([name, call]) =>
      rejects(call(repo), (error) => {
        ok(error instanceof StoreError, `${name}: ${error}`);
        ok(error.cause instanceof Error, name);
        return true;
      })
    ),
  );
}

Deno.test({
  name: "a server that stops, is killed and comes back: errors meanwhile, and data as it was",
  ignore,
  async fn() {
    await using server = await OwnServer.start("mongo");
    await using client = await mongoClient(server.variable("DATATASK_TEST_MONGO_URL"), IMPATIENT);
    const repo = new MongoMetadataRepository(client.db("library").collection("books"));
    await repo.dump("a", { weh: 1 });

    await server.signal("STOP");
    await failsAll(repo);
    await server.signal("CONT");
    await recovered(repo);

    await server.signal("KILL");
    await failsAll(repo);
    await server.up();
    await recovered(repo);
    await repo.dump("a", { weh: 3 });
    deepStrictEqual(await repo.infoAll(), new Map([["a", { weh: 3 }]]));
  },
});

/**
 * Waits until the server answers again. What was sent while it was stopped it may do now: whether `a` is there is open
 * then, and made certain.
 */
async function recovered(repo: MongoMetadataRepository): Promise<void> {
  for (;;) {
    try {
      await repo.delete("b");
      await repo.dump("a", { weh: 1 });
      break;
    } catch (error) {
      ok(error instanceof StoreError, `${error}`);
    }
  }
}

Deno.test({
  name: "a server that hangs is given up in time, and a connection that is cut is made anew",
  ignore,
  async fn() {
    await using proxy = new TcpProxy(new URL(mongoServer.variables.url).host);
    await using database = await TestDatabase.make(IMPATIENT, proxy.host);
    const repo = database.repository("books");
    await repo.dump("a", { weh: 1 });
    proxy.hang();
    await failsAll(repo);
    proxy.resume();
    await recovered(repo);
    for (let round = 0; round < 3; round++) {
      proxy.cut();
      await recovered(repo);
      deepStrictEqual(await repo.info("a"), { weh: 1 });
    }
  },
});

Deno.test({
  name: "no job is started while a store that decides on it cannot be asked",
  ignore,
  async fn() {
    await using proxy = new TcpProxy(new URL(mongoServer.variables.url).host);
    await using database = await TestDatabase.make(IMPATIENT, proxy.host);
    const done = database.repository("done");
    const locks = database.repository("locks");
    await done.dump("a", { success: true });
    await locks.validate();
    const started: string[] = [];
    const books = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
    const task = new InProcessSyncTask("count", done)
      .link("books", new BlockingRepository(books, locks), { isInput: true })
      .func(({ job }) => void started.push(job));
    await using pipeline = new Pipeline([task]);
    await pipeline.open();

    proxy.hang();
    await run(pipeline).catch((error) => ok(error instanceof StoreError, `${error}`));
    deepStrictEqual(started, []);
    proxy.resume();
    await recovered(database.repository("other"));
    await run(pipeline);
    deepStrictEqual(started, ["b"]);
    strictEqual(await done.contains("b"), true);
  },
});

Deno.test({
  name: "a user without rights reads nothing and is told so",
  ignore,
  async fn() {
    await using database = await TestDatabase.make();
    await database.repository("books").dump("a", { weh: 1 });
    const url = new URL(urlOf());
    url.username = url.password = "";
    url.search = "";
    await using client = await mongoClient(url.href);
    await failsAll(
      new MongoMetadataRepository(client.db(database.name).collection("books")),
    );
    deepStrictEqual(await database.repository("books").info("a"), { weh: 1 });
  },
});

Deno.test({
  name: "a failure is recorded whatever was thrown, and the job does not run again",
  ignore,
  async fn() {
    await using database = await TestDatabase.make();
    const done = database.repository();
    const thrown = new Map<string, unknown>([
      ["half", new Error("cut: \ud83d")],
      ["large", new Error("x".repeat(20_000_000))],
      ["lines", new Error("x\n".repeat(10_000_000))],
      ["text", "\ud83d".repeat(20_000_000)],
    ]);
    const started: string[] = [];
    const task = new InProcessSyncTask("fail", done)
      .link("jobs", new InProcessMetadataRepository(thrown), { isInput: true })
      .func(({ job }) => {
        started.push(job);
        throw thrown.get(job);
      });
    strictEqual((await run(new Pipeline([task]))).failed, thrown.size);
    await run(new Pipeline([task]));
    strictEqual(started.length, thrown.size);
    for (const [job, record] of await done.infoAll()) {
      ok(JSON.stringify(record).length < 20_000, job);
    }
  },
});
