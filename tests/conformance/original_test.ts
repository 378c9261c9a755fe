/**
 * The tests of the original, pydatatask 0.4.7, with their data, as far as they are about stores, functions in the process
 * and the command line; and tables of what it does. Its tests of `RelatedItemRepository`, of a repository of one's own and
 * of `map` are in tests/lib, those of resources as well.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { launch } from "../../lib/cli/launch.ts";
import { deleteData } from "../../lib/cli/rm.ts";
import { run } from "../../lib/cli/run.ts";
import { printStatus } from "../../lib/cli/status.ts";
import { printTrace } from "../../lib/cli/trace.ts";
import type { DoneRecord } from "../../lib/done_record.ts";
import type { Link } from "../../lib/link.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import type { Repository } from "../../lib/repository.ts";
import type { PlugOptions } from "../../lib/task.ts";
import { InProcessSyncTask } from "../../executors/in_process_sync_task.ts";
import { DirectoryRepository } from "../../repos/directory_repository.ts";
import { FileRepository } from "../../repos/file_repository.ts";
import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";
import { YamlMetadataFileRepository } from "../../repos/yaml_metadata_repository.ts";
import { inFolder } from "../temporary_folder.ts";
import { captured } from "./stdout.ts";

Deno.test("test_basic.test_metadata: a pipeline of functions, with status and trace", async () => {
  const numbers = Array.from({ length: 100 }, (_, i): [string, number] => [`${i}`, i]);
  const repo0 = new InProcessMetadataRepository(new Map(numbers));
  const repo1 = new InProcessBlobRepository();
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("repo0", repo0, { isInput: true })
    .link("repo1", repo1, { isOutput: true })
    .func(async ({ job, repo0, repo1 }) => {
      const length = (await repo0.info(job))!;
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      await repo1.writeText(job, bytes.toHex().slice(0, length));
    });
  const pipeline = new Pipeline([task]);
  await run(pipeline, { forever: false, launchOnce: false });
  strictEqual(repo1.data.size, 100);
  for (const [job, length] of numbers) strictEqual((await repo1.readBytes(job)).length, length);
  await repo1.delete("0");
  strictEqual((await Array.fromAsync(repo1)).length, 99);
  strictEqual(pipeline.isOpen, false);
  strictEqual(
    await captured(() => printStatus(pipeline, { all: false })),
    "task\ntask.repo0 100\ntask.done 100\ntask.repo1 99\n\n",
  );
  strictEqual(
    await captured(() => printTrace(pipeline, { all: false, jobs: ["0", "1", "foo"] })),
    "task\ntask.repo0 0 1\ntask.done 0 1\ntask.repo1 1\n\n",
  );
});

Deno.test("test_filesystem.test_filesystem: files of one extension", () =>
  inFolder(async (folder) => {
    const repo = new FileRepository(folder, ".txt");
    await repo.validate();
    await using file = await repo.open("foo", "w");
    await file.write("hello world");
    await file.close();
    await Deno.writeTextFile(`${folder}/foo.yaml`, "weh");
    strictEqual(await Deno.readTextFile(`${folder}/foo.txt`), "hello world");
    await using reader = await repo.open("foo", "r");
    strictEqual(await reader.read(), "hello world");
    deepStrictEqual(await Array.fromAsync(repo), ["foo"]);
    strictEqual(await repo.info("bar"), `${folder}/bar.txt`);
    await repo.delete("foo");
    await repo.delete("bar");
    deepStrictEqual(await Array.fromAsync(repo), []);
  }));

Deno.test("test_filesystem.test_case_insensitivity: an extension in either case", () =>
  inFolder(async (folder) => {
    const repo = new FileRepository(folder, { extension: ".txt", caseInsensitive: true });
    await Deno.writeTextFile(`${folder}/foo.txt`, "");
    await Deno.writeTextFile(`${folder}/bar.TXT`, "");
    deepStrictEqual(new Set(await Array.fromAsync(repo)), new Set(["foo", "bar"]));
  }));

Deno.test("test_filesystem.test_directory: directories, empty or not", () =>
  inFolder(async (folder) => {
    const repo = new DirectoryRepository(folder, { discardEmpty: false });
    const strict = new DirectoryRepository(folder, { discardEmpty: true });
    await repo.mkdir("foo");
    await repo.mkdir("foo");
    deepStrictEqual(await Array.fromAsync(repo), ["foo"]);
    strictEqual(await repo.contains("foo"), true);
    deepStrictEqual(await Array.fromAsync(strict), []);
    strictEqual(await strict.contains("foo"), false);
    await Deno.writeTextFile(`${folder}/foo/bar`, "");
    deepStrictEqual(await Array.fromAsync(strict), ["foo"]);
    strictEqual(await strict.contains("foo"), true);
    await strict.delete("foo");
    deepStrictEqual(await Array.fromAsync(repo), []);
  }));

Deno.test("test_filesystem.test_yaml: what is written is read", () =>
  inFolder(async (folder) => {
    const repo = new YamlMetadataFileRepository(folder);
    await repo.dump("foo", { weh: 1 });
    deepStrictEqual(await repo.info("foo"), { weh: 1 });
  }));

Deno.test("test_executor.test_executor: two plugged tasks, a launch and a record of what was thrown", async () => {
  const repo0 = new InProcessMetadataRepository(new Map([["foo", "weh"]]));
  const repo1 = new InProcessMetadataRepository<string>();
  const repo2 = new InProcessMetadataRepository<string>();
  const done0 = new InProcessMetadataRepository<DoneRecord>();
  const phase0 = new InProcessSyncTask("phase0", done0)
    .link("repo0", repo0, { isInput: true })
    .link("repo1", repo1, { isOutput: true })
    .func(async ({ job, repo0, repo1 }) => {
      await repo1.dump(job, (await repo0.info(job))!.concat("!"));
    });
  const phase1 = new InProcessSyncTask("phase1", new InProcessMetadataRepository())
    .plug(phase0)
    .link("repo2", repo2, { isOutput: true })
    .func(async ({ job, repo1, repo2 }) => {
      await repo2.dump(job, (await repo1.info(job))!.concat("?"));
    });
  const pipeline = new Pipeline([phase0, phase1]);
  await run(pipeline, { timeout: 120 });
  strictEqual(await repo2.info("foo"), "weh!?");
  await launch(pipeline, "phase0", "bar", { sync: true, meta: true, force: true });
  ok("exception" in (await done0.info("bar"))!);
});

/** The links that a plug makes, with the flags that are set. */
function shapeOf(links: ReadonlyMap<string, Link>): Record<string, string[]> {
  const shape: Record<string, string[]> = {};
  for (const [name, link] of links) {
    shape[name] = Object.entries(link).filter(([, value]) => value === true).map(([flag]) => flag);
  }
  delete shape.done;
  return shape;
}

