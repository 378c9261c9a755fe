import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { NotFoundError, StoreError } from "../../lib/errors.ts";
import { Session } from "../../lib/session.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import type { S3Client, S3Page } from "../../repos/s3_api.ts";
import { S3BucketInfo, S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { YamlMetadataS3Repository } from "../../repos/yaml_metadata_s3_repository.ts";
import { s3Server } from "../servers.ts";
import { bytes, sameBytes } from "../suite/data.ts";
import { clientOptions, TestBucket } from "./s3_fixture.ts";

const { ignore } = s3Server;

Deno.test({
  name: "S3BucketRepository keeps what the original's test of S3 keeps",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const { client, name } = bucket;
    const repo = new S3BucketRepository(client, name, { prefix: "weh/", suffix: ".weh" });
    await repo.validate();
    await bucket.sdk.putObject({ Bucket: name, Key: "weh/foo.weh", Body: "hello world" });
    deepStrictEqual(await Array.fromAsync(repo), ["foo"]);
    strictEqual(await repo.contains("foo"), true);
    strictEqual(await repo.contains("bar"), false);
    strictEqual(await repo.readText("foo"), "hello world");
    {
      await using file = await repo.open("foo", "rb");
      deepStrictEqual(await file.read(), new TextEncoder().encode("hello world"));
    }
    {
      await using file = await repo.open("foo", "w");
      await file.write("hello ");
      await file.write("world");
      await file.close();
    }
    const { Body } = await bucket.sdk.getObject({ Bucket: name, Key: "weh/foo.weh" });
    strictEqual(await Body?.transformToString(), "hello world");
    const info = await repo.info("bar");
    strictEqual(String(info), `s3://${name}/weh/bar.weh`);
    strictEqual(info.endpoint, s3Server.variables.endpoint);
    await repo.delete("foo");
    await repo.delete("bar");
    deepStrictEqual(await Array.fromAsync(repo), []);

    const yaml = new YamlMetadataS3Repository(client, name, { prefix: "weh/", suffix: ".weh" });
    await yaml.validate();
    await yaml.dump("foo", { weh: 1 });
    deepStrictEqual(await yaml.info("foo"), { weh: 1 });
    strictEqual(await yaml.info("bar"), undefined); // the original gives {}
  },
});

Deno.test({
  name: "A-31: a reader of S3BucketRepository gives as much as it is asked for",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    await repo.writeText("moby", "Call me Ishmael.");
    await using reader = await repo.open("moby", "r");
    const parts: string[] = [];
    for (let part = "?"; part !== "";) parts.push(part = await reader.read(5));
    deepStrictEqual(parts, ["Call ", "me Is", "hmael", ".", ""]);
  },
});

Deno.test({
  name: "S3BucketRepository takes a resource of a session as its client",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const session = new Session();
    const client = session.resource(() => s3Client(clientOptions()));
    const repo = new S3BucketRepository(client, bucket.name);
    await rejects(repo.contains("a"), /session is not open/);
    await session.open();
    await repo.writeText("a", "text");
    strictEqual(await repo.readText("a"), "text");
    await session.close();
  },
});

Deno.test("S3BucketRepository needs the name of a bucket", () => {
  const client = (): S3Client => {
    throw new Error("not needed");
  };
  throws(() => new S3BucketRepository(client, ""), TypeError);
});

Deno.test({
  name: "S3BucketRepository.info() has the endpoint for jobs in a cluster, if there is one",
  ignore,
  async fn() {
    using client = await s3Client(clientOptions());
    const repo = new S3BucketRepository(client, "library", {
      prefix: "p/",
      suffix: ".s",
      inclusterEndpoint: "http://minio.default",
    });
    deepStrictEqual(
      await repo.info("a"),
      new S3BucketInfo("http://minio.default", "s3://library/p/a.s", "library", "p/", ".s"),
    );
    using aws = await s3Client({ region: "eu-central-1", endpoint: undefined });
    const there = new S3BucketRepository(aws, "library");
    strictEqual((await there.info("a")).endpoint, "https://s3.eu-central-1.amazonaws.com");
  },
});

