import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { NotFoundError } from "../../lib/errors.ts";
import {
  InProcessBlobRepository,
  InProcessBlobStream,
} from "../../repos/in_process_blob_repository.ts";

Deno.test("InProcessBlobRepository keeps its values in the map it was given", async () => {
  const data = new Map([["a", new Uint8Array([65])]]);
  const repository = new InProcessBlobRepository(data);
  strictEqual(repository.data, data);
  strictEqual(await repository.readText("a"), "A");
  await repository.writeText("b", "B");
  deepStrictEqual(data.get("b"), new Uint8Array([66]));
});

Deno.test("InProcessBlobRepository has nothing to say of a key", async () => {
  const repository = new InProcessBlobRepository(new Map([["a", new Uint8Array()]]));
  strictEqual(await repository.info("a"), undefined);
  strictEqual(await repository.info("b"), undefined);
});

Deno.test("A-06: InProcessBlobRepository deletes a missing key without an error, and tells of no change", async () => {
  const repository = new InProcessBlobRepository();
  let changes = 0;
  using _ = repository.subscribe(() => changes++);
  await repository.delete("missing");
  strictEqual(changes, 0);
});

Deno.test("A-07: InProcessBlobRepository leaves nothing of a longer value behind a shorter one", async () => {
  const repository = new InProcessBlobRepository();
  await repository.writeText("a", "hello world");
  {
    await using file = await repository.open("a", "w");
    await file.write("bye");
    await file.close();
  }
  strictEqual(await repository.readText("a"), "bye");
});

Deno.test("A-07: InProcessBlobRepository does not make a key by reading it", async () => {
  const repository = new InProcessBlobRepository();
  await rejects(repository.open("a"), NotFoundError);
  await rejects(repository.readable("a"), NotFoundError);
  await rejects(repository.readBytes("a"), NotFoundError);
  await rejects(repository.readText("a"), NotFoundError);
  strictEqual(await repository.contains("a"), false);
});

Deno.test("A-07: InProcessBlobRepository lets a reader see its value to the end, and its closing change nothing", async () => {
  const repository = new InProcessBlobRepository();
  await repository.writeText("a", "old value");
  const reader = await repository.open("a");
  strictEqual(await reader.read(3), "old");
  await repository.writeText("a", "new");
  strictEqual(await reader.read(), " value");
  await reader.close();
  strictEqual(await repository.readText("a"), "new");
});

Deno.test("A-07: InProcessBlobRepository discards what was written by a block that threw", async () => {
  const repository = new InProcessBlobRepository();
  await repository.writeText("a", "old");
  const failing = async () => {
    await using file = await repository.open("a", "w");
    await file.write("half");
    throw new Error("stop");
  };
  await rejects(failing, { message: "stop" });
  strictEqual(await repository.readText("a"), "old");
});

Deno.test("A-43: InProcessBlobRepository lists what was there, whatever is written and deleted meanwhile", async () => {
  const repository = new InProcessBlobRepository(
    new Map([["a", new Uint8Array()], ["b", new Uint8Array()]]),
  );
  const seen: string[] = [];
  for await (const job of repository) {
    seen.push(job);
    await repository.writeText(`${job}-more`, "");
    await repository.delete(job);
    await repository.writeText(job, "");
  }
  deepStrictEqual(seen, ["a", "b"]);
});

Deno.test("InProcessBlobRepository stores and gives copies, also of a Buffer", async () => {
  const repository = new InProcessBlobRepository();
  for (const given of [new Uint8Array([1, 2]), Buffer.from([1, 2])]) {
    await repository.writeBytes("a", given);
    given[0] = 9;
    const read = await repository.readBytes("a");
    deepStrictEqual(read, new Uint8Array([1, 2]));
    read[1] = 9;
    for await (const chunk of await repository.readable("a")) chunk[1] = 9;
    deepStrictEqual(await repository.readBytes("a"), new Uint8Array([1, 2]));
  }
});

Deno.test("InProcessBlobRepository tells a watcher of its own changes, of a stream when it is closed", async () => {
  const repository = new InProcessBlobRepository();
  const controller = new AbortController();
  const watch = repository.watch(controller.signal);
  const first = watch.next();
  await (await repository.writable("aborted")).abort();
  await (await repository.writable("closed")).close();
  await repository.delete("closed");
  deepStrictEqual((await first).value, { type: "put", job: "closed" });
  deepStrictEqual((await watch.next()).value, { type: "delete", job: "closed" });
  const last = watch.next();
  controller.abort();
  strictEqual((await last).done, true);
});

Deno.test("InProcessBlobRepository gives its names in bulk", async () => {
  const repository = new InProcessBlobRepository(
    new Map([["a", new Uint8Array()], ["b", new Uint8Array()]]),
  );
  deepStrictEqual(await Array.fromAsync(repository.bulkIter()), [
    new TextEncoder().encode("a\0b\0"),
  ]);
});

Deno.test("InProcessBlobStream commits all that was written when it is closed, and only then", async () => {
  const commits: Uint8Array[] = [];
  const writer = new InProcessBlobStream((bytes) => commits.push(bytes)).getWriter();
  const chunk = new Uint8Array([1, 2]);
  await writer.write(chunk);
  chunk.fill(9);
  await writer.write(new Uint8Array([3]));
  strictEqual(commits.length, 0);
  await writer.close();
  deepStrictEqual(commits, [new Uint8Array([1, 2, 3])]);
});

Deno.test("InProcessBlobStream commits nothing when it is aborted", async () => {
  const commits: Uint8Array[] = [];
  const stream = new InProcessBlobStream((bytes) => commits.push(bytes));
  const writer = stream.getWriter();
  await writer.write(new Uint8Array([1]));
  await writer.abort();
  deepStrictEqual(commits, []);
});

Deno.test("InProcessBlobRepository.writable() gives an InProcessBlobStream a value", async () => {
  const repository = new InProcessBlobRepository();
  const streams = [await repository.writable("a"), await repository.writable("a")];
  strictEqual(streams.every((stream) => stream instanceof InProcessBlobStream), true);
  notStrictEqual(streams[0], streams[1]);
});

Deno.test("InProcessBlobStream is a stream wherever one is taken, and so is a class made of it", async () => {
  class Shouting extends InProcessBlobStream {
    constructor(values: Uint8Array[]) {
      super((bytes) => values.push(bytes));
    }
    shout(): string {
      return this.locked ? "TAKEN" : "FREE";
    }
  }
  const values: Uint8Array[] = [];
  const streams = [new Shouting(values), new InProcessBlobStream((bytes) => values.push(bytes))];
  for (const stream of streams) {
    ok(stream instanceof WritableStream);
    ok(stream instanceof InProcessBlobStream);
    strictEqual(stream instanceof Shouting && stream.shout(), stream === streams[0] && "FREE");
    await new Blob(["ab"]).stream().pipeTo(stream);
  }
  strictEqual(new WritableStream() instanceof InProcessBlobStream, false);
  deepStrictEqual(values, [new Uint8Array([97, 98]), new Uint8Array([97, 98])]);
});

Deno.test("mod.ts does not have the runtime load its streams, which takes long", async () => {
  const program = `
    for (const name of ["ReadableStream", "Response", "TransformStream", "WritableStream"]) {
      Object.defineProperty(globalThis, name, { get: () => { throw new Error(name); } });
    }
    await import(${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)});
  `;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
  }).output();
  ok(success, new TextDecoder().decode(stderr));
});
