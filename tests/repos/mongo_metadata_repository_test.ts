import { Long, MongoClient, ObjectId } from "mongodb";
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { DataError, StoreError } from "../../lib/errors.ts";
import {
  interceptWarnings,
  MongoMetadataRepository,
  type RepositoryChange,
  Session,
} from "../../mod.ts";
import type { MongoCollection } from "../../repos/mongo_api.ts";
import { mongoClient } from "../../repos/mongo_client.ts";
import { mongoServer } from "../servers.ts";
import { TestDatabase, urlOf } from "./mongo_fixture.ts";

function test(name: string, fn: (database: TestDatabase) => Promise<void>): void {
  Deno.test({
    name,
    ignore: mongoServer.ignore,
    async fn() {
      await using database = await TestDatabase.make();
      await fn(database);
    },
  });
}

/** That many documents, made behind the repository. */
async function fill(database: TestDatabase, name: string, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, index) => ({ _id: `key${index}`, weh: index }));
  for (let at = 0; at < count; at += 10_000) {
    await database.behind(name).insertMany(all.slice(at, at + 10_000));
  }
}

// The original's test_mongodb, with its data.
test("MongoMetadataRepository does what the original's test wants", async (database) => {
  const repo = database.repository();
  await repo.validate();
  await repo.dump("foo", { weh: 1 });
  strictEqual((await Array.fromAsync(repo)).length, 1);
  deepStrictEqual(await repo.info("foo"), { weh: 1 });
  strictEqual(await repo.contains("foo"), true);
  deepStrictEqual((await repo.infoAll()).get("foo"), { weh: 1 });
  await repo.delete("foo");
  strictEqual(await repo.info("foo"), undefined);
  deepStrictEqual(await Array.fromAsync(repo), []);
});

test("A-32: a value has no _id, so that it can be copied to another key", async (database) => {
  const repo = database.repository("books");
  await repo.dump("foo", { weh: 1 });
  await repo.dump("bar", await repo.info("foo"));
  deepStrictEqual(await repo.infoAll(), new Map([["foo", { weh: 1 }], ["bar", { weh: 1 }]]));
  deepStrictEqual(await database.behind("books").findOne({ _id: "bar" }), { _id: "bar", weh: 1 });
  await rejects(repo.dump("foo", { _id: "bar", weh: 2 }), (error) => {
    ok(error instanceof DataError);
    match(error.message, /^Cannot write "foo" to .*\.books>: the field _id is the key .*leave it/);
    return true;
  });
});

test("A-32: a value that is no mapping is refused before anything is sent", async (database) => {
  const repo = database.repository();
  const values = [1, "text", null, true, [1, 2], [], new Date(), new Map([["a", 1]]), () => {}];
  for (const value of [...values, undefined]) {
    await rejects(repo.dump("a", value), (error) => {
      ok(error instanceof DataError, `${error}`);
      match(error.message, /a document is a mapping, and .* is none; give an object/);
      return true;
    });
    await rejects(repo.create("a", value), DataError);
  }
  strictEqual(repo.requestCount(), 0);
});

test("values that a document has no words for are refused with their place", async (database) => {
  const repo = database.repository();
  const refused: readonly (readonly [value: object, message: RegExp])[] = [
    [{ $set: 1 }, /cannot begin with "\$", as "\$set" does/],
    [{ a: { "b\0": 1 } }, /no field can be named "b\\u0000" at \.a;/],
    [{ a: [1, { b: new Map() }] }, /no words for a Map at \.a\[1\]\.b;/],
    [{ a: [undefined] }, /no words for undefined at \.a\[0\];/],
    [{ a: new Date(NaN) }, /no words for an invalid date at \.a;/],
    [{ a: 2n ** 63n }, /no words for the bigint 9223372036854775808 at \.a;/],
    [{ a: 5n }, /no words for the bigint 5 at \.a;/],
    [{ a: "\ud800" }, /no words for half a character at \.a;/],
    [{ a: { $ref: "x.y", $id: 1 } }, /both "\$ref" and "\$id" at \.a for a reference/],
    [{ a: { _bsontype: "Long" } }, /no field can be named "_bsontype" at \.a;/],
  ];
  for (const [value, message] of refused) {
    await rejects(repo.dump("a", value), (error) => {
      ok(error instanceof DataError, `${error}`);
      match(error.message, message);
      return true;
    });
  }
  strictEqual(repo.requestCount(), 0);
});

