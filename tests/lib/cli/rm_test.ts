import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { AggregateAndRepository } from "../../../lib/aggregate_repository.ts";
import { BlockingRepository } from "../../../lib/blocking_repository.ts";
import { deleteData } from "../../../lib/cli/rm.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { JobIdError, StoreError } from "../../../lib/errors.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import type { Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { FakeMetadata } from "../fake_stores.ts";
import { Captured } from "./captured.ts";
import { Programs } from "./programs.ts";

function store(name: string, ...jobs: string[]): FakeMetadata<unknown> {
  return new FakeMetadata<unknown>(name, jobs.map((job) => [job, 1]));
}

function makeTask(name: string, links: Readonly<Record<"input" | "output", Repository>>): Task {
  return new InProcessSyncTask(name, store(`${name}-done`, "1", "2", "3"))
    .link("in", links.input, { isInput: true })
    .link("out", links.output, { isOutput: true })
    .func(() => {});
}

/** Two tasks, one behind the other, that are done with all jobs; also one that only watches. */
function chain() {
  const input = store("input", "1", "2", "3");
  const middle = store("middle", "1", "2", "3");
  const output = store("output", "1", "2", "3");
  const notes = store("notes", "1", "2", "3");
  const a = makeTask("a", { input, output: middle }).link("notes", notes);
  const b = makeTask("b", { input: middle, output });
  return { pipeline: new Pipeline([a, b]), input, middle, output, notes };
}

/** What is deleted, as it is written. */
async function deleted(
  pipeline: Pipeline,
  data: string,
  jobs: string[],
  recursive = false,
): Promise<string[]> {
  using captured = new Captured();
  await deleteData(pipeline, data, jobs, { recursive });
  return captured.text.split("\n").slice(0, -1).sort();
}

Deno.test("deleteData() of a link deletes there, and nowhere else", async () => {
  const { pipeline, input, middle } = chain();
  deepStrictEqual(await deleted(pipeline, "a.out", ["3", "1", "9"]), ["1 middle", "3 middle"]);
  deepStrictEqual([...middle.data.keys()], ["2"]);
  deepStrictEqual(await deleted(pipeline, "a.in", ["1"]), ["1 input"]);
  deepStrictEqual([...input.data.keys()], ["2", "3"]);
  strictEqual(pipeline.isOpen, false);
});

Deno.test("deleteData() of a task deletes its outputs and its account, not what it reads", async () => {
  const { pipeline, input, notes } = chain();
  deepStrictEqual(await deleted(pipeline, "a", ["1"]), ["1 a-done", "1 middle"]);
  deepStrictEqual([input.data.size, notes.data.size], [3, 3]);
});

Deno.test("deleteData() deletes all keys for __all__", async () => {
  const { pipeline, middle } = chain();
  deepStrictEqual(await deleted(pipeline, "a.out", ["__all__", "x"]), [
    "1 middle",
    "2 middle",
    "3 middle",
  ]);
  strictEqual(middle.data.size, 0);
  deepStrictEqual(await deleted(pipeline, "a.out", ["__all__"]), []);
});

Deno.test("A-25: deleteData() of a task with what was made from it spares what the task reads", async () => {
  const { pipeline, input, notes } = chain();
  deepStrictEqual(await deleted(pipeline, "a", ["1"], true), [
    "1 a-done",
    "1 b-done",
    "1 middle",
    "1 output",
  ]);
  deepStrictEqual([input.data.size, notes.data.size], [3, 3]);
  deepStrictEqual(await deleted(pipeline, "a.in", ["2"], true), [
    "2 a-done",
    "2 b-done",
    "2 input",
    "2 middle",
    "2 output",
  ]);
});

Deno.test("A-25: deleteData() spares what the task reads also if another task writes it", async () => {
  const corpus = store("corpus", "1");
  const found = store("found", "1");
  const pipeline = new Pipeline([
    makeTask("fuzz", { input: corpus, output: found }),
    makeTask("merge", { input: found, output: corpus }),
  ]);
  deepStrictEqual(await deleted(pipeline, "fuzz", ["1"], true), [
    "1 found",
    "1 fuzz-done",
    "1 merge-done",
  ]);
  strictEqual(corpus.data.has("1"), true);
});

Deno.test("deleteData() does not delete through views of what was made from it", async () => {
  const { input, middle, output } = chain();
  const sources = store("sources", "1");
  const both = new AggregateAndRepository({ middle, sources });
  const open = new BlockingRepository(input, middle);
  const c = store("c-output", "1");
  const pipeline = new Pipeline([
    makeTask("a", { input: open, output: middle }),
    makeTask("b", { input: middle.map((n) => n, { allowDeletes: true }), output }),
    makeTask("c", { input: both, output: c }),
  ]);
  deepStrictEqual(await deleted(pipeline, "a", ["1"], true), [
    "1 a-done",
    "1 b-done",
    "1 c-done",
    "1 c-output",
    "1 middle",
    "1 output",
  ]);
  deepStrictEqual([input.data.has("1"), sources.data.has("1")], [true, true]);
});

Deno.test("deleteData() follows translated keys", async () => {
  const books = store("books", "moby", "emma", "1");
  const texts = store("texts", "moby", "emma", "1");
  const bookOf = new FakeMetadata<string>("book-of", [["1", "moby"], ["2", "emma"], ["3", "moby"]]);
  const chapters = store("chapters", "1", "2", "3");
  const counts = store("counts", "1", "2", "3");
  const count = new InProcessSyncTask("count", store("count-done", "1", "2", "3"))
    .link("in", chapters, { isInput: true })
    .link("text", new RelatedItemRepository(texts, bookOf), { isInput: true })
    .link("out", counts, { isOutput: true })
    .func(() => {});
  const read = makeTask("read", { input: books, output: texts });
  const pipeline = new Pipeline([read, count]);
  deepStrictEqual(await deleted(pipeline, "read", ["moby"], true), [
    "1 count-done",
    "1 counts",
    "3 count-done",
    "3 counts",
    "moby texts",
  ]);
  deepStrictEqual([bookOf.data.size, chapters.data.size, books.data.size], [3, 3, 3]);
  // "1" is a book as well as a chapter; only the chapters of this book are meant.
  deepStrictEqual(await deleted(pipeline, "read", ["1"], true), ["1 read-done", "1 texts"]);
});

Deno.test("deleteData() follows the keys that a task writes through a translation", async () => {
  const bookOf = new FakeMetadata<string>("book-of", [["1", "moby"]]);
  const covers = store("covers", "moby", "1");
  const shops = store("shops", "moby", "1");
  const draw = makeTask("draw", {
    input: store("chapters", "1"),
    output: new RelatedItemRepository(covers, bookOf, { allowDeletes: true }),
  });
  const sell = new InProcessSyncTask("sell", store("sell-done", "moby", "1"))
    .link("in", covers, { isInput: true })
    .link("out", shops, { isOutput: true })
    .func(() => {});
  deepStrictEqual(await deleted(new Pipeline([draw, sell]), "draw", ["1"], true), [
    "1 <RelatedItemRepository of covers by book-of>",
    "1 draw-done",
    "moby sell-done",
    "moby shops",
  ]);
  deepStrictEqual([[...covers.data.keys()], bookOf.data.size], [["1"], 1]);
});

Deno.test("deleteData() writes nothing for keys that a view keeps, and warns", async () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  const middle = store("middle", "1", "2");
  const view = middle.map((n) => n);
  const pipeline = new Pipeline([makeTask("a", { input: store("input"), output: view })]);
  deepStrictEqual(await deleted(pipeline, "a.out", ["1", "2"]), []);
  deepStrictEqual(await deleted(pipeline, "a", ["__all__"]), ["1 a-done", "2 a-done", "3 a-done"]);
  deepStrictEqual(warnings, Array(2).fill(`${view} still holds 2 keys: it does not delete`));
  strictEqual(middle.data.size, 2);
});

