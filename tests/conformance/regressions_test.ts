/**
 * The bugs of the original, pydatatask 0.4.7, none of which is to come back: where each of them is tested.
 *
 * @module
 */

import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { injectData } from "../../lib/cli/inject.ts";
import { listData } from "../../lib/cli/ls.ts";
import { deleteData } from "../../lib/cli/rm.ts";
import { run } from "../../lib/cli/run.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import { systemEnv } from "../../lib/env.ts";
import { PipelineError } from "../../lib/errors.ts";
import type { DoneRecord } from "../../lib/done_record.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import { RelatedItemRepository } from "../../lib/related_item_repository.ts";
import type { Repository } from "../../lib/repository.ts";
import type { TaskOptions } from "../../lib/task.ts";
import { InProcessSyncTask } from "../../executors/in_process_sync_task.ts";
import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";
import { YamlMetadataFileRepository } from "../../repos/yaml_metadata_repository.ts";
import { Programs } from "../lib/cli/programs.ts";
import { inFolder } from "../temporary_folder.ts";
import { captured } from "./stdout.ts";

/** A bug, and where it is tested. */
type Regression =
  & { readonly id: string }
  & (
    /** Here. */
    | { readonly name: string; readonly test: () => void | Promise<void> }
    /** In a file of tests that names the bug in the name of a test. */
    | { readonly file: string }
    /** Nowhere. */
    | { readonly moot: string }
  );

