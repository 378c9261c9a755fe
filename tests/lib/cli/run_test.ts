import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Listener, Programs } from "./programs.ts";

Deno.test("run does all there is to do, and says what it did", async () => {
  await using programs = new Programs();
  const program = `
    const books = new FakeMetadata("books", keys("emma", "moby"));
    const counts = new FakeMetadata("counts");
    const count = makeTask("count", books, { output: counts, func: ({ job, out }) => out.dump(job, 1) });
    const rate = makeTask("rate", counts);
    const pipeline = new Pipeline([count, rate]);
    await main(pipeline);
    await main(pipeline);
  `;
  const { code, stdout, stderr } = await programs.run(program, ["run"]);
  deepStrictEqual([code, stdout], [0, ""]);
  strictEqual(stderr, "count: 2 done\nrate: 2 done\nnothing to do\n");
});

Deno.test("A-27: run ends with 1 if jobs failed, and shows a few of them", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    const books = new FakeMetadata("books", keys(...Array.from({ length: 9 }, (_, i) => "b" + i)));
    await main(new Pipeline([makeTask("count", books, {
      func: ({ job }) => { if (job !== "b3") throw new Error("cannot count " + job + "\\x1b[31m\\nmore"); },
    })]));
  `,
    ["run"],
  );
  strictEqual(code, 1);
  strictEqual(
    stderr,
    `count: 1 done, 8 failed
  count b0 failed: Error: cannot count b0?[31m
  count b1 failed: Error: cannot count b1?[31m
  count b2 failed: Error: cannot count b2?[31m
  count b4 failed: Error: cannot count b4?[31m
  count b5 failed: Error: cannot count b5?[31m
  and 3 more
`,
  );
});

Deno.test("run names the verb that shows what a failed job wrote, once, if there is something to show", async () => {
  await using programs = new Programs();
  const program = `
    class Script extends Task {
      execute(job) {
        const time = new Date().toISOString();
        const record = { success: false, start_time: time, end_time: time };
        return Promise.resolve(
          job === "bad" ? { ...record, class: "config", exception: "JobError: no template" }
            : job === "slow" ? { ...record, class: "timeout", exception: "it ran longer than 60 s", return_code: 143 }
            : job === "gone" ? { ...record, class: "infra", reason: "NodeLost" }
            : { ...record, class: "user", return_code: 3 },
        );
      }
      logs() {
        return Promise.resolve(undefined);
      }
    }
    const books = new FakeMetadata("books", keys(...Deno.args[1].split(",")));
    await main(new Pipeline([new Script("script", new FakeMetadata("records"), { retries: { infra: 0 } }).link("in", books, { isInput: true })]), {
      args: ["run"],
    });
  `;
  const { stderr } = await programs.run(program, ["", "bad,gone,moby,slow"]);
  strictEqual(
    stderr,
    `script: 4 failed
  script bad failed: JobError: no template
  script gone failed: infra: NodeLost
  script moby failed: return code 3
  script slow failed: it ran longer than 60 s
"logs script gone" shows what it wrote
`,
  );
  strictEqual(
    (await programs.run(program, ["", "bad"])).stderr,
    "script: 1 failed\n  script bad failed: JobError: no template\n",
  );
});

Deno.test("A-12: run ends, and with 1, if jobs are held, and says why", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    const counts = new FakeMetadata("counts", keys("emma", "moby"));
    const records = new FakeMetadata("records", [["emma", { success: false }], ["moby", { success: true }]]);
    const count = makeTask("count", new FakeMetadata("books"), { output: counts, done: records });
    await main(new Pipeline([count, makeTask("rate", counts)]));
  `,
    ["run"],
  );
  strictEqual(code, 1);
  strictEqual(
    stderr,
    'rate: 1 done\nrate: 1 job left: emma is held: task "count", which writes "in", failed\n' +
      '"why rate emma" tells more\n',
  );
});

Deno.test("run ends with 4 if a store cannot be listed, and does the rest", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    const away = new FakeMetadata("far away");
    away.failing.add("list");
    const near = makeTask("near", new FakeMetadata("books", keys("emma")));
    await main(new Pipeline([makeTask("far", away), near]));
  `,
    ["run"],
  );
  strictEqual(code, 4);
  strictEqual(stderr, "near: 1 done\ncannot list far away: StoreError: far away is out of reach\n");
});

Deno.test("run --timeout gives up with 1, though functions still run", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `await main(new Pipeline([makeTask("count", new FakeMetadata("books", keys("emma")), { func: never })]));`,
    ["run", "--timeout", "0.05"],
  );
  strictEqual(code, 1);
  strictEqual(stderr, "the run took longer than 0.05 s: run it again to go on where it was\n");
});

Deno.test("run ends the process though a function goes on after its time is over", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    class Stubborn extends Task {
      async execute(job, attempt) {
        attempt.linger(never());
        const time = new Date().toISOString();
        return { success: false, start_time: time, end_time: time, class: "timeout", exception: "TimeoutError: too long" };
      }
    }
    const task = new Stubborn("count", new FakeMetadata("records")).link("in", new FakeMetadata("books", keys("emma")), { isInput: true });
    await main(new Pipeline([task]));
  `,
    ["run"],
  );
  strictEqual(code, 1);
  strictEqual(stderr, "count: 1 failed\n  count emma failed: TimeoutError: too long\n");
});

Deno.test("run --launch-once starts only what is ready at the beginning", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    const counts = new FakeMetadata("counts");
    const count = makeTask("count", new FakeMetadata("books", keys("emma")), {
      output: counts, func: ({ job, out }) => out.dump(job, 1),
    });
    await main(new Pipeline([count, makeTask("rate", counts)]));
  `,
    ["run", "--launch-once"],
  );
  strictEqual(code, 0);
  strictEqual(stderr, "count: 1 done\nrate: 1 job left: emma is ready\n");
});

/** Keeps what is to be called again and again, in place of calling it. */
const TIMES = `
  let next;
  AbortSignal.timeout = () => (next = new AbortController()).signal;
`;

Deno.test("run shows in a line now and then how far it is, where nobody watches", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    ${TIMES}
    let written;
    const write = Deno.stderr.writeSync;
    Deno.stderr.writeSync = (bytes) => (written(), write.call(Deno.stderr, bytes));
    const books = new FakeMetadata("books", keys("emma", "moby"));
    await main(new Pipeline([makeTask("count", books, { maxConcurrent: 1, func: async () => {
      await new Promise((resolve) => setTimeout(resolve)); // which is when what was started is known
      const shown = new Promise((resolve) => written = resolve);
      next.abort();
      await shown;
    } })]));
    next.abort(); // which shows nothing any more
  `,
    ["run"],
  );
  deepStrictEqual([code, stdout], [0, ""]);
  match(
    stderr,
    /^count: 0\/2 done, 1 live, 1 ready.*\ncount: 1\/2 done, 1 live.*\ncount: 2 done\n$/,
  );
});

