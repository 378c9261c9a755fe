import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Programs } from "./programs.ts";

const PIPELINE = `
  const books = new FakeMetadata("books", keys("emma", "moby", "dune", "new"));
  const failed = (extra) => ({ success: false, ...extra });
  const records = new FakeMetadata("records", [
    ["emma", { success: true }],
    ["moby", failed({ class: "oom" })],
    ["dune", failed({})],
  ]);
  const counts = new FakeMetadata("counts", keys("emma", "moby"));
  const count = makeTask("count", books, { done: records, output: counts });
  const rates = new FakeMetadata("rates", [["emma", failed({ class: "infra" })]]);
  const rate = makeTask("rate", counts, { done: rates });
  await main(new Pipeline([count, rate]));
  console.log([records, counts, rates].map((store) => [...store.data.keys()].join(" ")).join("; "));
`;

async function retry(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["retry", ...args]);
  return { code, out: stdout.trimEnd().split("\n"), err: stderr };
}

Deno.test("retry lets all failed jobs run again: their records go, and what they wrote", async () => {
  const { code, out, err } = await retry();
  deepStrictEqual(out.slice(0, -1).sort(), [
    "dune records",
    "emma rates",
    "moby counts",
    "moby records",
  ]);
  strictEqual(out.at(-1), "emma; emma;");
  deepStrictEqual([code, err], [
    0,
    '2 failed jobs of task "count" may run again\n1 failed job of task "rate" may run again\n',
  ]);
});

Deno.test("retry TASK leaves other tasks alone", async () => {
  const { code, out, err } = await retry("rate");
  deepStrictEqual(out, ["emma rates", "emma moby dune; emma moby;"]);
  deepStrictEqual([code, err], [0, '1 failed job of task "rate" may run again\n']);
});

Deno.test("retry TASK JOB leaves other jobs alone, and says of a job that has not failed that it has not", async () => {
  const { code, out, err } = await retry("count", "dune", "emma");
  deepStrictEqual(out, ["dune records", "emma moby; emma moby; emma"]);
  deepStrictEqual([code, err], [
    1,
    'count emma has not failed\n1 failed job of task "count" may run again\n',
  ]);
});

Deno.test("retry --class takes only failures of that class", async () => {
  const oom = await retry("--class", "oom");
  strictEqual(oom.out.at(-1), "emma dune; emma; emma");
  const user = await retry("--class=user");
  strictEqual(user.out.at(-1), "emma moby; emma moby; emma");
  const none = await retry("--class", "timeout");
  deepStrictEqual([none.code, none.out], [0, ["emma moby dune; emma moby; emma"]]);
});

Deno.test("retry refuses names that do not exist, and suggests others", async () => {
  const cases: [string[], RegExp][] = [
    [["cout"], /did you mean "count"/],
    [["--class", "oon"], /There is no failure of class "oon"; did you mean "oom"/],
    [["count", "../x"], /"..\/x" is not a valid job id/],
    [["count", "embla"], /did you mean "emma"|No repository/],
  ];
  for (const [args, message] of cases) {
    const { code, err } = await retry(...args);
    match(err, message);
    strictEqual(code, 2);
  }
});

Deno.test("retry says that there is nothing to retry", async () => {
  const { code, err } = await retry("--class", "timeout");
  deepStrictEqual([code, err], [0, "no job has failed\n"]);
});

Deno.test("retry forgets last that a job has failed, so that it can be done again if it is interrupted or fails", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    const records = new FakeMetadata("records", [["emma", { success: false }], ["moby", { success: false }]]);
    const counts = new FakeMetadata("counts", keys("emma", "moby"));
    counts.failing.add("delete");
    const task = makeTask("count", new FakeMetadata("books", keys("emma", "moby")), { done: records, output: counts });
    await main(new Pipeline([task]));
    console.log([...records.data.keys()]);
    counts.failing.clear();
    await main(new Pipeline([task]));
    console.log([...records.data.keys(), ...counts.data.keys()]);
  `,
    ["retry"],
  );
  deepStrictEqual(stdout.split("\n"), [
    '[ "emma", "moby" ]',
    "emma counts",
    "moby counts",
    "emma records",
    "moby records",
    "[]",
    "",
  ]);
  strictEqual(code, 0);
  match(stderr, /2 failed jobs of task "count" may run again\n$/);
});