Deno.test({
  name: "S3BucketRepository does not see what is outside its prefix, its suffix and its level",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const { client, name } = bucket;
    const foreign = ["a.txt", "books/deep/a.txt", "books/a.json", "books/.txt", "bookss/a.txt"];
    for (const Key of [...foreign, "books/b.txt", "books/c.txt.txt"]) {
      await bucket.sdk.putObject({ Bucket: name, Key, Body: "x" });
    }
    const repo = new S3BucketRepository(client, name, { prefix: "books/", suffix: ".txt" });
    const seen: string[] = [];
    using _ = interceptWarnings((message) => void seen.push(message));
    deepStrictEqual((await Array.fromAsync(repo)).sort(), ["b", "c.txt"]);
    deepStrictEqual(seen, []);
    const whole = new S3BucketRepository(client, name);
    deepStrictEqual(await Array.fromAsync(whole), ["a.txt"]);
  },
});

for (const prefix of ["a b/", "a+b/", "100%/", "%41/", "ü/€ 😀/", "a&b=c?d#e;f/", "(it's!*)/"]) {
  Deno.test({
    name: `S3BucketRepository works behind the prefix ${JSON.stringify(prefix)}`,
    ignore,
    async fn() {
      await using bucket = await TestBucket.make();
      const { client, name } = bucket;
      const repo = new S3BucketRepository(client, name, { prefix, suffix: " +%.txt" });
      await repo.writeText("a", "text");
      deepStrictEqual(await bucket.keys(), [`${prefix}a +%.txt`]);
      deepStrictEqual(await Array.fromAsync(repo), ["a"]);
      strictEqual(await repo.contains("a"), true);
      strictEqual(await repo.readText("a"), "text");
      await repo.delete("a");
      deepStrictEqual(await bucket.keys(), []);
    },
  });
}

Deno.test({
  name: "S3BucketRepository tells the server the MIME type",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const { client, name: Bucket } = bucket;
    const repo = new S3BucketRepository(client, Bucket, { mimetype: "text/plain" });
    await repo.writeText("a", "text");
    await (await repo.writable("b")).close();
    await repo.writeBytes("c", bytes(9_000_000));
    await new YamlMetadataS3Repository(client, Bucket).dump("d", {});
    await new S3BucketRepository(client, Bucket).writeText("e", "");
    const types = [];
    for (const Key of ["a", "b", "c", "d.yaml", "e"]) {
      types.push((await bucket.sdk.headObject({ Bucket, Key })).ContentType);
    }
    const text = "text/plain";
    deepStrictEqual(types, [text, text, text, "text/yaml", "application/octet-stream"]);
  },
});

Deno.test({
  name: "S3BucketRepository.validate() makes a missing bucket only when it is asked to",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    await bucket.remove();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    const missing = /there is no such bucket/;
    await rejects(repo.validate({ create: false }), missing);
    await rejects(bucket.sdk.headBucket({ Bucket: bucket.name }));
    await rejects(repo.contains("a"), missing);
    await rejects(repo.readText("a"), missing);
    await rejects(repo.writeText("a", ""), missing);
    await rejects(repo.delete("a"), missing);
    await rejects(Array.fromAsync(repo), missing);
    await repo.validate({ create: true });
    await repo.validate({ create: false });
    strictEqual(await repo.contains("a"), false);
  },
});

Deno.test({
  name: "S3BucketRepository.create() of one key by fifty at once succeeds once",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    const other = new S3BucketRepository(bucket.client, bucket.name);
    const created = await Promise.all(
      Array.from({ length: 50 }, (_, at) => (at % 2 ? repo : other).create("a", `by ${at}`)),
    );
    strictEqual(created.filter(Boolean).length, 1);
    strictEqual(await repo.readText("a"), `by ${created.indexOf(true)}`);
    await repo.delete("a");
    strictEqual(await repo.create("a", new Uint8Array([1])), true);
  },
});

Deno.test({
  name: "S3BucketRepository writes large values in parts, of which an aborted writer leaves none",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    const value = bytes(23_000_000);
    const writer = await repo.open("a", "wb");
    for (let at = 0; at < value.length; at += 700_000) {
      await writer.write(value.subarray(at, at + 700_000));
    }
    deepStrictEqual(await bucket.uploads(), ["a"]);
    await writer.close();
    deepStrictEqual(await bucket.uploads(), []);
    ok(sameBytes(await repo.readBytes("a"), value));

    const aborted = await repo.open("b", "wb");
    await aborted.write(value);
    deepStrictEqual(await bucket.uploads(), ["b"]);
    await aborted.abort();
    deepStrictEqual(await bucket.uploads(), []);
    deepStrictEqual(await bucket.keys(), ["a"]);
  },
});

