/**
 * Streams a value through S3, to be measured: `s3_stream.ts write|read BUCKET MEGABYTES`. Prints the greatest memory of
 * this process, in MB, and the throughput, in MB a second. Reading checks every byte.
 *
 * @module
 */

import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { bytes, PERIOD, sameBytes } from "../suite/data.ts";
import { clientOptions } from "./s3_fixture.ts";

const [what, bucket = "", megabytes] = Deno.args;
const size = Number(megabytes) * 1_000_000;
using client = await s3Client(clientOptions());
const repo = new S3BucketRepository(client, bucket);
const pattern = bytes(PERIOD);
let memory = 0;
const measure = (): void => {
  memory = Math.max(memory, Deno.memoryUsage().rss);
};

const began = performance.now();
if (what === "write") {
  const writer = await repo.open("large", "wb");
  for (let at = 0; at < size; at += PERIOD) {
    await writer.write(pattern.subarray(0, size - at));
    measure();
  }
  await writer.close();
} else {
  let at = 0;
  for await (const chunk of await repo.readable("large")) {
    for (let from = 0; from < chunk.length;) {
      const expected = pattern.subarray((at + from) % PERIOD).subarray(0, chunk.length - from);
      const found = chunk.subarray(from, from + expected.length);
      if (!sameBytes(found, expected)) throw new Error(`wrong bytes behind ${at + from}`);
      from += expected.length;
    }
    at += chunk.length;
    measure();
  }
  if (at !== size) throw new Error(`${at} bytes in place of ${size}`);
}
measure();
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ memory: memory / 1_000_000, speed: size / 1_000_000 / seconds }));
