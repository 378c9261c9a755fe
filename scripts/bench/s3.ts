/**
 * Races the S3 repository against the plain AWS SDK doing the same, on the server that the DATATASK_TEST_S3 variables name.
 *
 * `deno run -A scripts/bench/s3.ts [KEYS]`; lists 100,000 keys, if their number is not given.
 *
 * @module
 */

import { S3 } from "@aws-sdk/client-s3";
import { S3BucketRepository } from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";

const ROUNDS = 3;
const LARGE = 100_000_000;
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

async function atOnce(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of stream) size += chunk.length;
  if (size !== LARGE) throw new Error(`${size} bytes were read`);
}

/** What is done by the repository, and by the SDK. */
const RACES: Record<string, readonly [ours: () => Promise<void>, theirs: () => Promise<void>]> = {
  "write 100 MB": [
    async () => {
      const writer = await repo.open("ours", "wb");
      for (let at = 0; at < LARGE; at += value.length) {
        await writer.write(value.subarray(0, LARGE - at));
      }
      await writer.close();
    },
    async () => { // which can only send what is whole
      const whole = new Uint8Array(LARGE);
      for (let at = 0; at < LARGE; at += value.length) whole.set(value.subarray(0, LARGE - at), at);
      await sdk.putObject({ Bucket, Key: "large/theirs", Body: whole });
    },
  ],
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

async function seconds(act: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!;

await sdk.createBucket({ Bucket });
try {
  await atOnce(keys, (at) => sdk.putObject({ Bucket, Key: `many/job${at}`, Body: new Uint8Array() }));
  console.log("| | datatask (s) | plain SDK (s) | ratio |\n|---|---|---|---|");
  for (const [what, [ours, theirs]] of Object.entries(RACES)) {
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      times[0].push(await seconds(ours));
      times[1].push(await seconds(theirs));
    }
    const [a, b] = [median(times[0]), median(times[1])];
    console.log(`| ${what} | ${a.toFixed(2)} | ${b.toFixed(2)} | ${(a / b).toFixed(2)} |`);
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
