import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { S3Client } from "../../repos/s3_api.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";

/** A client over a set of keys that can only list, and notes what it was asked for. */
function clientOver(
  keys: readonly string[],
  allows: (prefix: string) => boolean = () => true,
): { client: S3Client; asked: string[] } {
  const asked: string[] = [];
  const none = (): never => {
    throw new Error("only listing is expected");
  };
  const client: S3Client = {
    listObjectsV2({ Prefix, Delimiter, ContinuationToken = "0" }) {
      asked.push(Prefix);
      if (!allows(Prefix)) {
        return Promise.reject(
          Object.assign(new Error("no"), { $metadata: { httpStatusCode: 403 } }),
        );
      }
      const all = keys.filter((key) => key.startsWith(Prefix))
        .filter((key) => Delimiter === undefined || !key.slice(Prefix.length).includes(Delimiter));
      const end = Number(ContinuationToken) + 1000;
      return Promise.resolve({
        Contents: all.slice(end - 1000, end).map((Key) => ({ Key })),
        IsTruncated: end < all.length,
        NextContinuationToken: String(end),
      });
    },
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
  return { client, asked };
}

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}job${at}.txt`);

const repos = (client: S3Client, ...prefixes: string[]): S3BucketRepository[] =>
  prefixes.map((prefix) => new S3BucketRepository(client, "library", { prefix, suffix: ".txt" }));

const listAll = (all: readonly S3BucketRepository[]): Promise<string[][]> =>
  Promise.all(all.map(async (repo) => (await Array.fromAsync(repo)).sort()));

const jobs = (count: number): string[] => named("", count).map((name) => name.slice(0, -4)).sort();

Deno.test("repositories over one bucket that are listed at once share a listing", async () => {
  const keys = [...named("run/a/", 700), ...named("run/b/", 700), ...named("run/c/", 700)];
  const { client, asked } = clientOver(keys);
  const all = repos(client, "run/a/", "run/b/", "run/c/", "run/none/");
  deepStrictEqual(await listAll(all), [jobs(700), jobs(700), jobs(700), []]);
  deepStrictEqual(asked, ["run/", "run/", "run/"]);
});

Deno.test("a shared listing does not depend on the order of the keys", async () => {
  const keys = [...named("b/", 600), ...named("a/deep/", 10), ...named("a/", 600)];
  keys.push("a/x.json", "a/.txt", "c.txt");
  const shuffled = keys.map((key, at) => ({ key, at: (at * 7919) % keys.length }))
    .sort((one, other) => one.at - other.at).map(({ key }) => key);
  const { client, asked } = clientOver(shuffled);
  deepStrictEqual(await listAll(repos(client, "a/", "b/")), [jobs(600), jobs(600)]);
  strictEqual(asked.length, 2);
});

Deno.test("repositories over a bucket in which most is foreign are listed apart", async () => {
  const keys = [...named("a/", 10), ...named("b/", 10), ...named("archive/", 50_000)];
  const { client, asked } = clientOver(keys);
  deepStrictEqual(await listAll(repos(client, "a/", "b/")), [jobs(10), jobs(10)]);
  deepStrictEqual(asked.splice(0).filter((prefix) => prefix !== ""), ["a/", "b/"]);
  deepStrictEqual(await listAll(repos(client, "a/", "b/")), [jobs(10), jobs(10)]);
  deepStrictEqual(asked, ["a/", "b/"]);
});

Deno.test("repositories of which only the parts may be listed are listed apart", async () => {
  const keys = [...named("a/", 10), ...named("b/", 10)];
  const { client, asked } = clientOver(keys, (prefix) => prefix !== "");
  deepStrictEqual(await listAll(repos(client, "a/", "b/")), [jobs(10), jobs(10)]);
  deepStrictEqual(asked, ["", "a/", "b/"]);
  const none = clientOver(keys, () => false);
  await rejects(listAll(repos(none.client, "a/", "b/")), /access is denied/);
});

Deno.test("a repository that is listed alone asks for its own part only", async () => {
  const { client, asked } = clientOver([...named("a/", 10), ...named("b/", 10)]);
  for (const repo of repos(client, "a/", "b/")) deepStrictEqual(await listAll([repo]), [jobs(10)]);
  deepStrictEqual(asked, ["a/", "b/"]);
});
