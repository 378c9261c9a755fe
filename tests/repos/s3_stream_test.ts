import { ok, strictEqual } from "node:assert/strict";
import { s3Server } from "../servers.ts";
import { TestBucket } from "./s3_fixture.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

/** The most that a process that streams may take, in MB. */
const MEMORY = 150;

async function stream(what: "write" | "read", bucket: string, megabytes: number): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("s3_stream.ts", import.meta.url).pathname,
      what,
      bucket,
      String(megabytes),
    ],
  }).output();
  strictEqual(success, true, new TextDecoder().decode(stderr));
  const { memory } = JSON.parse(new TextDecoder().decode(stdout));
  ok(memory < MEMORY, `${what} of ${megabytes} MB took ${memory} MB of memory`);
}

for (const megabytes of SWEEP ? [100, 5000] : [100]) {
  Deno.test({
    name: `A-31: S3BucketRepository streams ${megabytes} MB in less than ${MEMORY} MB of memory`,
    ignore: s3Server.ignore,
    async fn() {
      await using bucket = await TestBucket.make();
      await stream("write", bucket.name, megabytes);
      await stream("read", bucket.name, megabytes);
    },
  });
}
