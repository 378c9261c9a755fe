import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { NotFoundError, StoreError } from "../../lib/errors.ts";
import { SqliteBlobRepository } from "../../repos/sqlite_blob_repository.ts";
import { query, runAtOnce, spawn, withFile } from "./sqlite_fixture.ts";

/** The size of a value that takes many chunks, and not a whole number of them. */
const LARGE = 1_000_001;

function chunks(file: string): number {
  return Number(query(file, `SELECT count(*) AS n FROM "blobs.chunks"`)[0]!.n);
}

function drafts(file: string): number {
  return Number(query(file, `SELECT count(*) AS n FROM "blobs.drafts"`)[0]!.n);
}

function large(seed: number): Uint8Array {
  return Uint8Array.from({ length: LARGE }, (_, i) => (i * 31 + seed) % 251);
}

Deno.test("SqliteBlobRepository says where a value is, also if there is none", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    deepStrictEqual(await repository.info("a"), { file, table: "blobs", job: "a" });
    strictEqual(`${repository}`, `<SqliteBlobRepository blobs in ${file}>`);
  }));

Deno.test("SqliteBlobRepository tells a missing key from a missing table", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    await rejects(repository.readText("a"), StoreError);
    await repository.validate();
    await rejects(repository.readText("a"), NotFoundError);
    await rejects(repository.open("a"), NotFoundError);
  }));

Deno.test("SqliteBlobRepository puts small values into the row and large ones into chunks, and leaves no chunk behind", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    await repository.writeText("a", "small");
    strictEqual(chunks(file), 0);
    await repository.writeBytes("a", large(1));
    const taken = chunks(file);
    ok(taken > 1);
    await repository.writeBytes("a", large(2));
    strictEqual(chunks(file), taken);
    deepStrictEqual(await repository.readBytes("a"), large(2));
    await repository.writeText("a", "small");
    strictEqual(chunks(file), 0);
    strictEqual(await repository.readText("a"), "small");
    await repository.writeBytes("b", large(3));
    await repository.delete("b");
    strictEqual(chunks(file), 0);
    strictEqual(drafts(file), 0);
  }));

Deno.test("SqliteBlobRepository keeps what is being written out of sight, and removes it when it is aborted", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    const writer = (await repository.writable("a")).getWriter();
    await writer.write(large(1));
    ok(chunks(file) > 1);
    strictEqual(drafts(file), 1);
    strictEqual(await repository.contains("a"), false);
    await writer.abort();
    strictEqual(chunks(file), 0);
    strictEqual(drafts(file), 0);
    strictEqual(await repository.contains("a"), false);
  }));

Deno.test("SqliteBlobRepository fails a reader whose value was replaced or deleted before its end", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    for (
      const change of [() => repository.writeBytes("a", large(2)), () => repository.delete("a")]
    ) {
      await repository.writeBytes("a", large(1));
      const reader = await repository.open("a", "rb");
      deepStrictEqual(await reader.read(10), new Uint8Array(large(1).subarray(0, 10)));
      await change();
      await rejects(reader.read(), {
        name: "StoreError",
        message: /replaced or deleted meanwhile; read it again/,
      });
    }
  }));

Deno.test("SqliteBlobRepository keeps the old value when a write fails, and nothing of the new one", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    await repository.writeText("a", "old");
    query(
      file,
      "CREATE TRIGGER refuse BEFORE INSERT ON blobs BEGIN SELECT RAISE(ABORT, 'out of order'); END",
    );
    let changes = 0;
    using _ = repository.subscribe(() => changes++);
    for (const value of [new Uint8Array(1), large(1)]) {
      await rejects(repository.writeBytes("a", value), {
        name: "StoreError",
        message: /out of order/,
      });
      const stream = await repository.writable("a");
      await rejects(ReadableStream.from([value]).pipeTo(stream), StoreError);
    }
    strictEqual(await repository.readText("a"), "old");
    strictEqual(chunks(file), 0);
    strictEqual(drafts(file), 0);
    strictEqual(changes, 0);
  }));

