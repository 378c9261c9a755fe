import { deepStrictEqual, notStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { DataError } from "../../lib/errors.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";

Deno.test("InProcessMetadataRepository keeps its values in the map it was given", async () => {
  const data = new Map<string, number>([["a", 1]]);
  const repository = new InProcessMetadataRepository(data);
  strictEqual(repository.data, data);
  strictEqual(await repository.info("a"), 1);
  await repository.dump("b", 2);
  strictEqual(data.get("b"), 2);
  data.delete("a");
  strictEqual(await repository.contains("a"), false);
});

Deno.test("InProcessMetadataRepository has an empty map of its own if it was given none", async () => {
  const repository = new InProcessMetadataRepository();
  await repository.dump("a", 1);
  deepStrictEqual(await Array.fromAsync(new InProcessMetadataRepository()), []);
  strictEqual(await repository.info("b"), undefined);
});

Deno.test("A-06: InProcessMetadataRepository deletes a missing key without an error, and tells of no change", async () => {
  const repository = new InProcessMetadataRepository();
  let changes = 0;
  using _ = repository.subscribe(() => changes++);
  await repository.delete("missing");
  strictEqual(changes, 0);
});

Deno.test("A-43: InProcessMetadataRepository lists what was there, whatever is written and deleted meanwhile", async () => {
  const repository = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2], ["c", 3]]));
  const seen: string[] = [];
  for await (const job of repository) {
    seen.push(job);
    await repository.dump(`${job}-more`, 0);
    await repository.delete(job);
    await repository.dump(job, 4);
  }
  deepStrictEqual(seen, ["a", "b", "c"]);
});

Deno.test("A-52: InProcessMetadataRepository stores and gives copies", async () => {
  const repository = new InProcessMetadataRepository<{ list: number[] }>();
  const given = { list: [1] };
  await repository.dump("a", given);
  given.list.push(2);
  const read = await repository.info("a");
  deepStrictEqual(read, { list: [1] });
  read?.list.push(3);
  const again = await repository.info("a");
  deepStrictEqual(again, { list: [1] });
  notStrictEqual(again, read);
});

Deno.test("InProcessMetadataRepository keeps dates, maps and bytes as they are", async () => {
  const value = {
    at: new Date(0),
    tags: new Map([["a", new Set([1])]]),
    bytes: new Uint8Array([1]),
  };
  const repository = new InProcessMetadataRepository<typeof value>();
  await repository.dump("a", value);
  deepStrictEqual(await repository.info("a"), value);
});

Deno.test("InProcessMetadataRepository refuses what cannot be copied, naming the key, and keeps the old value", async () => {
  const repository = new InProcessMetadataRepository();
  await repository.dump("moby", 1);
  for (const bad of [() => {}, { on: () => {} }, Promise.resolve(), undefined]) {
    await rejects(repository.dump("moby", bad), (error) => {
      return error instanceof DataError &&
        /^Cannot write "moby" to <InProcess.*; use/.test(error.message);
    });
  }
  strictEqual(await repository.info("moby"), 1);
  const filled = new InProcessMetadataRepository<unknown>(new Map([["moby", () => {}]]));
  await rejects(filled.info("moby"), { name: "DataError", message: /^Cannot read "moby" from/ });
});

Deno.test("InProcessMetadataRepository gives its names in bulk, also those that are no ids", async () => {
  const repository = new InProcessMetadataRepository(
    new Map([["a", 1], ["no id!", 2], ["x\0y", 3]]),
  );
  const chunks = await Array.fromAsync(repository.bulkIter());
  strictEqual(
    chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
    "a\0no id!\0x\ufffdy\0",
  );
});

Deno.test("InProcessMetadataRepository tells a watcher of its own changes until the signal is aborted", async () => {
  const repository = new InProcessMetadataRepository();
  const controller = new AbortController();
  const watch = repository.watch(controller.signal);
  const first = watch.next();
  await repository.dump("a", 1);
  await repository.delete("a");
  deepStrictEqual((await first).value, { type: "put", job: "a" });
  deepStrictEqual((await watch.next()).value, { type: "delete", job: "a" });
  const last = watch.next();
  controller.abort();
  strictEqual((await last).done, true);
});
