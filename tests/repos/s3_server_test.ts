import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { s3Client } from "../../repos/s3_client.ts";
import { s3Server } from "../servers.ts";
import { bytes, sameBytes } from "../suite/data.ts";

/** An S3 server of this test's own, to be stopped and killed. */
class OwnServer implements AsyncDisposable {
  readonly #state: string;

  private constructor(state: string) {
    this.#state = state;
  }

  static async start(): Promise<OwnServer> {
    const server = new OwnServer(await Deno.makeTempDir({ prefix: "datatask-s3-" }));
    await server.#servers("install", "s3");
    return server;
  }

  /** Starts it, or starts it again on the same port with the same data; returns how to reach it. */
  async up(): Promise<{ endpoint: string; accessKeyId: string; secretAccessKey: string }> {
    const lines = (await this.#servers("up", "s3")).trim().split("\n");
    const variables = new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    const read = (name: string): string => variables.get(`DATATASK_TEST_S3_${name}`) ?? "";
    return {
      endpoint: read("ENDPOINT"),
      accessKeyId: read("KEY"),
      secretAccessKey: read("SECRET"),
    };
  }

  async signal(signal: "STOP" | "CONT" | "KILL"): Promise<void> {
    await this.#servers("signal", signal, "s3");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers("down");
    await Deno.remove(this.#state, { recursive: true });
  }

  async #servers(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(
      new URL("../../scripts/servers/servers", import.meta.url).pathname,
      { args, env: { DATATASK_SERVERS_STATE: this.#state } },
    ).output();
    strictEqual(success, true, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }
}

/** Everything that asks the server. What was given up may be done all the same, when the server goes on. */
async function allFail(repo: S3BucketRepository): Promise<void> {
  await rejects(Array.fromAsync(repo), StoreError);
  await rejects(repo.contains("a"), StoreError);
  await rejects(repo.contains("absent"), StoreError);
  await rejects(repo.readText("a"), StoreError);
  await rejects(repo.writeText("b", "text"), StoreError);
  await rejects(repo.delete("c"), StoreError);
  await rejects(repo.validate(), StoreError);
}

Deno.test({
  name: "S3BucketRepository outlives a server that is stopped, goes on, is killed and starts again",
  ignore: s3Server.ignore,
  async fn() {
    await using server = await OwnServer.start();
    const { endpoint, ...credentials } = await server.up();
    using client = await s3Client({
      endpoint,
      credentials,
      maxAttempts: 1,
      requestHandler: { requestTimeout: 300 },
    });
    const repo = new S3BucketRepository(client, "library");
    await repo.validate();
    await repo.writeText("a", "text");
    const writer = await repo.open("large", "wb");
    await writer.write(bytes(9_000_000));

    await server.signal("STOP");
    await allFail(repo);
    await server.signal("CONT");
    strictEqual(await repo.readText("a"), "text");
    strictEqual(await repo.contains("absent"), false);

    await server.signal("KILL");
    await allFail(repo);
    await rejects(async () => {
      await writer.write(bytes(12_000_000));
      await writer.close();
    }, StoreError);
    await server.up();
    await repo.validate();
    ok((await Array.fromAsync(repo)).includes("a"));
    strictEqual(await repo.contains("large"), false);
    const { Uploads = [] } = await client.listMultipartUploads({ Bucket: "library", Prefix: "" });
    deepStrictEqual(Uploads, []);
  },
});

Deno.test({
  name: "S3BucketRepository reads on when the server was killed and started again meanwhile",
  ignore: s3Server.ignore,
  async fn() {
    await using server = await OwnServer.start();
    const { endpoint, ...credentials } = await server.up();
    using client = await s3Client({ endpoint, credentials });
    const repo = new S3BucketRepository(client, "library");
    await repo.validate();
    const value = bytes(30_000_000);
    await repo.writeBytes("a", value);
    await using reader = await repo.open("a", "rb");
    const first = await reader.read(1_000_000);
    await server.signal("KILL");
    await server.up();
    const rest = await reader.read();
    ok(
      sameBytes(new Uint8Array([...first, ...rest.subarray(0, 10)]), value.subarray(0, 1_000_010)),
    );
    ok(sameBytes(rest, value.subarray(1_000_000)));
  },
});
