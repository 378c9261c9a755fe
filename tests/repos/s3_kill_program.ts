/**
 * A run S3 -> function -> S3 -> function -> MongoDB, to be killed: `s3_kill_program.ts BUCKET DATABASE`. Every tenth value
 * is written in parts. Without a database, the results are kept in the bucket.
 *
 * @module
 */

import { InProcessSyncTask, type MetadataRepository, Pipeline, run } from "../../mod.ts";
import { mongoClient } from "../../repos/mongo_client.ts";
import { MongoMetadataRepository } from "../../repos/mongo_metadata_repository.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { YamlMetadataS3Repository } from "../../repos/yaml_metadata_s3_repository.ts";
import { bytes } from "../suite/data.ts";
import { urlOf } from "./mongo_fixture.ts";
import { clientOptions } from "./s3_fixture.ts";

/** The size of the value of a job, in bytes: every tenth is of several parts. */
export function sizeOf(job: string): number {
  const number = Number(job.slice(3));
  return number % 10 === 0 ? 11_000_000 + number : 2000 + number;
}

/** The stores of a run. */
export interface Stores extends AsyncDisposable {
  readonly inputs: S3BucketRepository;
  readonly values: S3BucketRepository;
  readonly results: MetadataRepository<{ size: number }>;
  readonly done: readonly MetadataRepository[];
}

/** Opens the stores of a run. */
export async function openStores(bucket: string, database: string): Promise<Stores> {
  await using stack = new AsyncDisposableStack();
  const client = stack.use(await s3Client(clientOptions()));
  const blobs = (prefix: string): S3BucketRepository =>
    new S3BucketRepository(client, bucket, { prefix });
  const records = <Data>(prefix: string): MetadataRepository<Data> =>
    new YamlMetadataS3Repository<Data>(client, bucket, { prefix });
  const mongo = database === "" ? undefined : stack.use(await mongoClient(urlOf()));
  const results = mongo === undefined
    ? records<{ size: number }>("results/")
    : new MongoMetadataRepository<{ size: number }>(mongo.db(database).collection("results"));
  const moved = stack.move();
  return {
    inputs: blobs("in/"),
    values: blobs("out/"),
    results,
    done: [records("done/first/"), records("done/second/")],
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

if (import.meta.main) {
  const [bucket = "", database = ""] = Deno.args;
  await using stores = await openStores(bucket, database);
  const { inputs, values, results, done: [first, second] } = stores;
  const write = new InProcessSyncTask("first", first!)
    .link("inputs", inputs, { isInput: true })
    .link("values", values, { isOutput: true })
    .func(async ({ job, inputs, values }) => {
      const number = Number(await inputs.readText(job));
      const value = bytes(sizeOf(job), number);
      const writer = await values.open(job, "wb");
      for (let at = 0; at < value.length; at += 300_000) {
        await writer.write(value.subarray(at, at + 300_000));
      }
      await writer.close();
    });
  const measure = new InProcessSyncTask("second", second!)
    .link("values", values, { isInput: true })
    .link("results", results, { isOutput: true })
    .func(async ({ job, values, results }) => {
      await results.dump(job, { size: (await values.readBytes(job)).length });
    });
  const { succeeded, failed } = await run(new Pipeline([write, measure]));
  console.log(JSON.stringify({ succeeded, failed }));
}
