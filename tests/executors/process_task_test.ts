import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  BlobRepository,
  FileRepository,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  JobIdError,
  Pipeline,
  PipelineError,
  ResourceManager,
  Resources,
  run,
  StoreError,
} from "../../mod.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { ProcessTask, STDOUT } from "../../executors/process_task.ts";
import type { ProcessInfo } from "../../executors/running_processes.ts";
import { sh } from "../../executors/sh.ts";
import { fixture, isRunning, runScript, temporaryFolder, until } from "./processes.ts";

Deno.test("ProcessTask does what pydatatask's test of local processes asks: 50 jobs within a quota", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const input = new FileRepository(`${folder.path}/input`);
  const stdout = new InProcessBlobRepository();
  const done = new InProcessMetadataRepository<{ return_code?: number }>();
  const pids = new InProcessMetadataRepository<ProcessInfo | undefined>();
  await input.validate();
  const jobs = Array.from({ length: 50 }, (_, i) => String(i));
  for (const job of jobs) await input.writeText(job, job);
  const task = new ProcessTask("task", done, {
    manager,
    pids,
    stdout,
    stderr: STDOUT,
    environ: {},
    resources: new ResourceManager(Resources.parse(1, 1, 99999)),
    jobResources: Resources.parse("100m", "100m"),
    template: "#!/bin/sh\necho weh | cat {{input}} -\necho bye >&2\n",
  }).link("input", input, { isInput: true });
  await run(new Pipeline([task]));
  deepStrictEqual(await Array.fromAsync(pids), []);
  deepStrictEqual((await Array.fromAsync(stdout)).sort(), jobs.toSorted());
  for (const job of jobs) {
    strictEqual((await done.info(job))?.return_code, 0);
    strictEqual(await stdout.readText(job), `${job}weh\nbye\n`);
  }
});

Deno.test("ProcessTask keeps code, times and class in the record", async () => {
  const { record: { start_time, end_time, ...record }, report } = await runScript({
    template: "exit 3",
  });
  deepStrictEqual(record, { success: false, return_code: 3, class: "user", attempts: 1 });
  ok(Date.parse(start_time) <= Date.parse(end_time));
  strictEqual(report.failed, 1);
});

Deno.test("ProcessTask feeds standard input, and stores standard output and error apart", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const stdin = new InProcessBlobRepository();
  await stdin.writeText("a", "in\n");
  const [stdout, stderr] = [new InProcessBlobRepository(), new InProcessBlobRepository()];
  const task = new ProcessTask("task", new InProcessMetadataRepository(), {
    manager,
    stdin,
    stdout,
    stderr,
    template: "cat; echo err >&2",
  });
  await run(new Pipeline([task]));
  strictEqual(await stdout.readText("a"), "in\n");
  strictEqual(await stderr.readText("a"), "err\n");
});

Deno.test("ProcessTask stores binary output as it is", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const { task, stdout } = fixture(manager, {
    template: "printf '\\000\\377\\376\\n'; head -c 100000 /dev/zero",
  });
  await run(new Pipeline([task]));
  const bytes = await stdout.readBytes("a");
  strictEqual(bytes.length, 100_004);
  deepStrictEqual([...bytes.subarray(0, 5)], [0, 255, 254, 10, 0]);
});

Deno.test("ProcessTask passes large output on without holding it in memory", async () => {
  const size = Deno.env.get("DATATASK_SWEEP") === "1" ? 2 ** 30 : 2 ** 26;
  let [stored, chunks] = [0, 0];
  class Sink extends BlobRepository {
    override async *unfilteredIter() {}
    override info(): Promise<undefined> {
      return Promise.resolve(undefined);
    }
    override delete(): Promise<void> {
      return Promise.resolve();
    }
    override readable(): Promise<ReadableStream<Uint8Array>> {
      return Promise.reject(new StoreError("nothing is kept"));
    }
    override writable(): Promise<WritableStream<Uint8Array>> {
      return Promise.resolve(
        new WritableStream({
          write(chunk) {
            stored += chunk.length;
            chunks++;
          },
        }),
      );
    }
  }
  const { record } = await runScript({
    template: `head -c ${size} /dev/zero`,
    stdout: new Sink(),
  });
  ok(record.success);
  strictEqual(stored, size);
  ok(chunks > 100, `${chunks} chunks`);
});

Deno.test("ProcessTask runs a script by the interpreter that its first line names, whatever its size", async () => {
  const bash = await runScript({ template: "#!/bin/bash -e\nx=(1 2); echo ${x[1]} $JOB\n" });
  strictEqual(bash.output, "2 a\n");
  const env = await runScript({
    template: "#!/usr/bin/env bash\necho $BASH_VERSINFO >&2\necho ok",
  });
  strictEqual(env.output, "ok\n");
  const long = await runScript({ template: `: ${"x".repeat(200_000)}\necho long` });
  strictEqual(long.output, "long\n");
});