const REGRESSIONS: readonly Regression[] = [
  {
    id: "A-01",
    name: "injectData() ends with its source, and the key is there when it has",
    async test() {
      const books = new InProcessBlobRepository();
      const pipeline = new Pipeline([makeTask("read", books)]);
      const source = ReadableStream.from(["Call me ", "Ishmael."]).pipeThrough(
        new TextEncoderStream(),
      );
      await injectData(pipeline, "read.in", "moby", { source });
      strictEqual(await books.readText("moby"), "Call me Ishmael.");
      const broken = ReadableStream.from(failing());
      await rejects(injectData(pipeline, "read.in", "emma", { source: broken }), /torn/);
      strictEqual(await books.contains("emma"), false);
    },
  },
  { id: "A-02", file: "conformance/process_regressions_test.ts" },
  { id: "A-03", file: "lib/resources_test.ts" },
  {
    id: "A-04",
    name: "TextReader.read(n) goes on where it was",
    async test() {
      const books = new InProcessBlobRepository();
      await books.writeText("moby", "hello world");
      await using reader = await books.open("moby", "r");
      const parts: string[] = [];
      for (let part = "?"; part !== "";) parts.push(part = await reader.read(3));
      deepStrictEqual(parts, ["hel", "lo ", "wor", "ld", ""]);
    },
  },
  { id: "A-05", file: "lib/blocking_repository_test.ts" },
  { id: "A-06", file: "repos/in_process_metadata_repository_test.ts" },
  { id: "A-06", file: "repos/in_process_blob_repository_test.ts" },
  { id: "A-07", file: "repos/in_process_blob_repository_test.ts" },
  { id: "A-08", file: "lib/related_item_repository_test.ts" },
  {
    id: "A-08",
    name:
      "a task sees at each look what other programs have changed in a translator, and reads by it",
    test: () =>
      inFolder(async (folder) => {
        const authors = () => new YamlMetadataFileRepository<string>(`${folder}/authors`);
        await authors().validate();
        await authors().dump("emma", "nobody");
        const lives = new InProcessMetadataRepository(new Map([["austen", 1775], ["eliot", 1819]]));
        const related = new RelatedItemRepository(lives, authors());
        const born: (number | undefined)[] = [];
        const done = new InProcessMetadataRepository<DoneRecord>();
        const task = new InProcessSyncTask("see", done)
          .link("in", related, { isInput: true })
          .func(async ({ job }) => void born.push(await related.info(job)));
        await using pipeline = new Pipeline([task]);
        await pipeline.open();
        strictEqual(await pipeline.update(), false);
        for (const author of ["eliot", "austen"]) {
          await authors().dump("emma", author); // as another program would
          await done.delete("emma");
          await run(pipeline);
        }
        deepStrictEqual(born, [1819, 1775]);
      }),
  },
  { id: "A-09", file: "lib/aggregate_repository_test.ts" },
  { id: "A-10", file: "repos/file_repository_test.ts" },
  { id: "A-11", file: "executors/kill_test.ts" },
  { id: "A-12", file: "lib/engine/run_test.ts" },
  { id: "A-13", file: "lib/engine/run_failures_test.ts" },
  { id: "A-14", file: "conformance/process_regressions_test.ts" },
  {
    id: "A-15",
    name: "Pipeline.open() refuses a task without an input, and starts nothing",
    async test() {
      const task = new InProcessSyncTask("idle", new InProcessMetadataRepository())
        .link("out", new InProcessMetadataRepository(), { isOutput: true })
        .func(() => {});
      await rejects(opened(task), (error) => {
        ok(error instanceof PipelineError);
        match(error.message, /"idle" requires nothing/);
        return true;
      });
    },
  },
  {
    id: "A-16",
    name: "Task.link() and Task.plug() refuse a name that is taken",
    test() {
      const first = makeTask("first", new InProcessMetadataRepository())
        .link("out", new InProcessMetadataRepository(), { isOutput: true });
      const second = makeTask("second", new InProcessMetadataRepository())
        .link("out", new InProcessMetadataRepository(), { isOutput: true });
      throws(() => second.plug(first), /"out" is linked already/);
      const name: string = "out";
      throws(() => first.link(name, new InProcessMetadataRepository()), PipelineError);
    },
  },
  {
    id: "A-16",
    name: "tasks that share a repository need no plug: one waits for the other, link by link",
    async test() {
      const [source, mid] = [keysIn("1"), new InProcessMetadataRepository<number>()];
      await mid.dump("1", 0); // put there by hand, and to be written over
      const seen: unknown[] = [];
      const second = makeTask("second", mid, async () => void seen.push(await mid.info("1")));
      const first = makeTask("first", source, () => mid.dump("1", 1))
        .link("out", mid, { isOutput: true });
      await run(new Pipeline([second, first]));
      deepStrictEqual(seen, [1]);
    },
  },
  {
    id: "A-17",
    name: "Pipeline.open() refuses two tasks of one name",
    async test() {
      const tasks = [makeTask("twin", keysIn()), makeTask("twin", keysIn())];
      await rejects(opened(...tasks), /two tasks are called "twin"/);
    },
  },
  { id: "A-18", file: "lib/engine/run_test.ts" },
  { id: "A-19", file: "conformance/executor_regressions_test.ts" },
  { id: "A-20", file: "executors/kube_api_test.ts" },
  { id: "A-21", file: "executors/pod_manifest_test.ts" },
  { id: "A-22", file: "executors/pod_names_test.ts" },
  { id: "A-22", file: "executors/kube_api_test.ts" },
  { id: "A-23", file: "executors/process_task_test.ts" },
  { id: "A-24", file: "executors/process_task_test.ts" },
  { id: "A-25", file: "executors/process_task_test.ts" },
  { id: "A-25", file: "lib/cli/rm_test.ts" },
  { id: "A-25", file: "conformance/process_regressions_test.ts" },
  {
    id: "A-25",
    name:
      "deleteData() of a task, recursively, follows translated keys, and spares what is only read",
    async test() {
      const lives = keysIn("austen", "melville");
      const authors = new InProcessMetadataRepository(
        new Map([["emma", "austen"], ["moby", "melville"]]),
      );
      const [summaries, shelves] = [keysIn("austen", "melville"), keysIn("emma", "moby")];
      const sum = makeTask("sum", lives).link("out", summaries, { isOutput: true });
      const shelve = makeTask("shelve", new RelatedItemRepository(summaries, authors))
        .link("out", shelves, { isOutput: true });
      const pipeline = new Pipeline([sum, shelve]);
      const text = await captured(() =>
        deleteData(pipeline, "sum", ["austen"], { recursive: true })
      );
      strictEqual(text.split("\n").length, 3);
      deepStrictEqual([...lives.data.keys()], ["austen", "melville"]);
      deepStrictEqual([...authors.data.keys()], ["emma", "moby"]);
      deepStrictEqual([...summaries.data.keys()], ["melville"]);
      deepStrictEqual([...shelves.data.keys()], ["moby"]);
    },
  },
  { id: "A-26", file: "lib/session_test.ts" },
  { id: "A-27", file: "lib/cli/main_test.ts" },
  { id: "A-28", moot: "Python 3.8" },
  { id: "A-29", file: "readme_test.ts" },
  { id: "A-29", file: "examples/books_test.ts" },
  { id: "A-30", file: "repos/s3_faults_test.ts" },
  { id: "A-31", file: "repos/s3_stream_test.ts" },
  { id: "A-31", file: "repos/s3_bucket_repository_test.ts" },
  { id: "A-32", file: "repos/mongo_metadata_repository_test.ts" },
  { id: "A-33", file: "repos/directory_repository_test.ts" },
  { id: "A-34", file: "repos/file_repository_test.ts" },
  { id: "A-35", file: "repos/file_repository_test.ts" },
  { id: "A-36", file: "lib/aggregate_repository_test.ts" },
  { id: "A-36", file: "lib/blocking_repository_test.ts" },
  { id: "A-36", file: "lib/map_repository_test.ts" },
  { id: "A-36", file: "lib/related_item_repository_test.ts" },
  { id: "A-37", file: "lib/aggregate_repository_test.ts" },
  { id: "A-37", file: "lib/blocking_repository_test.ts" },
  { id: "A-37", file: "lib/map_repository_test.ts" },
  { id: "A-37", file: "lib/related_item_repository_test.ts" },
  { id: "A-38", file: "repos/file_repository_test.ts" },
  { id: "A-38", file: "lib/related_item_repository_test.ts" },
  { id: "A-39", moot: "mistakes in its documentation" },
  { id: "A-40", file: "executors/kube_function_task_test.ts" },
  { id: "A-41", file: "executors/process_task_test.ts" },
  { id: "A-42", file: "conformance/executor_regressions_test.ts" },
  { id: "A-43", file: "repos/in_process_metadata_repository_test.ts" },
  { id: "A-43", file: "repos/in_process_blob_repository_test.ts" },
  { id: "A-44", file: "lib/engine/engine_test.ts" },
  { id: "A-45", file: "lib/engine/engine_test.ts" },
  { id: "A-46", file: "executors/process_task_test.ts" },
  {
    id: "A-47",
    name: "listData() takes names with hyphens, and a difference between spaces",
    async test() {
      const pipeline = new Pipeline([
        makeTask("my-task", keysIn("1", "2")),
        makeTask("other", keysIn("2", "3")),
      ]);
      const list = (expression: string): Promise<string> =>
        captured(() => listData(pipeline, expression));
      strictEqual(await list("my-task.in"), "1\n2\n");
      strictEqual(await list("my-task.in - other.in"), "1\n");
      strictEqual(await list("my-task.in & other.in | my-task.done"), "2\n");
    },
  },
  { id: "A-48", file: "lib/related_item_repository_test.ts" },
  { id: "A-49", file: "repos/file_repository_test.ts" },
  {
    id: "A-50",
    name: "run() waits for nothing: a job starts when the one before it has ended",
    async test() {
      const timers: number[] = [];
      const env = {
        ...systemEnv,
        schedule(callback: () => void, delay: number): Disposable {
          timers.push(delay);
          return systemEnv.schedule(callback, delay);
        },
      };
      let input = keysIn("1");
      const tasks = Array.from({ length: 10 }, (_, stage) => {
        const [from, to] = [input, input = keysIn()];
        return makeTask(`stage${stage}`, from, ({ job }) => to.dump(job, stage))
          .link("out", to, { isOutput: true });
      });
      const { succeeded } = await run(new Pipeline(tasks, undefined, { env }));
      strictEqual(succeeded, 10);
      ok(timers.every((delay) => delay === 0), `${timers}`);
    },
  },
  { id: "A-50", file: "conformance/process_regressions_test.ts" },
  {
    id: "A-51",
    name: "run() does the jobs that people have: versions, UUIDs, hashes, names of files",
    async test() {
      const jobs = ["v1.0", crypto.randomUUID(), "0f".repeat(32), "my_file-2.tar.gz"];
      const seen: string[] = [];
      await run(new Pipeline([makeTask("see", keysIn(...jobs), ({ job }) => void seen.push(job))]));
      deepStrictEqual(seen.sort(), jobs.sort());
    },
  },
  { id: "A-52", file: "repos/in_process_metadata_repository_test.ts" },
  { id: "A-53", file: "executors/pod_requests_test.ts" },
  { id: "A-53", file: "executors/kube_api_test.ts" },
  {
    id: "A-54",
    name: "shell() opens the pipeline",
    async test() {
      await using programs = new Programs();
      const program = `await main(new Pipeline([makeTask("see", new FakeMetadata("keys"))]));`;
      const shell = programs.command(program, ["shell"], { stdin: "piped", stdout: "piped" })
        .spawn();
      const writer = shell.stdin.getWriter();
      await writer.write(new TextEncoder().encode("pipeline.isOpen\n"));
      await writer.close();
      const { stdout, code } = await shell.output();
      deepStrictEqual([new TextDecoder().decode(stdout), code], ["true\n", 0]);
    },
  },
  {
    id: "A-55",
    name: "InProcessSyncTask takes the option disabled",
    async test() {
      const seen: string[] = [];
      const task = makeTask("see", keysIn("1"), ({ job }) => void seen.push(job), {
        disabled: true,
      });
      const { left } = await run(new Pipeline([task]));
      deepStrictEqual([seen, left], [[], []]);
      task.disabled = false;
      await run(new Pipeline([task]));
      deepStrictEqual(seen, ["1"]);
    },
  },
  { id: "S-01", file: "repos/file_repository_test.ts" },
  { id: "S-02", file: "executors/process_task_test.ts" },
  { id: "S-03", file: "executors/sh_test.ts" },
  { id: "S-03", file: "executors/template_test.ts" },
  {
    id: "S-04",
    name: "listData() runs nothing of what it is given",
    async test() {
      const pipeline = new Pipeline([makeTask("see", keysIn("1"))]);
      for (const text of ["__import__('os')", "see.in.constructor", "see['in']", "Deno.exit()"]) {
        await rejects(listData(pipeline, text), UsageError);
      }
    },
  },
  { id: "S-05", file: "executors/recovery_test.ts" },
];

