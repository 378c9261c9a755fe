/** What other servers do that the one at hand does not. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { NotFoundError, StoreError } from "../../lib/errors.ts";
import type { S3Client } from "../../repos/s3_api.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { type Fault, HttpProxy, type ProxiedRequest } from "../faulty_proxy.ts";
import { s3Server } from "../servers.ts";
import { bytes } from "../suite/data.ts";
import { clientOptions, TestBucket } from "./s3_fixture.ts";

interface Fixture {
  readonly bucket: TestBucket;
  readonly proxy: HttpProxy;
  readonly repo: S3BucketRepository;
}

function test(name: string, fn: (fixture: Fixture) => Promise<void>): void {
  Deno.test({
    name,
    ignore: s3Server.ignore,
    async fn() {
      await using bucket = await TestBucket.make();
      await using proxy = new HttpProxy(s3Server.variables.endpoint);
      using client = await s3Client(clientOptions({ endpoint: proxy.url, maxAttempts: 1 }));
      const repo = new S3BucketRepository(client, bucket.name, { prefix: "p/" });
      await fn({ bucket, proxy, repo });
    },
  });
}

const xml = (code: string): string => `<Error><Code>${code}</Code><Message>no</Message></Error>`;
const isObject = ({ url }: ProxiedRequest): boolean => url.includes("/p/");

/** Answers that say no more than that something is not there. */
const ABSENT: readonly Fault[] = [
  { answer: 404 },
  { answer: 404, body: xml("NotFound") },
  { answer: 404, body: xml("NoSuchKey") },
];

for (const fault of ABSENT) {
  const what = JSON.stringify(fault);
  test(`S3BucketRepository takes ${what} for absence, if the bucket is there`, async ({ proxy, repo }) => {
    proxy.fault = (request) => isObject(request) ? fault : undefined;
    strictEqual(await repo.contains("a"), false);
    await rejects(repo.readText("a"), NotFoundError);
    await repo.delete("a");
  });
}

test("S3BucketRepository takes 404 of everything for a missing bucket", async ({ proxy, repo }) => {
  proxy.fault = () => ({ answer: 404 });
  for (const call of [() => repo.contains("a"), () => repo.readText("a"), () => repo.delete("a")]) {
    await rejects(call, (error) => {
      ok(error instanceof StoreError);
      ok(/there is no such bucket/.test(error.message), error.message);
      return true;
    });
  }
});

test("S3BucketRepository.create() says so where the server knows no conditional writes", async ({ proxy, repo }) => {
  proxy.fault = ({ headers }) =>
    headers.has("if-none-match") ? { answer: 501, body: xml("NotImplemented") } : undefined;
  await rejects(repo.create("a", "text"), /the server cannot do this \(501 NotImplemented\)/);
  await repo.writeText("a", "text");
  strictEqual(await repo.create("a", "other"), false);
  strictEqual(await repo.readText("a"), "text");
});

test("S3BucketRepository.create() finds out that the server takes no notice of the condition", async ({ bucket }) => {
  const careless: S3Client = new Proxy<S3Client>(bucket.client, {
    get(target, name) {
      if (name !== "putObject") return Reflect.get(target, name);
      return ({ IfNoneMatch: _, ...input }: Parameters<S3Client["putObject"]>[0]) =>
        target.putObject(input);
    },
  });
  const repo = new S3BucketRepository(careless, bucket.name);
  await repo.writeText("a", "first");
  strictEqual(await repo.create("a", "second"), false);
  strictEqual(await repo.readText("a"), "first");
  await rejects(repo.create("b", "text"), /takes no notice of If-None-Match/);
});

test("S3BucketRepository.create() asks once whether the server keeps to the condition", async ({ proxy, repo }) => {
  strictEqual(await repo.create("a", "text"), true);
  const before = proxy.requests.length;
  strictEqual(await repo.create("b", "text"), true);
  strictEqual(await repo.create("b", "other"), false);
  deepStrictEqual(proxy.requests.slice(before).map(({ method }) => method), ["PUT", "PUT", "HEAD"]);
});

test("S3BucketRepository.validate() gets by with a bucket that somebody made meanwhile", async ({ bucket, proxy, repo }) => {
  const missing: Fault = { answer: 404, body: xml("NoSuchBucket") };
  for (const code of ["BucketAlreadyExists", "BucketAlreadyOwnedByYou"]) {
    proxy.fault = ({ method, url }) =>
      method === "GET" && url.includes("list-type")
        ? missing
        : method === "PUT"
        ? { answer: 409, body: xml(code) }
        : undefined;
    await repo.validate();
  }
  proxy.fault = ({ method }) =>
    method === "PUT" ? { answer: 409, body: xml("BucketAlreadyExists") } : missing;
  await rejects(repo.validate(), /belongs to somebody else/);
  deepStrictEqual(await bucket.keys(), []);
});

test("S3BucketRepository sends no checksums that a server may not know", async ({ proxy, repo }) => {
  await repo.writeText("a", "text");
  await repo.writeBytes("b", bytes(9_000_000));
  await repo.readText("a");
  for (const { headers } of proxy.requests) {
    const foreign = [...headers.keys()].filter((name) =>
      /^x-amz-(checksum|sdk-checksum|trailer)/.test(name)
    );
    deepStrictEqual(foreign, []);
    ok(!headers.get("content-encoding")?.includes("aws-chunked"));
  }
});

test("S3BucketRepository lists what a server tells in the fewest words", async ({ proxy, repo }) => {
  const page = (keys: string[], more = ""): Fault => ({
    answer: 200,
    body: `<ListBucketResult><Name>library</Name>${more}${
      keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("")
    }</ListBucketResult>`,
  });
  proxy.fault = () => page([]);
  deepStrictEqual(await Array.fromAsync(repo), []);
  const more = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>";
  proxy.fault = ({ url }) =>
    url.includes("continuation-token") ? page(["p/b%2Bc"]) : page([], more);
  deepStrictEqual(await Array.fromAsync(repo.unfilteredIter()), ["b%2Bc"]); // nothing says that it is encoded
});

const REGIONS: readonly (readonly [Fault, RegExp])[] = [
  [{ answer: 400, body: xml("AuthorizationHeaderMalformed") }, /region/],
  [{ answer: 400, body: xml("IllegalLocationConstraintException") }, /region/],
  [{ answer: 301, body: xml("PermanentRedirect") }, /region/],
  [{ answer: 307, body: xml("TemporaryRedirect"), headers: { Location: "http://x/" } }, /region/],
];

for (const [fault, words] of REGIONS) {
  test(`S3BucketRepository takes ${JSON.stringify(fault)} for a wrong region`, async ({ proxy, repo }) => {
    proxy.fault = () => fault;
    await rejects(repo.validate(), words);
    await rejects(repo.contains("a"), words); // an answer to HEAD has no code
    await rejects(repo.readText("a"), words);
    await rejects(repo.writeText("a", ""), words);
    await rejects(repo.delete("a"), words);
  });
}

test("S3BucketRepository does not go on reading where a server takes no notice of ranges", async ({ bucket, proxy, repo }) => {
  await repo.writeBytes("a", bytes(9_000_000));
  const { ETag = "" } = await bucket.sdk.headObject({ Bucket: bucket.name, Key: "p/a" });
  for (const etag of [ETag, `"another"`]) {
    proxy.fault = ({ headers }) =>
      headers.has("range")
        ? { answer: 200, body: "other", headers: { ETag: etag } }
        : { cutBehind: 1_000_000 };
    await rejects(repo.readBytes("a"), /does not go on there/);
  }
});