Deno.test("ProcessTask counts an interpreter that is missing or cannot be executed as class config", async () => {
  const missing = await runScript({ template: "#!/no/such/interpreter\n" });
  strictEqual(missing.record.class, "config");
  match(missing.record.exception!, /its interpreter \/no\/such\/interpreter is missing or cannot/);
  strictEqual(missing.record.return_code, undefined);
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/tool`, "#!/bin/sh\n", { mode: 0o644 });
  const forbidden = await runScript({ template: `#!${folder.path}/tool\n` });
  strictEqual(forbidden.record.class, "config");
  const nameless = await runScript({ template: "#!bash\n" });
  strictEqual(nameless.record.class, "config");
  match(nameless.record.exception!, /names no interpreter/);
});

Deno.test("ProcessTask counts a command that is not found or not executable as class config, and keeps what the shell said", async () => {
  const missing = await runScript({ template: "no-such-command" });
  deepStrictEqual([missing.record.class, missing.record.return_code], ["config", 127]);
  match(missing.record.exception!, /command is not found/);
  match(missing.stderr, /no-such-command: not found/);
  const forbidden = await runScript({ template: "echo 'echo x' > tool; ./tool" });
  deepStrictEqual([forbidden.record.class, forbidden.record.return_code], ["config", 126]);
  match(forbidden.stderr, /Permission denied/);
});

Deno.test("A-46: ProcessTask counts a template that cannot be rendered as class config, and says where", async () => {
  const { record } = await runScript({ template: "echo {{ input }}\n\necho {{ nope.name }}\n" });
  strictEqual(record.class, "config");
  match(record.exception!, /template of task "task": line 3: undefined value at "nope\.name"/);
  const syntax = await runScript({ template: "{% if %}" });
  strictEqual(syntax.record.class, "config");
  match(syntax.record.exception!, /line 1: syntax error/);
  const filter = await runScript({ template: "{{ input|shquote }}" }, { a: { no: "text" } });
  strictEqual(filter.record.class, "config");
  match(filter.record.exception!, /filter shquote: Cannot quote/);
  const missing = await runScript({ template: { file: "/no/such/template" } });
  strictEqual(missing.record.class, "config");
});

Deno.test("A-46: ProcessTask takes a string for text, even if there is a file of that name", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/template`;
  await Deno.writeTextFile(file, "echo from the file of {{ job }}", { mode: 0o700 });
  const text = await runScript({ template: file });
  strictEqual(text.output, "from the file of {{ job }}\n"); // what it does as a command
  const source = await runScript({ template: { file } });
  strictEqual(source.output, "from the file of a\n");
  const url = await runScript({ template: new URL(`file://${file}`) });
  strictEqual(url.output, "from the file of a\n");
});

Deno.test("ProcessTask refuses a template that is a path from the empty folder of a job, and says how to name a file", async () => {
  const input = new InProcessMetadataRepository(new Map([["a", 1]]));
  const done = new InProcessMetadataRepository();
  const task = new ProcessTask("task", done, { template: "./count.sh" })
    .link("input", input, { isInput: true });
  await rejects(
    run(new Pipeline([task])),
    (error) =>
      error instanceof PipelineError &&
      /taken as text.*\{ file: ".\/count.sh" \}/.test(error.message),
  );
});

Deno.test("A-23: a template can use a link twice whose repository says null", async () => {
  const { output } = await runScript({ template: "echo '{{ input }} {{ input }}'" }, { a: null });
  strictEqual(output, "none none\n");
});

Deno.test("ProcessTask templates have tojson, toyaml and shquote", async () => {
  const { output } = await runScript({
    template: "echo {{ input.list|shquote }} {{ input|tojson|shquote }} {{ input|toyaml|shquote }}",
  }, { a: { list: ["a b", "it's"], n: 1 } });
  strictEqual(output, `a b it's {"list":["a b","it's"],"n":1} {list: [a b, it's], 'n': 1}\n`);
});

Deno.test("ProcessTask.func() is given what the links say, and asks only those that it uses", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const stdout = new InProcessBlobRepository();
  const input = new InProcessMetadataRepository(new Map([["a", "it's"], ["b", "$HOME"]]));
  let asked = 0;
  const unused = input.map(() => asked++);
  const task = new ProcessTask("task", new InProcessMetadataRepository(), { manager, stdout })
    .link("input", input, { isInput: true })
    .link("unused", unused)
    .func(({ job, task, input }) => sh`echo ${job} ${task} ${input?.toUpperCase()}`);
  await run(new Pipeline([task]));
  strictEqual(await stdout.readText("a"), "a task IT'S\n");
  strictEqual(await stdout.readText("b"), "b task $HOME\n");
  strictEqual(asked, 0);
});

