import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Listener, Programs } from "./programs.ts";

const PIPELINE = `
  const books = new FakeMetadata("books", keys("emma", "moby"));
  const records = new FakeMetadata("records", [["emma", { success: true }]]);
  const count = makeTask("count", books, {
    done: records,
    func: ({ job }) => {
      console.log("counting", job);
      if (job === "moby") throw new Error("too long");
    },
  });
  const rate = makeTask("rate", new FakeMetadata("counts"));
  await main(new Pipeline([count, rate]));
  console.log(JSON.stringify([...records.data].map(([job, { success }]) => [job, success])));
`;

Deno.test("launch starts a job that is ready", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["launch", "count", "moby"]);
  strictEqual(stdout, 'counting moby\n[["emma",true],["moby",false]]\n');
  deepStrictEqual([code, stderr], [1, "count moby failed: Error: too long\n"]);
});

Deno.test("launch refuses a job that is not ready, and says why", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["launch", "count", "emma"]);
  strictEqual(stdout, '[["emma",true]]\n');
  deepStrictEqual([code, stderr], [
    1,
    "count emma is done: it ended well\nwarning: Task is not ready to launch - use -f to force\n",
  ]);
});

Deno.test("launch -f starts a job though it is not ready, even one that is in no repository", async () => {
  await using programs = new Programs();
  const done = await programs.run(PIPELINE, ["launch", "-f", "count", "emma"]);
  deepStrictEqual([done.code, done.stdout, done.stderr], [
    0,
    'counting emma\n[["emma",true]]\n',
    "count emma is done\n",
  ]);
  const absent = await programs.run(PIPELINE, ["launch", "count", "new", "--force"]);
  deepStrictEqual([absent.code, absent.stdout, absent.stderr], [
    0,
    'counting new\n[["emma",true],["new",true]]\n',
    "count new is done\n",
  ]);
});

Deno.test("launch --no-meta keeps no record", async () => {
  await using programs = new Programs();
  const { code, stdout } = await programs.run(PIPELINE, [
    "launch",
    "count",
    "moby",
    "--sync",
    "--no-meta",
  ]);
  deepStrictEqual([code, stdout], [1, 'counting moby\n[["emma",true]]\n']);
});

Deno.test("launch refuses what is no job id", async () => {
  await using programs = new Programs();
  const { code, stdout } = await programs.run(PIPELINE, ["launch", "-f", "count", "a/b"]);
  deepStrictEqual([code, stdout], [2, '[["emma",true]]\n']);
});

Deno.test("launch says what cannot be decided, and ends with 4", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    const bans = new FakeMetadata("bans");
    bans.failing.add("list");
    const count = makeTask("count", new FakeMetadata("books", keys("emma")), { func: () => console.log("counting") });
    await main(new Pipeline([count.link("bans", bans, { inhibitsStart: true })]));
    `,
    ["launch", "count", "emma"],
  );
  deepStrictEqual([code, stdout], [4, ""]);
  match(stderr, /^count emma cannot be decided: "bans" cannot say what it holds: .*\nwarning: /);
});

Deno.test("launch says once what a job needs that can never start", async () => {
  await using programs = new Programs();
  const program = `
    const { ResourceManager } = await import("ROOT/lib/resource_manager.ts");
    const { Resources } = await import("ROOT/lib/resources.ts");
    await main(new Pipeline([makeTask("count", new FakeMetadata("books", keys("emma")), {
      resources: new ResourceManager(Resources.parse(2, 0)),
      jobResources: Resources.parse(3, 0),
    })]));
  `.replaceAll("ROOT/", new URL("../../../", import.meta.url).href);
  const { code, stderr } = await programs.run(program, ["launch", "count", "emma"]);
  deepStrictEqual([code, stderr], [
    1,
    'error: Cannot launch "emma" of task "count": it needs 3 CPU, and there are 2 in all; lower its task\'s option ' +
    "jobResources, or raise the quota of its resources\n",
  ]);
  const run = await programs.run(program, ["run"]);
  deepStrictEqual([run.code, run.stderr], [
    1,
    "count: 1 job left: emma can never start: it needs 3 CPU, and there are 2 in all; lower its task's option " +
    "jobResources, or raise the quota of its resources\n",
  ]);
});

/** A task whose jobs never end, and go on without the program unless their key says that they do not. */
const ENDLESS = `
  class Endless extends Task {
    async execute(job, attempt) {
      if (job !== "here") attempt.detach();
      console.log("started");
      return await never();
    }
    logs(job, { follow }) {
      return Promise.resolve(new ReadableStream());
    }
  }
  class Silent extends Endless {
    logs = undefined;
  }
  const books = new FakeMetadata("books", keys("emma", "here"));
  const link = (task) => task.link("in", books, { isInput: true });
  await main(new Pipeline([
    link(new Endless("endless", new FakeMetadata("done 1"))),
    link(new Silent("silent", new FakeMetadata("done 2"))),
  ]));
`;

Deno.test("launch says that a job goes on without the program, and how to see what it writes", async () => {
  await using programs = new Programs();
  const endless = await programs.run(ENDLESS, ["launch", "endless", "emma"]);
  deepStrictEqual([endless.code, endless.stderr], [
    0,
    'started endless emma; "logs -f endless emma" shows what it writes\n',
  ]);
  const silent = await programs.run(ENDLESS, ["launch", "silent", "emma"]);
  deepStrictEqual([silent.code, silent.stderr], [
    0,
    'started silent emma; "why silent emma" tells how it stands\n',
  ]);
});

Deno.test("launch --sync says what becomes of the job when it is interrupted, and ends with 130", async () => {
  await using programs = new Programs();
  for (
    const [task, job, message] of [
      [
        "endless",
        "emma",
        'endless emma goes on without this program; "logs -f endless emma" shows what it writes',
      ],
      ["silent", "emma", "silent emma goes on without this program"],
      ["silent", "here", "silent here ends with this program"],
    ] as const
  ) {
    const child = programs.command(ENDLESS, ["launch", "--sync", task, job], {
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stdout = new Listener(child.stdout);
    await stdout.hear("started\n");
    child.kill("SIGINT");
    strictEqual(await new Listener(child.stderr).rest(), `interrupted: ${message}\n`);
    await stdout.rest();
    strictEqual((await child.status).code, 130);
  }
});