test("dates, large integers and names with dots and dollars are read as they were written", async (database) => {
  const repo = database.repository();
  const value = {
    date: new Date("2026-11-25T12:00:00.123Z"),
    big: 2n ** 60n + 1n,
    numbers: [NaN, Infinity, -0, 2 ** 31, 2 ** 53, 5e-324],
    "a.b": { $a: 1, $ref: "#/definitions", "": 2 },
  };
  await repo.dump("a", { ...value, left: undefined });
  deepStrictEqual(await repo.info("a"), value);
});

test("integers of 64 bits that others wrote are numbers, or bigints beyond these", async (database) => {
  await database.behind("books").insertOne({
    _id: "a",
    small: Long.fromNumber(5),
    large: Long.fromBigInt(2n ** 62n),
    list: [Long.fromNumber(-7)],
  });
  const repo = database.repository("books");
  deepStrictEqual(await repo.info("a"), { small: 5, large: 2n ** 62n, list: [-7] });
});

test("a document of 16 MiB is stored, and one byte more is refused with its size", async (database) => {
  const repo = database.repository("books");
  const overhead = 4 + (1 + 4 + 4 + 2) + (1 + 5 + 4 + 1) + 1; // of {_id: "a", text: ""}
  const text = "x".repeat(16 * 1024 * 1024 - overhead);
  await repo.dump("a", { text });
  deepStrictEqual(await repo.info("a"), { text });
  await rejects(repo.dump("a", { text: text + "x" }), (error) => {
    ok(error instanceof DataError, `${error}`);
    match(error.message, /at most 16777216 bytes, and this has 16777217; keep what is large in/);
    return true;
  });
  deepStrictEqual(await repo.info("a"), { text });
});

test("a document of a hundred levels is stored, and one level more is refused", async (database) => {
  const repo = database.repository();
  const deep = (levels: number): object => levels === 1 ? {} : { down: deep(levels - 1) };
  await repo.dump("a", deep(100));
  deepStrictEqual(await repo.info("a"), deep(100));
  await rejects(repo.dump("a", deep(101)), DataError);
});

test("create() succeeds for one of many that do so at once", async (database) => {
  const repos = Array.from({ length: 50 }, () => database.repository("books"));
  const told = await Promise.all(repos.map((repo, index) => repo.create("a", { index })));
  strictEqual(told.filter(Boolean).length, 1);
  deepStrictEqual(await repos[0]!.info("a"), { index: told.indexOf(true) });
  strictEqual(await repos[0]!.create("a", { index: -1 }), false);
});

test("listing asks for ten thousand keys at once, and for no data", async (database) => {
  await fill(database, "books", 25_000);
  const repo = database.repository("books");
  strictEqual((await Array.fromAsync(repo)).length, 25_000);
  strictEqual(repo.requestCount(), 3);
  const all = await repo.infoAll();
  strictEqual(all.size, 25_000);
  deepStrictEqual(all.get("key24999"), { weh: 24_999 });
  strictEqual(repo.requestCount(), 6);
  await repo.contains("key1");
  await repo.info("key1");
  await repo.dump("key1", {});
  await repo.delete("key1");
  strictEqual(repo.requestCount(), 10);
});

test("what is sent: projections by the index, writes to the majority with journal", async (database) => {
  await using driver = new MongoClient(urlOf(), { monitorCommands: true });
  const sent: Record<string, unknown>[] = [];
  driver.on("commandStarted", ({ command }) => void sent.push(command));
  const collection: MongoCollection = driver.db(database.name).collection("books");
  const repo = new MongoMetadataRepository(collection);
  await repo.dump("a", {});
  await repo.create("b", {});
  await repo.delete("a");
  for (const { writeConcern } of sent) deepStrictEqual(writeConcern, { w: "majority", j: true });
  deepStrictEqual(sent.map((command) => Object.keys(command)[0]), ["update", "insert", "delete"]);
  await Array.fromAsync(repo);
  const { find, projection, hint, batchSize } = sent.at(-1)!;
  deepStrictEqual([find, projection, hint, batchSize], ["books", { _id: 1 }, { _id: 1 }, 10_000]);
});

test("documents whose _id is no string are not listed, with one warning each", async (database) => {
  const behind = database.behind("books");
  const id = new ObjectId();
  await behind.insertMany([..."ba"].map((_id) => ({ _id })));
  await behind.insertMany([id, 7, { c: 1 }, "x/y"].map((_id) => ({ _id })));
  const repo = database.repository("books");
  const warnings: string[] = [];
  using _ = interceptWarnings((warning) => void warnings.push(warning));
  deepStrictEqual((await Array.fromAsync(repo)).sort(), ["a", "b"]);
  deepStrictEqual([...(await repo.infoAll()).keys()].sort(), ["a", "b"]);
  strictEqual(await repo.contains(id.toHexString()), false);
  strictEqual(warnings.length, 4);
  ok(warnings.some((warning) => warning.includes("7 (no string)")), warnings.join());
});