Deno.test({
  name: "S3BucketRepository writes values of just a part, one byte less and one more",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    const part = 8 * 1024 * 1024;
    for (const size of [part - 1, part, part + 1, 2 * part, 2 * part + 1]) {
      await repo.writeBytes("whole", bytes(size));
      ok(sameBytes(await repo.readBytes("whole"), bytes(size)), `${size} at once`);
      const writer = await repo.open("streamed", "wb");
      await writer.write(bytes(size - 3));
      await writer.write(bytes(3, size - 3));
      await writer.close();
      ok(sameBytes(await repo.readBytes("streamed"), bytes(size)), `${size} streamed`);
    }
    deepStrictEqual(await bucket.uploads(), []);
  },
});

Deno.test({
  name: "S3BucketRepository reads an object as it is stored, also if it is stored compressed",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const packed = await new Response(
      new Blob(["text"]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    await bucket.sdk.putObject({
      Bucket: bucket.name,
      Key: "a",
      Body: packed,
      ContentEncoding: "gzip",
    });
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    deepStrictEqual(await repo.readBytes("a"), packed);
  },
});

Deno.test({
  name: "S3BucketRepository lists while another one deletes, and misses nothing that stays",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    const other = new S3BucketRepository(bucket.client, bucket.name);
    const jobs = Array.from({ length: 2400 }, (_, at) => `job${String(at).padStart(4, "0")}`);
    for (let at = 0; at < jobs.length; at += 100) {
      await Promise.all(jobs.slice(at, at + 100).map((job) => repo.writeText(job, "")));
    }
    const stays = new Set(jobs.filter((_, at) => at % 3 === 0));
    const found: string[] = [];
    let deleted: Promise<unknown> | undefined;
    for await (const job of repo) {
      found.push(job);
      if (found.length === 500) { // in the first page, which ends behind the thousandth key
        const goes = jobs.filter((job) => !stays.has(job));
        deleted = Promise.all(goes.slice(0, 1400).map((job) => other.delete(job)));
        await deleted;
      }
    }
    await deleted;
    strictEqual(new Set(found).size, found.length);
    deepStrictEqual([...stays].filter((job) => !found.includes(job)), []);
  },
});

/** A client that can only list, and gives these pages. */
function listing(...pages: S3Page[]): S3Client {
  const none = (): never => {
    throw new Error("only listing is expected");
  };
  return {
    listObjectsV2: () => Promise.resolve(pages.shift() ?? none()),
    headBucket: none,
    createBucket: none,
    headObject: none,
    getObject: none,
    putObject: none,
    deleteObject: none,
    createMultipartUpload: none,
    uploadPart: none,
    completeMultipartUpload: none,
    abortMultipartUpload: none,
    listMultipartUploads: none,
  };
}

Deno.test("A-30: S3BucketRepository takes no notice of what has nothing of a listing, whoever the client is", async () => {
  const nothing = (): S3BucketRepository => new S3BucketRepository(listing({}), "library");
  await rejects(Array.fromAsync(nothing()), /what answers there is no S3 .*; check the endpoint$/);
  await rejects(nothing().validate(), /what answers there is no S3/);
  const client: S3Client = { ...listing(), headObject: () => Promise.resolve({}) };
  await rejects(new S3BucketRepository(client, "library").contains("a"), /is no S3 .* no ETag/);
});

Deno.test("S3BucketRepository decodes keys where the server encodes them", async () => {
  const keys = ["a+b%2Bc%25/x.txt", "a+b%2Bc%25/y.txt"];
  const client = listing({ EncodingType: "url", Contents: keys.map((Key) => ({ Key })) });
  const repo = new S3BucketRepository(client, "library", { prefix: "a b+c%/", suffix: ".txt" });
  deepStrictEqual(await Array.fromAsync(repo), ["x", "y"]);
});

Deno.test("S3BucketRepository refuses a listing that goes round in circles, or nowhere", async () => {
  const page = { IsTruncated: true, NextContinuationToken: "on", Contents: [{ Key: "a" }] };
  const circles = new S3BucketRepository(listing(page, page), "library");
  await rejects(Array.fromAsync(circles), StoreError);
  const nowhere = new S3BucketRepository(listing({ IsTruncated: true }), "library");
  await rejects(Array.fromAsync(nowhere), StoreError);
});

Deno.test({
  name:
    "S3BucketRepository.readable() of an absent key is a NotFoundError, with the server's as cause",
  ignore,
  async fn() {
    await using bucket = await TestBucket.make();
    const repo = new S3BucketRepository(bucket.client, bucket.name);
    await rejects(repo.readable("a"), (error) => {
      ok(error instanceof NotFoundError && error.cause instanceof Error);
      strictEqual(error.cause.name, "NoSuchKey");
      return true;
    });
  },
});
