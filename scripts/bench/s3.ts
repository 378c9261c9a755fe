/**
 * Races the S3 repository against the plain AWS SDK doing the same, on the server that the DATATASK_TEST_S3 variables name.
 *
 * `deno run -A scripts/bench/s3.ts [KEYS]`; lists 100,000 keys, if their number is not given.
 *
 * @module
 */

import process from "node:process";
import { S3 } from "@aws-sdk/client-s3";
import { S3BucketRepository } from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";

const ROUNDS = 5;
const LARGE = 100_000_000;
const PART = 8 * 1024 * 1024;
const SMALL = 500;
const AT_ONCE = 16;
const keys = Number(Deno.args[0] ?? 100_000);

const variable = (name: string): string => Deno.env.get(`DATATASK_TEST_S3_${name}`) ?? "";
const options = {
  endpoint: variable("ENDPOINT"),
  region: variable("REGION"),
  credentials: { accessKeyId: variable("KEY"), secretAccessKey: variable("SECRET") },
};
const Bucket = `datatask-bench-${crypto.randomUUID()}`;
using client = await s3Client(options);
const sdk = new S3({ ...options, forcePathStyle: true });
const repo = new S3BucketRepository(client, Bucket, { prefix: "large/" });
const small = new S3BucketRepository(client, Bucket, { prefix: "small/" });
const many = new S3BucketRepository(client, Bucket, { prefix: "many/" });
const value = crypto.getRandomValues(new Uint8Array(65_536));

async function atOnce(
  count: number,
  act: (index: number) => Promise<unknown>,
  most = AT_ONCE,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: most }, work));
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of stream) size += chunk.length;
  if (size !== LARGE) throw new Error(`${size} bytes were read`);
}

async function writeLarge(): Promise<void> {
  const writer = await repo.open("ours", "wb");
  for (let at = 0; at < LARGE; at += value.length) {
    await writer.write(value.subarray(0, LARGE - at));
  }
  await writer.close();
}

/** What is done by the repository, and by the SDK. */
const RACES: Record<string, readonly [ours: () => Promise<void>, theirs: () => Promise<void>]> = {
  "write 100 MB as they come": [writeLarge, async () => { // in parts of the size and number that ours have
    const object = { Bucket, Key: "large/theirs" };
    const { UploadId } = await sdk.createMultipartUpload(object);
    const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
    await atOnce(Math.ceil(LARGE / PART), async (at) => {
      const size = Math.min(PART, LARGE - at * PART);
      const part = { UploadId, PartNumber: at + 1, Body: new Uint8Array(size) };
      const { ETag } = await sdk.uploadPart({ ...object, ...part });
      Parts[at] = { ETag, PartNumber: at + 1 };
    }, 3);
    await sdk.completeMultipartUpload({ ...object, UploadId, MultipartUpload: { Parts } });
  }],
  "write 100 MB, against one request": [writeLarge, async () => {
    const whole = new Uint8Array(LARGE);
    for (let at = 0; at < LARGE; at += value.length) whole.set(value.subarray(0, LARGE - at), at);
    await sdk.putObject({ Bucket, Key: "large/theirs", Body: whole });
  }],
  "read 100 MB": [
    async () => await read(await repo.readable("ours")),
    async () => {
      const { Body } = await sdk.getObject({ Bucket, Key: "large/ours" });
      await read(Body!.transformToWebStream());
    },
  ],
  [`write ${SMALL} x 2 KB, ${AT_ONCE} at once`]: [
    () => atOnce(SMALL, (at) => small.writeBytes(`job${at}`, value.subarray(0, 2000))),
    () =>
      atOnce(SMALL, (at) =>
        sdk.putObject({ Bucket, Key: `small/job${at}`, Body: value.subarray(0, 2000) })),
  ],
  [`read ${SMALL} x 2 KB, ${AT_ONCE} at once`]: [
    () => atOnce(SMALL, (at) => small.readBytes(`job${at}`)),
    () =>
      atOnce(SMALL, async (at) => {
        const { Body } = await sdk.getObject({ Bucket, Key: `small/job${at}` });
        await Body!.transformToByteArray();
      }),
  ],
  [`list ${keys} keys`]: [
    async () => {
      let count = 0;
      for await (const _ of many.unfilteredIter()) count++;
      if (count !== keys) throw new Error(`${count} keys were listed`);
    },
    async () => {
      let ContinuationToken: string | undefined;
      do {
        const page = await sdk.listObjectsV2({ Bucket, Prefix: "many/", ContinuationToken });
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    },
  ],
};

/** The least that it took, in seconds on the clock and of this process's processors: others only ever add to it. */
class Best {
  time = Infinity;
  processor = Infinity;

  async run(act: () => Promise<void>): Promise<void> {
    const [began, before] = [performance.now(), process.cpuUsage()];
    await act();
    const { user, system } = process.cpuUsage(before);
    this.time = Math.min(this.time, (performance.now() - began) / 1000);
    this.processor = Math.min(this.processor, (user + system) / 1_000_000);
  }
}

await sdk.createBucket({ Bucket });
try {
  await atOnce(keys, (at) => sdk.putObject({ Bucket, Key: `many/job${at}`, Body: new Uint8Array() }));
  console.log("| | datatask (s) | plain SDK (s) | ratio | ratio of processor time |");
  console.log("|---|---|---|---|---|");
  for (const [what, [ours, theirs]] of Object.entries(RACES)) {
    const [a, b] = [new Best(), new Best()];
    for (let round = 0; round < ROUNDS; round++) {
      await a.run(ours);
      await b.run(theirs);
    }
    const figures = [a.time, b.time, a.time / b.time, a.processor / b.processor];
    console.log(`| ${[what, ...figures.map((each) => each.toFixed(2))].join(" | ")} |`);
  }
} finally {
  for (const prefix of ["large/", "small/", "many/"]) {
    const all = new S3BucketRepository(client, Bucket, { prefix });
    const jobs = await Array.fromAsync(all);
    await atOnce(jobs.length, (at) => all.delete(jobs[at]!));
  }
  await sdk.deleteBucket({ Bucket });
  sdk.destroy();
}