Deno.test("run makes no timer to show how far it is when there is nothing to do", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    ${TIMES}
    await main(new Pipeline([makeTask("count", new FakeMetadata("books"))]));
    console.log(next);
  `,
    ["run"],
  );
  deepStrictEqual([code, stdout, stderr], [0, "undefined\n", "nothing to do\n"]);
});

Deno.test("update does one cycle", async () => {
  await using programs = new Programs();
  const program = `
    const counts = new FakeMetadata("counts");
    const count = makeTask("count", new FakeMetadata("books", keys("emma", "moby")), {
      output: counts, func: ({ job, out }) => {
        if (job === "moby") throw new Error("no");
        return out.dump(job, 1);
      },
    });
    const pipeline = new Pipeline([count, makeTask("rate", counts)]);
    for (let i = 0; i < 3; i++) console.log(await main(pipeline));
  `;
  const { stdout, stderr } = await programs.run(program, ["update"]);
  strictEqual(stdout, "1\n0\n0\n");
  strictEqual(
    stderr,
    "count: 1 done, 1 failed\n  count moby failed: Error: no\nrate: 1 done\nnothing to do\n",
  );
});

Deno.test("update waits for what has ended before it to be taken in, and says so", async () => {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(
    `
    class Remote extends Task {
      execute() {
        throw new Error("started again");
      }
      recover() {
        const resume = async () => {
          for (let i = 0; i < 9; i++) await new Promise((resolve) => setTimeout(resolve));
          return { success: true, start_time: "", end_time: "" };
        };
        return Promise.resolve([{ job: "emma", attempt: 1, started: 0, ended: true, resume }]);
      }
    }
    const books = new FakeMetadata("books", keys("emma"));
    const remote = new Remote("remote", new FakeMetadata("records")).link("in", books, { isInput: true });
    await main(new Pipeline([remote]));
    `,
    ["update"],
  );
  deepStrictEqual([code, stderr], [0, "remote: 1 done\n"]);
});

const WAITING = `
  const books = new FakeMetadata("books", keys("emma", "moby"));
  await main(new Pipeline([makeTask("count", books, {
    maxConcurrent: 1,
    func: async ({ job }) => {
      console.log("started", job);
      await Deno.stdin.read(new Uint8Array(1));
      console.log("ended", job);
    },
  })]));
`;

Deno.test("run and update let what runs in the process end when interrupted, and end with 130", async () => {
  await using programs = new Programs();
  for (
    const [verb, signal] of [["run", "SIGINT"], ["run", "SIGTERM"], ["update", "SIGINT"]] as const
  ) {
    const child = programs.command(WAITING, [verb], {
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stdout = new Listener(child.stdout);
    const stderr = new Listener(child.stderr);
    await stdout.hear("started emma\n");
    child.kill(signal);
    await stderr.hear(
      "interrupted: waiting for 1 job that runs in this process; interrupt again to end at once\n",
    );
    const stdin = child.stdin.getWriter();
    await stdin.write(new Uint8Array(1));
    strictEqual(await stdout.rest(), "started emma\nended emma\n");
    match(await stderr.rest(), /at once\ncount: 1 done\nrun it again to go on where it was\n$/);
    strictEqual((await child.status).code, 130);
    await stdin.close().catch(() => {}); // nobody is at the other end
  }
});

Deno.test("run ends at once with 130 when it is interrupted twice", async () => {
  await using programs = new Programs();
  const child = programs.command(WAITING, ["run"], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Listener(child.stdout);
  const stderr = new Listener(child.stderr);
  await stdout.hear("started emma\n");
  child.kill("SIGINT");
  await stderr.hear("interrupt again to end at once\n");
  child.kill("SIGINT");
  strictEqual((await child.status).code, 130);
  strictEqual(await stdout.rest(), "started emma\n");
  await stderr.rest();
  await child.stdin.close().catch(() => {}); // nobody is at the other end
});

Deno.test("run says once at an interrupt, and once at its end, that jobs go on without it", async () => {
  await using programs = new Programs();
  const program = `
    class Remote extends Task {
      async execute(job, attempt) {
        attempt.detach();
        console.log("started");
        return await never();
      }
    }
    const remote = new Remote("remote", new FakeMetadata("records"))
      .link("in", new FakeMetadata("books", keys(...Deno.args.slice(1))), { isInput: true });
    const pipeline = new Pipeline([remote]);
    await main(pipeline, { args: ["run"] });
  `;
  for (
    const [books, first, last] of [
      [["emma"], "1 job goes on", "1 job still running: run it again to take in how it ends"],
      [
        ["emma", "moby"],
        "2 jobs go on",
        "2 jobs still running: run it again to take in how they end",
      ],
    ] as const
  ) {
    const child = programs.command(program, ["", ...books], { stdout: "piped", stderr: "piped" })
      .spawn();
    const stdout = new Listener(child.stdout);
    await stdout.hear("started\n".repeat(books.length));
    child.kill("SIGINT");
    strictEqual(
      await new Listener(child.stderr).rest(),
      `interrupted: ${first} without this program\n${last}, and to go on\n`,
    );
    await stdout.rest();
    strictEqual((await child.status).code, 130);
  }
});

Deno.test("run --forever with nothing to do is stopped by an interrupt, and says no more", async () => {
  await using programs = new Programs();
  const child = programs.command(
    `
    const count = makeTask("count", new FakeMetadata("books", keys("emma")));
    const pipeline = new Pipeline([count]);
    await pipeline.open();
    const engine = engineOf(pipeline);
    engine.subscribe(async ({ type }) => {
      if (type !== "end") return;
      while (engine.running > 0) await new Promise((resolve) => setTimeout(resolve));
      console.log("idle");
    });
    await main(pipeline);
    `,
    ["run", "--forever"],
    { stdout: "piped", stderr: "piped" },
  ).spawn();
  const stdout = new Listener(child.stdout);
  await stdout.hear("idle\n");
  child.kill("SIGINT");
  strictEqual(await new Listener(child.stderr).rest(), "stopped\ncount: 1 done\n");
  await stdout.rest();
  strictEqual((await child.status).code, 130);
});