const PLUGS: [string, PlugOptions<"mid">, Record<string, string[]>][] = [
  ["plainly", {}, {
    one_done: ["requiredForStart"],
    mid: ["isInput", "requiredForStart"],
  }],
  ["without outputs", { outputLinks: [] }, {
    one_done: ["requiredForStart"],
    mid: ["requiredForStart"],
  }],
  ["without meta", { meta: false }, { mid: ["isInput", "requiredForStart"] }],
  ["without outputs and meta", { outputLinks: [], meta: false }, {}],
];

for (const [how, options, expected] of PLUGS) {
  Deno.test(`Task.plug() ${how} makes the links that the original makes`, () => {
    const one = new InProcessSyncTask("one", new InProcessMetadataRepository())
      .link("source", new InProcessMetadataRepository(), { isInput: true })
      .link("mid", new InProcessMetadataRepository(), { isOutput: true });
    const two = new InProcessSyncTask("two", new InProcessMetadataRepository()).plug(one, options);
    deepStrictEqual(shapeOf(two.links), expected);
  });
}

Deno.test("Task.plug() passes on what inhibits the output", () => {
  const busy = new InProcessMetadataRepository();
  const one = new InProcessSyncTask("one", new InProcessMetadataRepository())
    .link("live", busy, { isStatus: true, inhibitsOutput: true });
  const two = new InProcessSyncTask("two", new InProcessMetadataRepository()).plug(one);
  deepStrictEqual(shapeOf(two.links), {
    one_done: ["requiredForStart"],
    one_live: ["inhibitsStart"],
  });
  strictEqual(two.links.get("one_live")!.repo, busy);
});

