import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Programs } from "./programs.ts";

Deno.test("test_basic: run(), printStatus() and printTrace() write what pydatatask writes", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(`
    const repo0 = new InProcessMetadataRepository(new Map(Array.from({ length: 100 }, (_, i) => [String(i), i])));
    const repo1 = new InProcessBlobRepository();
    const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
      .link("repo0", repo0, { isInput: true })
      .link("repo1", repo1, { isOutput: true })
      .func(async ({ job, repo0, repo1 }) => {
        const length = await repo0.info(job);
        await repo1.writeText(job, "ab".repeat(50).slice(0, length));
      });
    const pipeline = new Pipeline([task], new Session());
    await run(pipeline, { forever: false, launchOnce: false });
    let wrong = 0;
    for (let i = 0; i < 100; i++) wrong += (await repo1.readText(String(i))).length === i ? 0 : 1;
    console.log(wrong, repo1.data.size);
    await repo1.delete("0");
    await printStatus(pipeline, { all: false });
    await printTrace(pipeline, { all: false, jobs: ["0", "1", "foo"] });
    console.log(pipeline.isOpen);
  `);
  strictEqual(stderr, "");
  strictEqual(
    stdout,
    "0 100\n" +
      "task\ntask.repo0 100\ntask.done 100\ntask.repo1 99\n\n" +
      "task\ntask.repo0 0 1\ntask.done 0 1\ntask.repo1 1\n\n" +
      "false\n",
  );
  strictEqual(code, 0);
});

const TWO_TASKS = `
  const books = new FakeMetadata("books", keys("emma", "moby"));
  const counts = new FakeMetadata("counts", keys("emma"));
  const bans = new FakeMetadata("bans", keys("moby"));
  const count = makeTask("count", books, { output: counts, done: new FakeMetadata("d1", keys("emma")) })
    .link("bans", bans, { inhibitsStart: true });
  const rate = makeTask("rate", counts);
  await main(new Pipeline([count, rate]));
`;

Deno.test("status shows inputs, then status, then outputs, and with --all the rest", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(TWO_TASKS, ["status"]);
  strictEqual(
    stdout,
    "count\ncount.in 2\ncount.done 1\ncount.out 1\n\nrate\nrate.in 1\nrate.done 0\n\n",
  );
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  const all = await programs.run(TWO_TASKS, ["status", "-a"]);
  strictEqual(
    all.stdout,
    "count\ncount.in 2\ncount.done 1\ncount.out 1\ncount.bans 1\n\nrate\nrate.in 1\nrate.done 0\n\n",
  );
});

Deno.test("trace shows the jobs in the order given, and a trailing space where there are none", async () => {
  await using programs = new Programs();
  const { code, stdout } = await programs.run(TWO_TASKS, ["trace", "--all", "moby", "x", "emma"]);
  strictEqual(
    stdout,
    "count\ncount.in moby emma\ncount.done emma\ncount.out emma\ncount.bans moby\n\n" +
      "rate\nrate.in emma\nrate.done \n\n",
  );
  strictEqual(code, 0);
});

Deno.test("status and trace write JSON for programs", async () => {
  await using programs = new Programs();
  const status = await programs.run(TWO_TASKS, ["status", "--json"]);
  deepStrictEqual(JSON.parse(status.stdout), [
    {
      task: "count",
      links: [
        { link: "in", count: 2 },
        { link: "done", count: 1 },
        { link: "out", count: 1 },
      ],
      waiting: [],
    },
    { task: "rate", links: [{ link: "in", count: 1 }, { link: "done", count: 0 }], waiting: [] },
  ]);
  const trace = await programs.run(TWO_TASKS, ["trace", "--json", "moby"]);
  deepStrictEqual(JSON.parse(trace.stdout), [
    {
      task: "count",
      links: [
        { link: "in", jobs: ["moby"] },
        { link: "done", jobs: [] },
        { link: "out", jobs: [] },
      ],
    },
    { task: "rate", links: [{ link: "in", jobs: [] }, { link: "done", jobs: [] }] },
  ]);
});

/** A task whose jobs wait for what `waiting` says, and a task that says nothing of that. */
const waitingTasks = (waiting: string): string => `
  const books = new FakeMetadata("books", keys("emma", "moby"));
  const count = makeTask("count", books);
  count.waiting = ${waiting};
  count.execute = () => { throw new Error("it is started"); };
  await main(new Pipeline([count, makeTask("rate", books)]));
`;

Deno.test("status shows what jobs wait for, a line for each reason", async () => {
  await using programs = new Programs();
  const program = waitingTasks(`() => Promise.resolve(new Map([
    ["bovary", "not enough memory is free"],
    ["emma", "Unschedulable: 0/1 nodes are available"],
    ["moby", "Unschedulable: 0/1 nodes are available"],
  ]))`);
  const { code, stdout, stderr } = await programs.run(program, ["status"]);
  strictEqual(
    stdout,
    "count\ncount.in 2\ncount.done 0\n" +
      "  2 jobs wait: Unschedulable: 0/1 nodes are available\n" +
      "  1 job waits: not enough memory is free\n" +
      "\nrate\nrate.in 2\nrate.done 0\n\n",
  );
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  const json = await programs.run(program, ["status", "--json"]);
  const [count, rate] = JSON.parse(json.stdout);
  deepStrictEqual(count.waiting, [
    { count: 2, job: "emma", reason: "Unschedulable: 0/1 nodes are available" },
    { count: 1, job: "bovary", reason: "not enough memory is free" },
  ]);
  deepStrictEqual(rate.waiting, []);
});