/** The bugs that are listed: all of the original, and those of its security that are about what is built. */
const IDS: readonly string[] = [
  ...Array.from({ length: 55 }, (_, i) => `A-${String(i + 1).padStart(2, "0")}`),
  "S-01",
  "S-02",
  "S-03",
  "S-04",
  "S-05",
];

Deno.test("every bug of the original is tested, or said to be none of ours", () => {
  deepStrictEqual([...new Set(REGRESSIONS.map(({ id }) => id))], IDS);
});

Deno.test("the tests of the original's bugs are where they are said to be", async () => {
  const lacking: string[] = [];
  for (const regression of REGRESSIONS) {
    if (!("file" in regression)) continue;
    const { id, file } = regression;
    const code = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
    if (!new RegExp(`(?:test\\(|name:)\\s*["\`]${id}: `).test(code)) {
      lacking.push(`${id} in ${file}`);
    }
  }
  deepStrictEqual(lacking, []);
});

for (const regression of REGRESSIONS) {
  if ("test" in regression) Deno.test(`${regression.id}: ${regression.name}`, regression.test);
}

function makeTask(
  name: string,
  input: Repository,
  func: (args: { job: string }) => unknown = () => {},
  options: TaskOptions = {},
) {
  return new InProcessSyncTask(name, new InProcessMetadataRepository(), options)
    .link("in", input, { isInput: true })
    .func(func);
}

function keysIn(...jobs: string[]): InProcessMetadataRepository<number> {
  return new InProcessMetadataRepository(new Map(jobs.map((job) => [job, 0])));
}

async function opened(...tasks: InProcessSyncTask[]): Promise<void> {
  await using pipeline = new Pipeline(tasks);
  await pipeline.open();
}

async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
  yield new Uint8Array([69]);
  await Promise.resolve();
  throw new Error("torn");
}