test("keys are listed once each while another process deletes some", async (database) => {
  await fill(database, "books", 30_000);
  const code = `
    import { mongoClient } from ${
    JSON.stringify(import.meta.resolve("../../repos/mongo_client.ts"))
  };
    import { MongoMetadataRepository } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
    const [url, database] = Deno.args;
    await using client = await mongoClient(url);
    const repo = new MongoMetadataRepository(client.db(database).collection("books"));
    await Promise.all(Array.from({ length: 300 }, (_, at) => repo.delete("key" + at * 100)));
  `;
  const deleting = new Deno.Command(Deno.execPath(), {
    args: ["eval", code, urlOf(), database.name],
    stderr: "inherit",
  }).output();
  const repo = database.repository("books");
  const stays = (job: string): boolean => Number(job.slice(3)) % 100 !== 0;
  let isDeleting = true;
  deleting.finally(() => isDeleting = false);
  do {
    const listed = (await Array.fromAsync(repo)).filter(stays);
    strictEqual(listed.length, 29_700);
    strictEqual(new Set(listed).size, 29_700);
  } while (isDeleting);
  strictEqual((await deleting).success, true);
  strictEqual((await Array.fromAsync(repo)).length, 29_700);
});

test("validate() makes the collection only if it may", async (database) => {
  const repo = database.repository("books");
  await rejects(repo.validate({ create: false }), (error) => {
    ok(error instanceof StoreError);
    match(error.message, /^Cannot use .*\.books>: there is no such collection; correct its name/);
    return true;
  });
  await repo.validate();
  await repo.validate({ create: false });
  deepStrictEqual(await Array.fromAsync(repo), []);
});

test("without change streams, watch() says at intervals that all is to be listed", async (database) => {
  const repo = database.repository("books");
  const controller = new AbortController();
  const told: RepositoryChange[] = [];
  for await (const change of repo.watch(controller.signal)) {
    if (told.push(change) === 3) controller.abort();
  }
  deepStrictEqual(told, [{ type: "relist" }, { type: "relist" }, { type: "relist" }]);
});

test("a server that cannot be used is told, with what to do, by the client", async () => {
  const wrong = new URL(urlOf());
  wrong.password = "wrong";
  const cases: readonly (readonly [url: string, message: RegExp])[] = [
    [wrong.href, /at 127\.0\.0\.1:\d+: the login failed; correct user, password and authSource/],
    ["mongodb://127.0.0.1:9", /at 127\.0\.0\.1:9: nothing listens there; start the server or/],
    ["mongodb://no-such-host.invalid", /there is no such host; correct the URL/],
  ];
  for (const [url, message] of cases) {
    await rejects(mongoClient(url, { serverSelectionTimeoutMS: 300 }), (error) => {
      ok(error instanceof StoreError, `${error}`);
      match(error.message, message);
      ok(!error.message.includes("wrong") && error.cause instanceof Error);
      return true;
    });
  }
});

test("a client of the user's own is as good, and one that is closed says so", async (database) => {
  const driver = new MongoClient(urlOf());
  const repo = new MongoMetadataRepository(driver.db(database.name).collection("books"));
  await repo.dump("a", { weh: 1 });
  deepStrictEqual(await repo.info("a"), { weh: 1 });
  await driver.close();
  await rejects(repo.info("a"), /Cannot read "a" from .*: its client is not connected; connect it/);
});

test("mongoClient() is a resource of a session, and what is used outside of it says so", async (database) => {
  const session = new Session();
  const client = session.resource(() => mongoClient(urlOf()));
  const repo = new MongoMetadataRepository(() => client().db(database.name).collection("books"));
  strictEqual(String(repo), "<MongoMetadataRepository>");
  await rejects(repo.contains("a"), /its session is not open/);
  await session.open();
  strictEqual(String(repo), `<MongoMetadataRepository ${database.name}.books>`);
  await repo.dump("a", { weh: 1 });
  await session.close();
  await session.open();
  deepStrictEqual(await repo.info("a"), { weh: 1 });
  await session.close();
});

Deno.test("mongoClient() without a URL says which variable is lacking", async () => {
  await rejects(mongoClient(""), /without a URL; give it as first argument, or set MONGODB_URI/);
});