Deno.test("status keeps reasons short, and harmless", async () => {
  await using programs = new Programs();
  const program = waitingTasks(`() => Promise.resolve(new Map(
    ["a\\n\\x1b[31mb", "x".repeat(1000), ...Array.from({ length: 20 }, (_, i) => "r" + i)]
      .map((reason, i) => ["job" + i, reason]),
  ))`);
  const { stdout } = await programs.run(program, ["status"]);
  const lines = stdout.split("\n").filter((line) => line.startsWith("  "));
  deepStrictEqual(lines, [
    "  1 job waits: a??[31mb",
    `  1 job waits: ${"x".repeat(199)}…`,
    "  1 job waits: r0",
    "  1 job waits: r1",
    "  1 job waits: r2",
    "  17 jobs wait for 17 other reasons",
  ]);
});

Deno.test("status ends with 4 where it cannot be said what jobs wait for", async () => {
  await using programs = new Programs();
  const program = waitingTasks(`() => Promise.reject(new StoreError("it is away"))`);
  const { code, stdout, stderr } = await programs.run(program, ["status"]);
  strictEqual(
    stdout,
    "count\ncount.in 2\ncount.done 0\n  ? jobs wait\n\nrate\nrate.in 2\nrate.done 0\n\n",
  );
  strictEqual(
    stderr,
    'error: Cannot tell what the jobs of task "count" wait for: StoreError: it is away\n',
  );
  strictEqual(code, 4);
  const json = await programs.run(program, ["status", "--json"]);
  match(json.stdout, /"waiting": null,\s+"error": "Cannot tell/);
});

Deno.test("status lists each repository that it shows once, and no other", async () => {
  await using programs = new Programs();
  const { stdout } = await programs.run(`
    const books = new FakeMetadata("books", keys("emma"));
    const counts = new FakeMetadata("counts");
    const bans = new FakeMetadata("bans");
    const count = makeTask("count", books, { output: counts }).link("bans", bans, { inhibitsStart: true });
    const rate = makeTask("rate", counts).link("books", books, { isInput: true });
    const pipeline = new Pipeline([count, rate]);
    await pipeline.open();
    for (const store of [books, counts, bans]) store.calls.length = 0;
    await printStatus(pipeline);
    console.log(JSON.stringify([books, counts, bans].map(({ calls }) => calls)), pipeline.isOpen);
  `);
  strictEqual(stdout.split("\n").at(-2), '[["list"],["list"],[]] true');
});

Deno.test("status and trace give no number for a store that is out of reach, and end with 4", async () => {
  await using programs = new Programs();
  const program = `
    const books = new FakeMetadata("books", keys("emma"));
    const counts = new FakeMetadata("counts");
    counts.failing.add("list").add("contains");
    await main(new Pipeline([makeTask("count", books, { output: counts })]));
  `;
  const status = await programs.run(program, ["status"]);
  strictEqual(status.stdout, "count\ncount.in 1\ncount.done 0\ncount.out ?\n\n");
  strictEqual(
    status.stderr,
    'error: Cannot count the keys of "count.out": StoreError: counts is out of reach\n',
  );
  strictEqual(status.code, 4);
  const json = await programs.run(program, ["status", "--json"]);
  match(json.stdout, /"count": null,\s+"error": "Cannot count/);
  strictEqual(json.code, 4);
  const trace = await programs.run(program, ["trace", "emma"]);
  strictEqual(trace.stdout, "count\ncount.in emma\ncount.done \ncount.out ?\n\n");
  strictEqual(
    trace.stderr,
    'error: Cannot look for "emma" in counts: StoreError: counts is out of reach\n',
  );
  strictEqual(trace.code, 4);
});

Deno.test("status gives no number for a view whose filter fails for a key", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    const books = new FakeMetadata("books", keys("a", "b"));
    const view = books.map((info) => info, {
      filter: (job) => {
        if (job === "b") throw new Error("no idea");
        return true;
      },
    });
    await main(new Pipeline([makeTask("count", view)]));
  `,
    ["status"],
  );
  strictEqual(stdout, "count\ncount.in ?\ncount.done 0\n\n");
  strictEqual(stderr, 'error: Cannot count the keys of "count.in": Error: no idea\n');
  strictEqual(code, 4);
});

Deno.test("trace refuses what is no job id", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(TWO_TASKS, ["trace", "../x"]);
  strictEqual(stdout, "");
  match(stderr, /^error: "\.\.\/x" is not a valid job id/);
  strictEqual(code, 2);
});

Deno.test("trace of a key that no repository holds suggests one, and ends with 2", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `await main(new Pipeline([makeTask("task", new FakeMetadata("books", keys("moby")))]));`,
    ["trace", "mobi"],
  );
  match(stderr, /No repository of the pipeline holds a key "mobi"; did you mean "moby"\?/);
  strictEqual(code, 2);
});

Deno.test("verbs that only read leave repositories alone that can be read, and others make what is lacking", async () => {
  await using programs = new Programs();
  const body = `
    class Careful extends FakeMetadata {
      validate({ create }) {
        console.error("validated", create);
        return Promise.resolve();
      }
    }
    await main(new Pipeline([makeTask("task", new Careful("books"), { done: new Careful("done") })]));`;
  for (const verb of ["status", "plan", "trace a", "ls task.in", "why task"]) {
    const { stderr } = await programs.run(body, verb.split(" "));
    match(stderr, /validated false\nvalidated false\n/, verb);
  }
  match((await programs.run(body, ["update"])).stderr, /validated true\nvalidated false\n/);
});