Deno.test("ProcessTask counts a function that throws as class config", async () => {
  const { record } = await runScript({
    template: () => {
      throw new Error("boo");
    },
  });
  strictEqual(record.class, "config");
  match(record.exception!, /boo/);
});

Deno.test("A-41: ProcessTask adds to the environment, and sets JOB and TASK", async () => {
  const { output } = await runScript({
    template: 'echo "$JOB $TASK $ADDED"; [ -n "$PATH" ] && echo path',
    environ: { ADDED: "it's $HOME\n2" },
  });
  strictEqual(output, "a task it's $HOME\n2\npath\n");
  await using folder = await temporaryFolder();
  const manager = new LocalLinuxManager("app", { localPath: folder.path });
  throws(() => fixture(manager, { environ: { "A B": "" } }), PipelineError);
});

Deno.test("A-14: ProcessTask without a script is refused when its pipeline is opened", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await rejects(new Pipeline([fixture(manager, {}).task]).open(), PipelineError);
});

Deno.test("A-24: a timeout ends the whole process group, also what ignores TERM, with class timeout", async () => {
  await using folder = await temporaryFolder();
  const pidFile = `${folder.path}/pids`;
  const { record, report } = await runScript({
    timeout: 0.6,
    template: `trap '' TERM; sleep 1000 & echo $! >> ${pidFile}; echo $$ >> ${pidFile}; ` +
      "while :; do sleep 1000; done",
  });
  strictEqual(record.class, "timeout");
  strictEqual(record.exception, "it ran longer than 0.6 s");
  strictEqual(record.return_code, 137);
  strictEqual(report.failed, 1);
  const pids = (await Deno.readTextFile(pidFile)).trim().split("\n").map(Number);
  strictEqual(pids.length, 2);
  deepStrictEqual(pids.filter(isRunning), []);
});

Deno.test("ProcessTask gives a script that heeds TERM the time to end", async () => {
  const { record } = await runScript({
    timeout: 0.2,
    template: "trap 'echo cleaned >> ../log; exit 0' TERM; while :; do sleep 0.01; done",
  });
  deepStrictEqual([record.class, record.return_code], ["timeout", 0]);
});

Deno.test("ProcessTask ends what a script leaves running in its process group", async () => {
  await using folder = await temporaryFolder();
  const pidFile = `${folder.path}/pid`;
  const { record } = await runScript({ template: `sleep 1000 & echo $! > ${pidFile}` });
  ok(record.success);
  ok(!isRunning(Number(await Deno.readTextFile(pidFile))));
});

Deno.test("A-25: deleting a key of pids ends the job with class cancelled, and it is not started again", async () => {
  for (const own of [false, true]) {
    await using folder = await temporaryFolder();
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const pids = new InProcessMetadataRepository<ProcessInfo | undefined>();
    const { task, done } = fixture(manager, {
      template: "sleep 1000",
      ...own && { pids },
    });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    const { pid } = (await task.pids.info("a"))!;
    ok(isRunning(pid!));
    await task.pids.delete("a");
    strictEqual((await running).failed, 1);
    strictEqual((await done.info("a"))!.class, "cancelled");
    ok(!isRunning(pid!));
    deepStrictEqual(await Array.fromAsync(task.pids), []);
  }
});

Deno.test("ProcessTask counts a job whose folder somebody deletes as class infra", async () => {
  const { record } = await runScript({ template: 'rm -rf "$(dirname "$PWD")"' });
  strictEqual(record.class, "infra");
  match(record.exception!, /stdout/);
});

Deno.test("S-02: ProcessTask makes no folder for what is no job id", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  await Deno.mkdir(`${folder.path}/victim`);
  await rejects(manager.prepare("task", "../../victim"), JobIdError);
  await rejects(manager.prepare("task", ".."), JobIdError);
  ok((await Deno.stat(`${folder.path}/victim`)).isDirectory);
});

Deno.test("ProcessTask tries again what failed, and counts the attempts", async () => {
  await using folder = await temporaryFolder();
  const log = `${folder.path}/log`;
  const { record } = await runScript({
    template: `echo x >> ${log}; [ "$(wc -l < ${log})" = 3 ]`,
    retries: 3,
    backoff: 0.01,
  });
  ok(record.success);
  strictEqual(await Deno.readTextFile(log), "x\nx\nx\n");
});
