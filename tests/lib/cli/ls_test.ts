import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { listData } from "../../../lib/cli/ls.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { StoreError } from "../../../lib/errors.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { InProcessMetadataRepository } from "../../../repos/in_process_metadata_repository.ts";
import { FakeMetadata } from "../fake_stores.ts";
import { Captured } from "./captured.ts";
import { Programs } from "./programs.ts";

function keys(...jobs: string[]): Map<string, number> {
  return new Map(jobs.map((job) => [job, 1]));
}

function make() {
  const numbers = new FakeMetadata("numbers", keys("10", "2", "b", "a"));
  const out = new FakeMetadata("out", keys("2", "b", "x"));
  const done = new InProcessMetadataRepository();
  const task = new InProcessSyncTask("my-task", done)
    .link("in", numbers, { isInput: true })
    .link("few", numbers.map((n) => n, { filter: (job) => job !== "10" }))
    .link("out", out, { isOutput: true })
    .func(() => {});
  return { pipeline: new Pipeline([task]), numbers, out };
}

Deno.test("listData() writes the keys of a link, sorted as text", async () => {
  const { pipeline } = make();
  using captured = new Captured();
  await listData(pipeline, "my-task.in");
  strictEqual(captured.take(), "10\n2\na\nb\n");
  await listData(pipeline, "my-task.done");
  strictEqual(captured.take(), "");
  strictEqual(pipeline.isOpen, false);
});

Deno.test("listData() combines sets, views as well", async () => {
  const { pipeline } = make();
  using captured = new Captured();
  for (
    const [expression, keys] of [
      ["my-task.in & my-task.out", "2 b"],
      ["my-task.in - my-task.out", "10 a"],
      ["my-task.in | my-task.out", "10 2 a b x"],
      ["my-task.in ^ my-task.out", "10 a x"],
      ["my-task.few - (my-task.out | my-task.done)", "a"],
    ] as const
  ) {
    await listData(pipeline, expression);
    deepStrictEqual(captured.take().split("\n"), [...keys.split(" "), ""], expression);
  }
});

Deno.test("listData() writes JSON", async () => {
  const { pipeline } = make();
  using captured = new Captured();
  await listData(pipeline, "my-task.in", { json: true });
  deepStrictEqual(JSON.parse(captured.take()), ["10", "2", "a", "b"]);
});

Deno.test("listData() lists only what is named, each once, and also if the pipeline is open", async () => {
  const { pipeline, numbers, out } = make();
  await using _ = pipeline;
  await pipeline.open();
  using captured = new Captured();
  await listData(pipeline, "my-task.in & my-task.in & my-task.few");
  strictEqual(captured.take(), "2\na\nb\n");
  deepStrictEqual(numbers.calls.filter((call) => call === "list"), ["list"]);
  deepStrictEqual(out.calls.filter((call) => call === "list"), []);
  strictEqual(pipeline.isOpen, true);
});

Deno.test("listData() writes nothing if a repository cannot be listed", async () => {
  const { pipeline, out } = make();
  out.failing.add("list");
  using captured = new Captured();
  await rejects(listData(pipeline, "my-task.in | my-task.out"), StoreError);
  strictEqual(captured.text, "");
  await listData(pipeline, "my-task.few");
  strictEqual(captured.text, "2\na\nb\n");
});

Deno.test("listData() writes nothing if a view cannot tell of one key", async () => {
  const numbers = new InProcessMetadataRepository(keys("1", "2"));
  const broken = numbers.map((n) => n, {
    filter(job) {
      if (job === "2") throw new StoreError("the filter is out of reach");
      return true;
    },
  });
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("in", numbers, { isInput: true })
    .link("broken", broken)
    .func(() => {});
  using captured = new Captured();
  await rejects(listData(new Pipeline([task]), "task.broken"), /the filter is out of reach/);
  strictEqual(captured.text, "");
});

Deno.test("listData() suggests names, and shows the place", async () => {
  const { pipeline } = make();
  await rejects(listData(pipeline, "my-task.in & my-tsk.out"), (error) => {
    ok(error instanceof UsageError);
    strictEqual(
      error.message,
      'There is no task "my-tsk"; did you mean "my-task"?\n' +
        "  my-task.in & my-tsk.out\n" +
        "               ^",
    );
    return true;
  });
  await rejects(listData(pipeline, "my-task"), /write TASK\.LINK, one of .*my-task\.in/);
  await rejects(listData(pipeline, "my-task.on"), /did you mean "in"\?\n {2}my-task.on\n {2}\^$/);
});

Deno.test("listData() writes many keys at a time", async () => {
  const many = Array.from({ length: 100_000 }, (_, i) => String(i));
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("in", new InProcessMetadataRepository(keys(...many)), { isInput: true })
    .func(() => {});
  using captured = new Captured();
  await listData(new Pipeline([task]), "task.in");
  deepStrictEqual(captured.text.split("\n"), [...many.sort(), ""]);
  ok(captured.writes <= 10, `${captured.writes} writes for ${captured.text.length} bytes`);
});

Deno.test("ls joins its words, and ends with a code", async () => {
  await using programs = new Programs();
  const program = `
    const out = new FakeMetadata("out", keys("2"));
    out.failing.add("list");
    const task = makeTask("task", new FakeMetadata("numbers", keys("1", "2")), { output: out });
    await main(new Pipeline([task]));
  `;
  const [shown, unknown, unreachable] = await Promise.all([
    programs.run(program, ["ls", "task.in", "-", "task.done"]),
    programs.run(program, ["ls", "task.inn"]),
    programs.run(program, ["ls", "task.in | task.out"]),
  ]);
  deepStrictEqual(shown, { code: 0, stdout: "1\n2\n", stderr: "" });
  strictEqual(unknown.code, 2);
  strictEqual(unknown.stdout, "");
  strictEqual(unreachable.code, 4);
  deepStrictEqual([unreachable.stdout, unreachable.stderr], ["", "error: out is out of reach\n"]);
});