Deno.test("deleteData() goes on behind a repository that fails, and tells of all that do", async () => {
  const { pipeline, middle, output } = chain();
  middle.failing.add("delete");
  using captured = new Captured();
  await rejects(
    deleteData(pipeline, "a", ["1"], { recursive: true }),
    (error) => error instanceof StoreError && error.message === "middle is out of reach",
  );
  deepStrictEqual(captured.take().split("\n").sort(), ["", "1 a-done", "1 b-done", "1 output"]);
  output.failing.add("contains");
  await rejects(
    deleteData(pipeline, "a", ["2"], { recursive: true }),
    (error) => {
      match(
        String(error),
        /^StoreError: Cannot delete from 2 repositories: .*middle is out of reach; .*output is out/,
      );
      return error instanceof StoreError && error.cause instanceof AggregateError;
    },
  );
  deepStrictEqual(captured.take().split("\n").sort(), ["", "2 a-done", "2 b-done"]);
});

Deno.test("deleteData() refuses if none of the jobs is anywhere, and suggests one", async () => {
  const { pipeline } = chain();
  await rejects(deleteData(pipeline, "a.out", ["11"]), (error) => {
    return error instanceof UsageError &&
      error.message === 'There is no "11" to delete from a.out; did you mean "1"?';
  });
  await rejects(deleteData(pipeline, "a", ["x", "y"], { recursive: true }), /none of these jobs/);
  await rejects(deleteData(pipeline, "a", []), UsageError);
  await rejects(deleteData(pipeline, "c", ["1"]), /There is no task "c"/);
  await rejects(deleteData(pipeline, "a.outt", ["1"]), /did you mean "out"/);
});

