import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { injectData } from "../../../lib/cli/inject.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { JobIdError } from "../../../lib/errors.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { Session } from "../../../lib/session.ts";
import { InProcessBlobRepository } from "../../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../../repos/in_process_metadata_repository.ts";
import { FakeMetadata } from "../fake_stores.ts";
import { Listener, Programs } from "./programs.ts";

function make(session = new Session()) {
  const texts = new InProcessBlobRepository();
  const facts = new InProcessMetadataRepository<unknown>();
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("texts", texts, { isInput: true })
    .link("facts", facts, { isInput: true })
    .link("keys", texts.map((text) => text))
    .func(() => {});
  return { pipeline: new Pipeline([task], session), texts, facts };
}

function source(...parts: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    parts.map((part) => typeof part === "string" ? encoder.encode(part) : part),
  );
}

Deno.test("A-01: injectData() stores bytes as they are, once they have ended", async () => {
  const { pipeline, texts } = make();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const injected = injectData(pipeline, "task.texts", "moby", { source: readable });
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("Call me "));
  strictEqual(texts.data.size, 0);
  await writer.write(new TextEncoder().encode("Ishmael."));
  strictEqual(texts.data.size, 0);
  await writer.close();
  await injected;
  strictEqual(await texts.readText("moby"), "Call me Ishmael.");
  await injectData(pipeline, "task.texts", "empty", { source: source() });
  strictEqual(await texts.readText("empty"), "");
});

Deno.test("injectData() stores nothing if what it reads fails, or it is told to stop", async () => {
  const { pipeline, texts, facts } = make();
  for (const link of ["task.texts", "task.facts"]) {
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(3)),
      pull: (controller) => controller.error(new Error("the disk is on fire")),
    });
    await rejects(injectData(pipeline, link, "moby", { source: failing }), /the disk is on fire/);
    const stop = new AbortController();
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(3)),
      pull: () => stop.abort(new Error("interrupted")),
    });
    const { signal } = stop;
    await rejects(injectData(pipeline, link, "moby", { source: endless, signal }), /interrupted/);
  }
  deepStrictEqual([texts.data.size, facts.data.size], [0, 0]);
});

Deno.test("injectData() stores nothing if it is told to stop as the input ends", async () => {
  const { pipeline, texts, facts } = make();
  for (const link of ["task.texts", "task.facts"]) {
    const stop = new AbortController();
    const ending = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(3).fill(32)),
      pull(controller) {
        controller.close();
        setTimeout(() => stop.abort(new Error("interrupted")));
      },
    });
    const { signal } = stop;
    await rejects(injectData(pipeline, link, "moby", { source: ending, signal }), /interrupted/);
  }
  deepStrictEqual([texts.data.size, facts.data.size], [0, 0]);
});

Deno.test("injectData() reads data as YAML", async () => {
  const { pipeline, facts } = make();
  const whale = new TextEncoder().encode("title: The Whale 🐋\npages: 635\n");
  await injectData(pipeline, "task.facts", "moby", {
    source: source(whale.subarray(0, 18), whale.subarray(18)),
  });
  deepStrictEqual(await facts.info("moby"), { title: "The Whale 🐋", pages: 635 });
  await injectData(pipeline, "task.facts", "none", { source: source() });
  strictEqual(await facts.info("none"), null);
});

Deno.test("injectData() refuses what is no YAML, and stores nothing", async () => {
  const { pipeline, facts } = make();
  for (const text of ["a: [1, 2\nb: 3", "a: 1\n- 2", new Uint8Array([0xff, 0xfe, 0x00])]) {
    await rejects(
      injectData(pipeline, "task.facts", "moby", { source: source(text) }),
      (error) => error instanceof UsageError && error.message === "could not parse stdin as yaml",
    );
  }
  strictEqual(facts.data.size, 0);
});

Deno.test("S-01: injectData() refuses what is no job id, and views", async () => {
  const { pipeline, texts, facts } = make();
  for (const id of ["../moby", "/etc/passwd", "", "..", "a/b"]) {
    await rejects(injectData(pipeline, "task.texts", id, { source: source("x") }), JobIdError);
    await rejects(injectData(pipeline, "task.facts", id, { source: source("x") }), JobIdError);
  }
  await rejects(injectData(pipeline, "task.keys", "moby", { source: source("x") }), UsageError);
  await rejects(injectData(pipeline, "task.text", "moby", { source: source("x") }), UsageError);
  deepStrictEqual([texts.data.size, facts.data.size], [0, 0]);
});

