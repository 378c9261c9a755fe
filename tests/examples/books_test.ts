import { match, strictEqual } from "node:assert/strict";
import { S3BucketRepository } from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";
import { temporaryFolder } from "../executors/processes.ts";
import { clientOptions } from "../repos/s3_fixture.ts";
import { s3Server } from "../servers.ts";

Deno.test({
  name: "A-29: examples/books.ts counts what is in the books of a bucket",
  ignore: s3Server.ignore,
  async fn() {
    await using folder = await temporaryFolder();
    using client = await s3Client(clientOptions());
    const books = new S3BucketRepository(client, "library", { prefix: "books/", suffix: ".txt" });
    const job = crypto.randomUUID(); // the bucket is whoever's runs the example
    await books.validate();
    try {
      await books.writeText(job, "Call me Ishmael.\n\nSome years ago\n");
      const { endpoint, key, secret } = s3Server.variables;
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", new URL("../../examples/books.ts", import.meta.url).pathname, "run"],
        env: {
          NO_COLOR: "1",
          BUCKET_ENDPOINT: endpoint,
          BUCKET_USERNAME: key,
          BUCKET_PASSWORD: secret,
          EXAMPLE_RESULTS: folder.path,
        },
      }).output();
      strictEqual(code, 0, new TextDecoder().decode(stderr));
      strictEqual(
        await Deno.readTextFile(`${folder.path}/books/${job}.txt`),
        `The book "${job}" has 2 paragraphs, 4 lines, 6 words, and 33 characters.\n`,
      );
    } finally {
      await books.delete(job);
    }
  },
});

const ENDPOINTS = ["BUCKET_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

Deno.test({
  name:
    "examples/books_server.ts without a server, and without Go to build one, says what it needs",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await temporaryFolder();
    await Deno.mkdir(`${folder.path}/bin`);
    for (const program of ["bash", "dirname", "uname", "mkdir", "mktemp", "cat", "env", "flock"]) {
      await Deno.symlink(`/usr/bin/${program}`, `${folder.path}/bin/${program}`);
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("../../examples/books_server.ts", import.meta.url).pathname],
      env: {
        ...Object.fromEntries(ENDPOINTS.map((name) => [name, ""])),
        NO_COLOR: "1",
        PATH: `${folder.path}/bin`,
        DATATASK_SERVERS_BIN: `${folder.path}/none`,
        DATATASK_SERVERS_CACHE: `${folder.path}/cache`,
      },
    }).output();
    strictEqual(code, 1);
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    strictEqual(lines.length, 2, lines.join("\n"));
    match(lines[0]!, /^servers: versitygw needs .* or a Go toolchain$/);
    match(lines[1]!, /^error: There is no S3 server: put Go .* or set AWS_ENDPOINT_URL, AWS_ACC/);
  },
});