Deno.test("S-01: deleteData() refuses what is no job id before it deletes anything", async () => {
  const { pipeline, middle } = chain();
  for (const id of ["../1", "/etc/passwd", "", ".", "a/b", "1\n"]) {
    for (const recursive of [false, true]) {
      await rejects(deleteData(pipeline, "a", ["1", id], { recursive }), JobIdError);
      await rejects(deleteData(pipeline, "a.out", ["1", id], { recursive }), JobIdError);
    }
  }
  strictEqual(middle.data.size, 3);
});

Deno.test("rm ends with a code", async () => {
  await using programs = new Programs();
  const program = `
    const out = new FakeMetadata("out", keys("1"));
    const broken = new FakeMetadata("broken", keys("1"));
    broken.failing.add("delete");
    const a = makeTask("a", new FakeMetadata("numbers", keys("1", "2")), { output: out });
    const b = makeTask("b", out, { output: broken });
    await main(new Pipeline([a, b]));
  `;
  const [one, all, missing, path] = await Promise.all([
    programs.run(program, ["rm", "a", "1"]),
    programs.run(program, ["rm", "-r", "a.in", "1"]),
    programs.run(program, ["rm", "a", "7"]),
    programs.run(program, ["rm", "a", "../1"]),
  ]);
  deepStrictEqual(one, { code: 0, stdout: "1 out\n", stderr: "" });
  strictEqual(all.code, 4);
  deepStrictEqual(all.stdout, "1 numbers\n1 out\n");
  strictEqual(all.stderr, "error: broken is out of reach\n");
  deepStrictEqual([missing.code, missing.stdout], [2, ""]);
  deepStrictEqual([path.code, path.stdout], [2, ""]);
});

Deno.test("rm goes on when nobody reads any more what it deletes", async () => {
  await using programs = new Programs();
  const command = programs.command(
    `const many = new FakeMetadata("many", keys(...Array.from({ length: 20_000 }, (_, i) => "key" + i)));
    await main(new Pipeline([makeTask("task", new FakeMetadata("in"), { output: many })]));
    console.error("left", many.data.size);`,
    ["rm", "task.out", "__all__"],
    { stdout: "piped", stderr: "piped" },
  );
  const child = command.spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  strictEqual((await child.status).code, 0);
  strictEqual(stderr, "left 0\n");
});