Deno.test("injectData() opens the session, and makes only its store ready", async () => {
  const session = new Session();
  const events: string[] = [];
  session.resource(function* () {
    events.push("opened");
    yield 1;
    events.push("closed");
  });
  const numbers = new FakeMetadata<unknown>("numbers");
  const broken = new FakeMetadata<unknown>("broken");
  broken.failing.add("validate false");
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("in", numbers, { isInput: true })
    .link("broken", broken, { isInput: true })
    .func(() => {});
  const pipeline = new Pipeline([task], session);
  await injectData(pipeline, "task.in", "1", { source: source("5") });
  deepStrictEqual(events, ["opened", "closed"]);
  deepStrictEqual(numbers.calls, ["validate true", "dump 1"]);
  deepStrictEqual(broken.calls, []);
  await session.open();
  await injectData(pipeline, "task.in", "2", { source: source("6") });
  strictEqual(session.isOpen, true);
  await session.close();
});

const FILES = `
  import { FileRepository } from "${new URL("../../../repos/file_repository.ts", import.meta.url)}";
  const books = new FileRepository(Deno.args.pop() + "/books", ".txt");
  const task = makeTask("task", books).link("facts", new InProcessMetadataRepository(), { isInput: true });
  await main(new Pipeline([task.link("keys", books.map((book) => book))]), { args: Deno.args });
`;

Deno.test("A-01: inject and cat pass 20 MB on, into a folder that did not exist", async () => {
  await using programs = new Programs();
  const folder = await Deno.makeTempDir();
  try {
    const value = new Uint8Array(20 << 20);
    for (let at = 0; at < value.length; at += 65536) {
      crypto.getRandomValues(value.subarray(at, at + 65536));
    }
    const inject = programs.command(FILES, ["inject", "task.in", "moby", folder], {
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = inject.stdin.getWriter();
    await writer.write(value);
    await writer.close();
    strictEqual((await inject.status).code, 0);
    strictEqual(await new Response(inject.stdout).text(), "");
    const { code, stdout } = await programs.command(FILES, ["cat", "task.in", "moby", folder])
      .output();
    strictEqual(code, 0);
    ok(stdout.length === value.length && stdout.every((byte, at) => byte === value[at]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A-01: inject leaves nothing when it is interrupted", async () => {
  await using programs = new Programs();
  const folder = await Deno.makeTempDir();
  try {
    const inject = programs.command(FILES, ["inject", "task.in", "moby", folder], {
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    const writer = inject.stdin.getWriter();
    await writer.write(new Uint8Array(1 << 20)); // more than a pipe holds, so it is being read
    inject.kill("SIGINT");
    strictEqual((await inject.status).code, 130);
    strictEqual(await new Response(inject.stderr).text(), "");
    await writer.close().catch(() => {});
    deepStrictEqual(await Array.fromAsync(Deno.readDir(`${folder}/books`)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("inject says what it cannot store as pydatatask does", async () => {
  await using programs = new Programs();
  const run = async (args: readonly string[], text: string) => {
    const child = programs.command(FILES, [...args, "/nowhere"], {
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close().catch(() => {}); // it may have ended
    const listener = new Listener(child.stderr);
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      listener.rest(),
    ]);
    return { code: (await child.status).code, stdout, stderr };
  };
  const [yaml, view] = await Promise.all([
    run(["inject", "task.facts", "moby"], "a: 1\nb: [2\n"),
    run(["inject", "task.keys", "moby"], ""),
  ]);
  deepStrictEqual([yaml.code, yaml.stdout], [2, ""]);
  match(yaml.stderr, /line \d+, column \d+: .*\nError: could not parse stdin as yaml\n$/);
  deepStrictEqual(view, {
    code: 2,
    stdout: "",
    stderr: "Error: cannot inject data into a repository which is not a blob or metadata\n",
  });
});