Deno.test("SqliteBlobRepository shows nothing of a value whose writer was killed, and sweeps it later", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    await repository.writeText("old", "old");
    const child = spawn(
      `
      import { SqliteBlobRepository } from "$repos/sqlite_blob_repository.ts";
      const repository = new SqliteBlobRepository(Deno.args[0]!, "blobs");
      const writers = await Promise.all(["old", "new"].map((job) => repository.open(job, "wb")));
      while (true) {
        for (const writer of writers) await writer.write(new Uint8Array(100_000));
        Deno.stdout.writeSync(new Uint8Array(1));
      }
    `,
      file,
    );
    const reader = child.stdout.getReader();
    for (let told = 0; told < 10;) told += (await reader.read()).value?.length ?? 10;
    child.kill("SIGKILL");
    await Promise.all([reader.cancel(), child.stdin.close()]);
    strictEqual(await new Response(child.stderr).text(), "");
    strictEqual((await child.status).signal, "SIGKILL");
    deepStrictEqual(await Array.fromAsync(repository), ["old"]);
    strictEqual(await repository.readText("old"), "old");
    await rejects(repository.readable("new"), NotFoundError);

    strictEqual(drafts(file), 2);
    await repository.writeBytes("other", large(1));
    strictEqual(drafts(file), 2, "it may still live");
    query(file, `UPDATE "blobs.drafts" SET touched = touched - 3700`);
    await repository.writeBytes("other", large(1));
    strictEqual(drafts(file), 0);
    deepStrictEqual(
      query(
        file,
        `SELECT count(*) AS n FROM "blobs.chunks" WHERE generation NOT IN
        (SELECT generation FROM blobs WHERE generation IS NOT NULL)`,
      )[0]!.n,
      0,
    );
    deepStrictEqual(await repository.readBytes("other"), large(1));
  }));

Deno.test("SqliteBlobRepository sweeps when it is validated, and what was swept cannot be committed", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    await repository.writeText("a", "old");
    const writer = await repository.open("a", "wb");
    await writer.write(large(1));
    query(file, `UPDATE "blobs.drafts" SET touched = touched - 3700`);
    repository.close();
    await repository.validate();
    strictEqual(chunks(file), 0);
    await rejects(writer.close(), (error) => {
      ok(error instanceof StoreError);
      match(error.message, /^Cannot write "a" in .*taken for dead; write it again$/);
      return true;
    });
    strictEqual(await repository.readText("a"), "old");
  }));

Deno.test("SqliteBlobRepository keeps the values of two tables of one file apart", () =>
  withFile(async (file) => {
    using first = new SqliteBlobRepository(file, "first");
    using second = new SqliteBlobRepository(file, "second");
    await first.writeBytes("a", large(1));
    await second.writeBytes("a", large(2));
    await first.delete("a");
    deepStrictEqual(await second.readBytes("a"), large(2));
  }));

Deno.test("SqliteBlobRepository lets several processes write one key at once, and leaves one whole value", () =>
  withFile(async (file) => {
    const writer = `
      import { SqliteBlobRepository } from "$repos/sqlite_blob_repository.ts";
      const repository = new SqliteBlobRepository(Deno.args[0]!, "blobs");
      const value = new Uint8Array(300_000).fill(Number(Deno.args[1]));
      // begin
      for (let i = 0; i < 10; i++) await repository.writeBytes("a", value);
    `;
    await runAtOnce(writer, file, ["1", "2", "3"]);
    using repository = new SqliteBlobRepository(file, "blobs");
    const value = await repository.readBytes("a");
    strictEqual(value.length, 300_000);
    ok(value.every((byte) => byte === value[0]));
    strictEqual(drafts(file), 0);
    strictEqual(chunks(file), Math.ceil(300_000 / 65_536));
  }));

Deno.test("SqliteBlobRepository.watch() tells of values that others replace one by one, and of rows that they delete", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "data");
    await repository.writeText("a", "1");
    await repository.writeBytes("b", new Uint8Array(200_000));
    const watch = repository.watch(new AbortController().signal);
    const first = watch.next();
    const child = spawn(
      `import { SqliteBlobRepository } from "$repos/sqlite_blob_repository.ts";
       const repository = new SqliteBlobRepository(Deno.args[0]!, "data");
       await repository.writeText("a", "2");
       await repository.writeText("b", "2");`,
      file,
    );
    await child.stdin.close();
    strictEqual((await child.output()).success, true);
    deepStrictEqual((await first).value, { type: "put", job: "a" });
    deepStrictEqual((await watch.next()).value, { type: "put", job: "b" });
    query(file, "DELETE FROM data WHERE job = 'a'");
    deepStrictEqual((await watch.next()).value, { type: "relist" });
    await repository.writeText("b", "3");
    await repository.delete("b");
    deepStrictEqual((await watch.next()).value, { type: "put", job: "b" });
    deepStrictEqual((await watch.next()).value, { type: "delete", job: "b" });
    await watch.return();
  }));

Deno.test("SqliteBlobRepository.writeBytes() stores the bytes as they are when it is called, also before SQLite is loaded", () =>
  withFile(async (file) => {
    using repository = new SqliteBlobRepository(file, "blobs");
    const bytes = new Uint8Array([1, 2, 3]);
    const writing = repository.writeBytes("a", bytes);
    bytes.fill(9); // as whoever uses a buffer again
    await writing;
    deepStrictEqual(await repository.readBytes("a"), new Uint8Array([1, 2, 3]));
  }));
