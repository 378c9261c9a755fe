import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { catData } from "../../../lib/cli/cat.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { JobIdError, NotFoundError } from "../../../lib/errors.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import { InProcessBlobRepository } from "../../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../../repos/in_process_metadata_repository.ts";
import { Captured } from "./captured.ts";
import { Programs } from "./programs.ts";

function make() {
  const texts = new InProcessBlobRepository();
  const facts = new InProcessMetadataRepository<unknown>();
  const bookOf = new InProcessMetadataRepository(new Map([["ch1", "moby"]]));
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("texts", texts, { isInput: true })
    .link("facts", facts, { isOutput: true })
    .link("keys", facts.map((fact) => fact))
    .link("book", new RelatedItemRepository(texts, bookOf))
    .func(() => {});
  return { pipeline: new Pipeline([task]), texts, facts };
}

Deno.test("catData() writes bytes as they are, and data as YAML", async () => {
  const { pipeline, texts, facts } = make();
  await texts.writeText("moby", "Call me Ishmael.");
  await facts.dump("moby", { pages: 635, tags: ["whale", "sea"] });
  await facts.dump("none", null);
  using captured = new Captured();
  await catData(pipeline, "task.texts", "moby");
  strictEqual(captured.take(), "Call me Ishmael.");
  await catData(pipeline, "task.book", "ch1");
  strictEqual(captured.take(), "Call me Ishmael.");
  await catData(pipeline, "task.facts", "moby");
  strictEqual(captured.take(), "pages: 635\ntags:\n  - whale\n  - sea\n");
  await catData(pipeline, "task.facts", "none");
  strictEqual(captured.take(), "null\n");
  strictEqual(pipeline.isOpen, false);
});

Deno.test("catData() says that a key is missing, and suggests another", async () => {
  const { pipeline, texts, facts } = make();
  await texts.writeText("moby", "");
  await facts.dump("emma", 1);
  using captured = new Captured();
  for (const [link, job, guess] of [["texts", "mobi", "moby"], ["facts", "ema", "emma"]] as const) {
    await rejects(catData(pipeline, `task.${link}`, job), (error) => {
      ok(error instanceof NotFoundError);
      ok(error.message.endsWith(`it holds no such key; did you mean "${guess}"?`), error.message);
      return true;
    });
  }
  strictEqual(captured.text, "");
});

Deno.test("S-01: catData() refuses what is no job id", async () => {
  const { pipeline } = make();
  for (const id of ["../moby", "/etc/passwd", "", "..", "a/b"]) {
    await rejects(catData(pipeline, "task.texts", id), JobIdError);
    await rejects(catData(pipeline, "task.facts", id), JobIdError);
  }
});

Deno.test("cat ends with a code, and says what it cannot show as pydatatask does", async () => {
  await using programs = new Programs();
  const program = `
    const facts = new InProcessMetadataRepository(new Map([["moby", { pages: 635 }]]));
    const task = makeTask("task", facts).link("keys", facts.map((fact) => fact));
    await main(new Pipeline([task]));
  `;
  const [shown, view, missing, path] = await Promise.all([
    programs.run(program, ["cat", "task.in", "moby"]),
    programs.run(program, ["cat", "task.keys", "moby"]),
    programs.run(program, ["cat", "task.in", "mob"]),
    programs.run(program, ["cat", "task.in", "../moby"]),
  ]);
  deepStrictEqual(shown, { code: 0, stdout: "pages: 635\n", stderr: "" });
  deepStrictEqual(view, {
    code: 2,
    stdout: "",
    stderr: "Error: cannot cat a repository which is not a blob or metadata\n",
  });
  deepStrictEqual([missing.code, missing.stdout], [2, ""]);
  ok(missing.stderr.endsWith('; did you mean "moby"?\n'), missing.stderr);
  deepStrictEqual([path.code, path.stdout], [2, ""]);
});

Deno.test("catData() writes data as JSON, if that is asked for, and refuses bytes then", async () => {
  const { pipeline, texts, facts } = make();
  await texts.writeText("moby", "Call me Ishmael.");
  await facts.dump("moby", { pages: 635 });
  using captured = new Captured();
  await catData(pipeline, "task.facts", "moby", { json: true });
  deepStrictEqual(JSON.parse(captured.take()), { pages: 635 });
  await rejects(catData(pipeline, "task.texts", "moby", { json: true }), UsageError);
});