/** The sample: `a` is read, `o` is written, `d` takes the records. */
function sample(): { t: InProcessSyncTask; a: Repository; o: Repository; d: Repository } {
  const a = new InProcessMetadataRepository(new Map([["1", 1], ["2", 2]]));
  const o = new InProcessMetadataRepository(new Map([["1", 1]]));
  const d = new InProcessMetadataRepository(new Map<string, unknown>([["1", {}]]));
  const t = new InProcessSyncTask("t", d)
    .link("a", a, { isInput: true })
    .link("o", o, { isOutput: true })
    .func(() => {});
  return { t, a, o, d };
}

Deno.test("Pipeline.graph() has the original's edges", () => {
  const { t, a, o, d } = sample();
  const names = new Map<unknown, string>([[t, "t"], [a, "a"], [o, "o"], [d, "d"]]);
  const edges = new Pipeline([t]).graph().edges.map(({ from, to }) =>
    `${names.get(from)}-${names.get(to)}`
  );
  deepStrictEqual(edges.sort(), ["a-t", "d-t", "t-d", "t-o"]);
});

Deno.test("Pipeline.dependants() gives what the original gives", () => {
  const { t, a, o, d } = sample();
  const pipeline = new Pipeline([t]);
  deepStrictEqual(pipeline.dependants(t, false), [t, d, o]);
  deepStrictEqual(pipeline.dependants(a, true), [a, t, d, o]);
  deepStrictEqual(pipeline.dependants(o, true), [o]);
});

const DELETIONS: [data: string, recursive: boolean, left: Record<string, string[]>][] = [
  ["t", false, { a: ["1", "2"], o: [], d: [] }],
  ["t.a", false, { a: [], o: ["1"], d: ["1"] }],
  ["t.o", false, { a: ["1", "2"], o: [], d: ["1"] }],
  ["t.done", false, { a: ["1", "2"], o: ["1"], d: [] }],
  ["t.a", true, { a: [], o: [], d: [] }],
  ["t", true, { a: ["1", "2"], o: [], d: [] }],
  ["t.o", true, { a: ["1", "2"], o: [], d: ["1"] }],
];

for (const [data, recursive, left] of DELETIONS) {
  const command = `rm ${recursive ? "-r " : ""}${data} __all__`;
  Deno.test(`${command} deletes what the original deletes`, async () => {
    const { t, ...repos } = sample();
    const pipeline = new Pipeline([t]);
    await captured(() => deleteData(pipeline, data, ["__all__"], { recursive }));
    for (const [name, repo] of Object.entries(repos)) {
      deepStrictEqual(await Array.fromAsync(repo), left[name], name);
    }
  });
}

const ORDERS: [string, ((job: string) => number) | undefined, string][] = [
  // The original: b:2 b:10 b:1 a:2 a:10 a:1, which is by task and job, both descending as text.
  ["by task and by natural order of jobs", undefined, "a:1 a:2 a:10 b:1 b:2 b:10"],
  ["by priority first, as the original", (job) => -job.length, "a:1 a:2 b:1 b:2 a:10 b:10"],
];

for (const [how, priority, expected] of ORDERS) {
  Deno.test(`Pipeline.update() starts jobs ${how}`, async () => {
    const jobs = new InProcessMetadataRepository(new Map([["10", 0], ["2", 0], ["1", 0]]));
    const started: string[] = [];
    const tasks = ["a", "b"].map((name) =>
      new InProcessSyncTask(name, new InProcessMetadataRepository())
        .link("jobs", jobs, { isInput: true })
        .func(({ job }) => void started.push(`${name}:${job}`))
    );
    await using pipeline = new Pipeline(tasks, undefined, {
      ...priority !== undefined && { priority: (_, job) => priority(job) },
    });
    await pipeline.open();
    await pipeline.update();
    strictEqual(started.join(" "), expected);
  });
}
