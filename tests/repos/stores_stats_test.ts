import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { HttpProxy } from "../faulty_proxy.ts";
import { Programs } from "../lib/cli/programs.ts";
import { mongoServer, s3Server } from "../servers.ts";
import { TestDatabase, urlOf } from "./mongo_fixture.ts";
import { TestBucket } from "./s3_fixture.ts";

/** How many jobs there are, all of them done. */
const JOBS = 600;

/** Values in a bucket, records in a collection. */
const PROGRAM = `
import { MongoMetadataRepository, S3BucketRepository } from "@datatask/datatask";
import { mongoClient } from "@datatask/datatask/mongodb";
import { s3Client } from "@datatask/datatask/s3";

const [bucket, database] = [Deno.env.get("TEST_BUCKET"), Deno.env.get("TEST_DATABASE")];
const session = new Session();
const s3 = session.resource(() => s3Client());
const mongo = session.resource(() => mongoClient(Deno.env.get("TEST_MONGO")));
const at = (prefix) => new S3BucketRepository(s3, bucket, { prefix, suffix: ".txt" });
const done = new MongoMetadataRepository(() => mongo().db(database).collection("done"));
const count = new InProcessSyncTask("count", done)
  .link("books", at("books/"), { isInput: true })
  .link("words", at("words/"), { isOutput: true })
  .func(() => {});
await main(new Pipeline([count], session));
`;

Deno.test({
  name:
    "--stats of a run with nothing to do over S3 and MongoDB shows a request for each page of keys",
  ignore: s3Server.ignore || mongoServer.ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    await using database = await TestDatabase.make();
    await using proxy = new HttpProxy(s3Server.variables.endpoint);
    await using programs = new Programs();
    const jobs = Array.from({ length: JOBS }, (_, index) => `job${index}`);
    const keys = jobs.flatMap((job) => [`books/${job}.txt`, `words/${job}.txt`]);
    for (let from = 0; from < keys.length; from += 50) {
      const some = keys.slice(from, from + 50);
      await Promise.all(
        some.map((Key) => bucket.sdk.putObject({ Bucket: bucket.name, Key, Body: "1" })),
      );
    }
    await database.behind("done").insertMany(jobs.map((_id) => ({ _id, success: true })));

    const { key, secret, region } = s3Server.variables;
    const env = {
      NO_COLOR: "1",
      AWS_ENDPOINT_URL: proxy.url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: key,
      AWS_SECRET_ACCESS_KEY: secret,
      TEST_BUCKET: bucket.name,
      TEST_DATABASE: database.name,
      TEST_MONGO: urlOf(),
    };
    await programs.run(PROGRAM, ["run"], { env }); // clears what is a week old, once a day
    const before = proxy.requests.length;
    const { code, stdout, stderr } = await programs.run(PROGRAM, ["run", "--stats"], { env });
    strictEqual(code, 0, stderr);
    match(stdout + stderr, /nothing/);

    const toBucket = proxy.requests.slice(before).map(({ method, url }) => `${method} ${url}`);
    const others = toBucket.filter((request) => !/^GET .*[?&]list-type=2/.test(request));
    deepStrictEqual(others, []);
    ok(toBucket.length <= keys.length / 1000 + 2, toBucket.join("\n"));
    const counts = new Map(
      [...stderr.matchAll(/^(\w+) +(\d+)$/gm)].map(([, name, count]) => [name, Number(count)]),
    );
    deepStrictEqual(
      ["listings", "reads", "writes", "launches"].map((name) => counts.get(name)),
      [3, 0, 0, 0],
      stderr,
    );
    const toDatabase = (counts.get("requests") ?? NaN) - toBucket.length;
    ok(toDatabase >= 1 && toDatabase <= JOBS / 10_000 + 3, stderr);
  },
});
