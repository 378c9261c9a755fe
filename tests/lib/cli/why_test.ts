import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Programs } from "./programs.ts";

const PIPELINE = `
  const books = new FakeMetadata("books", keys("a", "b", "c", "d", "e"));
  const counts = new FakeMetadata("counts", keys("a", "b", "c", "z"));
  const failed = { success: false, class: "user", exception: "Error: boom", end_time: "2026-01-01T00:00:00.000Z" };
  const counted = new FakeMetadata("counted", [["a", { success: true }], ["b", failed], ["c", {}]]);
  const count = makeTask("count", books, { output: counts, done: counted });
  const rated = new FakeMetadata("rated", [["a", { success: true }]]);
  const bans = new FakeMetadata("bans", keys("c"));
  const rate = makeTask("rate", counts, { done: rated }).link("bans", bans, { inhibitsStart: true });
  const off = makeTask("off", counts, { disabled: true });
  const idle = makeTask("idle", new FakeMetadata("nothing"));
  await main(new Pipeline([count, rate, off, idle]));
`;

Deno.test("why TASK JOB explains a job, back to where it began", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["why", "rate", "b"]);
  strictEqual(
    stdout,
    'rate b is held: task "count", which writes "in", failed\n' +
      "  count b failed at 2026-01-01T00:00:00.000Z (user: Error: boom)\n",
  );
  deepStrictEqual([code, stderr], [0, ""]);
  const json = await programs.run(PIPELINE, ["why", "--json", "rate", "b"]);
  const explanation = JSON.parse(json.stdout);
  deepStrictEqual(
    [explanation.state, explanation.link, explanation.because[0].state],
    ["held", "rate.in", "failed"],
  );
});

Deno.test("why TASK groups all jobs of a task, those still to come included", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["why", "rate"]);
  strictEqual(
    stdout,
    `1 done: a is done: it ended well
1 inhibited: c is not started: "bans" holds it, which inhibits the start
2 lacking: d is not started: "in" lacks it, which is required
1 ready: z is ready
1 held: b is held: task "count", which writes "in", failed
`,
  );
  deepStrictEqual([code, stderr], [0, ""]);
});

Deno.test("why TASK tells failed jobs from others that have ended", async () => {
  await using programs = new Programs();
  const { stdout } = await programs.run(PIPELINE, ["why", "count"]);
  strictEqual(
    stdout,
    `2 done: a is done: it ended well
1 failed: b failed at 2026-01-01T00:00:00.000Z (user: Error: boom)
2 ready: d is ready
`,
  );
});

Deno.test("why TASK says that a task is disabled, or has no jobs", async () => {
  await using programs = new Programs();
  const disabled = await programs.run(PIPELINE, ["why", "off"]);
  strictEqual(disabled.stdout, "6 disabled: a is not started: its task is disabled\n");
  const idle = await programs.run(PIPELINE, ["why", "idle"]);
  deepStrictEqual([idle.code, idle.stdout], [0, ""]);
  match(idle.stderr, /^task "idle" has no jobs/);
});

Deno.test("why TASK --json gives the groups", async () => {
  await using programs = new Programs();
  const { stdout } = await programs.run(PIPELINE, ["why", "off", "--json"]);
  deepStrictEqual(JSON.parse(stdout), {
    task: "off",
    groups: [{
      state: "disabled",
      count: 6,
      job: "a",
      reason: "is not started: its task is disabled",
    }],
  });
});

Deno.test("why says what cannot be decided, and ends with 4", async () => {
  await using programs = new Programs();
  const program = `
    const books = new FakeMetadata("books", keys("a", "b"));
    const bans = new FakeMetadata("bans");
    bans.failing.add("list");
    const done = new FakeMetadata("done", keys("b"));
    await main(new Pipeline([makeTask("count", books, { done }).link("bans", bans, { inhibitsStart: true })]));
  `;
  const task = await programs.run(program, ["why", "count"]);
  strictEqual(
    task.stdout,
    "1 done: b is done\n" +
      '1 unknown: a cannot be decided: "bans" cannot say what it holds: StoreError: bans is out of reach\n',
  );
  strictEqual(task.code, 4);
  const job = await programs.run(program, ["why", "count", "a"]);
  strictEqual(job.code, 4);
  const absent = await programs.run(program, ["why", "count", "x"]);
  match(absent.stdout, /^count x is not started: "in" lacks it/);
  strictEqual(
    absent.code,
    0,
    "the key may be where nobody could look, so it is not called unknown",
  );
});

Deno.test("why says the same of each job as it says of all of them", async () => {
  await using programs = new Programs();
  const { stdout } = await programs.run(
    PIPELINE.replace(
      "await main",
      `
      const states = {};
      const write = Deno.stdout.write;
      let text = "";
      Deno.stdout.write = (bytes) => { text += new TextDecoder().decode(bytes); return Promise.resolve(bytes.length); };
      const pipeline = new Pipeline([count, rate, off]);
      const ask = async (...args) => {
        text = "";
        await main(pipeline, { args: ["why", "--json", ...args] });
        return JSON.parse(text);
      };
      const problems = [];
      for (const task of ["count", "rate", "off"]) {
        const counted = {};
        for (const job of task === "count" ? "abcde" : "abcdez") {
          const { state } = await ask(task, job);
          counted[state] = (counted[state] ?? 0) + 1;
        }
        for (const { state, count } of (await ask(task)).groups) counted[state] -= count;
        problems.push(...Object.entries(counted).filter(([, rest]) => rest !== 0));
      }
      Deno.stdout.write = write;
      console.log(JSON.stringify(problems));
      Deno.exit();
      await main`,
    ),
  );
  strictEqual(stdout, "[]\n");
});
