import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mongoServer, s3Server } from "../servers.ts";
import { bytes, forAll, sameBytes } from "../suite/data.ts";
import { TestDatabase } from "./mongo_fixture.ts";
import { TestBucket } from "./s3_fixture.ts";
import { openStores, sizeOf, type Stores } from "./s3_kill_program.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";
const JOBS = SWEEP ? 1000 : 40;
const KILLS = SWEEP ? 50 : 3;

const jobs = Array.from({ length: JOBS }, (_, at) => `job${at}`);

function start(bucket: string, database: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("s3_kill_program.ts", import.meta.url).pathname, bucket, database],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Checks that what is there is whole; returns how many records there are. */
async function check({ values, results, done }: Stores): Promise<number> {
  await forAll(await Array.fromAsync(values), async (job) => {
    ok(sameBytes(await values.readBytes(job), bytes(sizeOf(job), Number(job.slice(3)))), job);
  });
  for (const [job, result] of await results.infoAll()) strictEqual(result?.size, sizeOf(job), job);
  const lists = await Promise.all(done.map((each) => Array.fromAsync(each)));
  const [written, measured] = [values, results].map(async (each) =>
    new Set<string>(await Array.fromAsync(each))
  );
  for (const job of lists[0]!) ok((await written!).has(job), `${job} is done but not there`);
  for (const job of lists[1]!) ok((await measured!).has(job), `${job} is measured but not there`);
  return lists.flat().length;
}

Deno.test({
  name:
    "kill -9 at random moments of a run over S3 loses nothing, and leaves no half value and no parts",
  ignore: s3Server.ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    await using database = mongoServer.ignore ? undefined : await TestDatabase.make();
    const name = database?.name ?? "";
    await using stores = await openStores(bucket.name, name);
    await forAll(jobs, (job) => stores.inputs.writeText(job, job.slice(3)));

    let longest = 4000;
    for (let kills = 0, before = 0; kills < KILLS;) {
      const process = start(bucket.name, name);
      const ended = process.output();
      const timer = setTimeout(() => process.kill("SIGKILL"), 300 + Math.random() * longest);
      const { signal } = await ended;
      clearTimeout(timer);
      const records = await check(stores);
      ok(records >= before, `${before} records became ${records}`);
      before = records;
      if (signal === "SIGKILL") kills++;
      else longest /= 2;
      if (records === 2 * JOBS) { // begin anew
        for (const store of [stores.values, stores.results, ...stores.done]) {
          await forAll(await Array.fromAsync<string>(store), (job) => store.delete(job));
        }
        before = 0;
      }
    }

    const { code, stdout, stderr } = await start(bucket.name, name).output();
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    strictEqual(JSON.parse(new TextDecoder().decode(stdout)).failed, 0);
    strictEqual(await check(stores), 2 * JOBS);
    deepStrictEqual((await Array.fromAsync(stores.results)).sort(), jobs.toSorted());
    deepStrictEqual(await bucket.uploads(), []);
  },
});
