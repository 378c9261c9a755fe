import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { runEngine } from "../../../lib/engine/run.ts";
import { JobError, StoreError } from "../../../lib/errors.ts";
import { START, turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { chain, FAILED, keys, makeTask, SUCCEEDED, Workshop } from "./workshop.ts";

Deno.test("run tries a job again after a back-off that doubles, and records how often", async () => {
  const input = new MemoryStore("in", keys("a"));
  const done = new MemoryStore("done");
  const times: number[] = [];
  const task = makeTask("task", {
    input,
    done,
    work: () => {
      times.push(shop.env.elapsed());
      throw new Error("no luck");
    },
  }, { retries: 3, backoff: 4 });
  using shop = new Workshop(() => [task]);
  const report = await shop.run();
  deepStrictEqual(times, [0, 2000, 6000, 14_000]); // half of 4, 8 and 16 seconds: chance gives 0
  strictEqual(report.failed, 1);
  const record = done.data.get("a") as Record<string, unknown>;
  strictEqual(record.attempts, 4);
  strictEqual(record.class, "user");
  deepStrictEqual(shop.notes.filter((note) => !note.startsWith("start")), [
    "retry task.a",
    "retry task.a",
    "retry task.a",
    "fail task.a",
  ]);
  const first = shop.events.find((event) => event.type === "end");
  strictEqual(first?.retryAt, START + 2000);
});

Deno.test("run says of a job that waits for another attempt that it does", async () => {
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    work: () => Promise.reject(new Error("no")),
  }, { retries: 1 });
  using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine);
  await turn();
  strictEqual(await shop.stateOf(task, "a"), "retrying");
  strictEqual((await shop.env.until(running)).failed, 1);
  strictEqual(await shop.stateOf(task, "a"), "inhibited");
});

Deno.test("run tries what the infrastructure failed twice again, whatever the budget of the rest", async () => {
  for (const retries of [undefined, 0, 5, { user: 1 }]) {
    const done = new MemoryStore("done");
    const task = makeTask("task", {
      input: new MemoryStore("in", keys("a")),
      done,
      work: () => Promise.reject(new StoreError("the store is away")),
    }, retries === undefined ? {} : { retries });
    using shop = new Workshop(() => [task]);
    await shop.run();
    strictEqual(shop.started.length, 3, Deno.inspect(retries));
    strictEqual((done.data.get("a") as Record<string, unknown>).attempts, 3);
  }
});

Deno.test("run counts failures by class", async () => {
  const classes = ["infra", "user", "infra", "user"] as const;
  let attempt = 0;
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    work: () => Promise.reject(new JobError("no", { class: classes[attempt++]! })),
  }, { retries: { user: 1, infra: 2 } });
  using shop = new Workshop(() => [task]);
  await shop.run();
  strictEqual(attempt, 4);
});

Deno.test("run does not start a job again whose record cannot be written, and says so", async () => {
  const done = new MemoryStore("done");
  done.broken.add("dump");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a", "b")), done });
  using shop = new Workshop(() => [task]);
  const report = await shop.run();
  strictEqual(done.count("dump"), 6, "each record is tried three times");
  strictEqual(report.unrecorded, 2);
  deepStrictEqual(shop.started, ["task.a", "task.b"]);
  deepStrictEqual(report.left, []);
  strictEqual(await shop.stateOf(task, "a"), "ended");
});

Deno.test("run writes a record when the store is back", async () => {
  const done = new MemoryStore("done");
  done.broken.add("dump");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine);
  await shop.env.advance(500);
  done.broken.clear();
  const report = await shop.env.until(running);
  strictEqual(report.unrecorded, 0);
  strictEqual(report.succeeded, 1);
  ok(done.data.has("a"));
});

Deno.test("A-13: run holds what a failed job should have fed, and goes on when its record is deleted", async () => {
  let luck = false;
  const input = new MemoryStore("in", keys("a", "b"));
  const { middle, output, tasks, first, second } = chain(input, {
    first: async (job) => {
      await middle.dump(job, "half");
      if (job === "a" && !luck) throw new Error("no luck");
    },
  });
  using shop = new Workshop(() => tasks);
  const report = await shop.run();
  deepStrictEqual([...output.data.keys()], ["b"]);
  deepStrictEqual(report.left.map(({ state, count, job }) => ({ state, count, job })), [
    { state: "held", count: 1, job: "a" },
  ]);
  strictEqual(report.failed, 1);
  luck = true;
  await first.done.delete("a");
  strictEqual(await shop.stateOf(second, "a"), "waiting");
  await shop.run();
  deepStrictEqual([...output.data.keys()], ["b", "a"]);
});

Deno.test("A-13: run goes on after a failure if that is all right", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle")];
  const first = makeTask("first", {
    input,
    output: middle,
    work: async (job) => {
      await middle.dump(job, "half");
      throw new Error("no luck");
    },
  }, { failureOk: true });
  const second = makeTask("second", { input: middle });
  using shop = new Workshop(() => [first, second]);
  await shop.run();
  deepStrictEqual(shop.started, ["first.a", "second.a"]);
});

Deno.test("run reads records only of what is otherwise ready, each once", async () => {
  const input = new MemoryStore("in", keys("a", "b", "c"));
  const middle = new MemoryStore("middle", keys("a", "b", "c"));
  const done = new MemoryStore("done", [["a", SUCCEEDED], ["b", SUCCEEDED], ["c", FAILED]]);
  const first = makeTask("first", { input, output: middle, done });
  const later = ["x", "y"].map((name) =>
    makeTask(name, { input: middle, done: new MemoryStore(name, [["a", SUCCEEDED]]) })
  );
  using shop = new Workshop(() => [first, ...later]);
  await shop.run({ launchOnce: true });
  deepStrictEqual(shop.started.sort(), ["x.b", "y.b"]);
  strictEqual(done.count("info"), 2);
});

Deno.test("run reads no record that it has written itself", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const done = new MemoryStore("first.done");
  const middle = new MemoryStore("middle");
  const tasks = [
    makeTask("first", { input, output: middle, done }),
    makeTask("second", { input: middle }),
  ];
  using shop = new Workshop(() => tasks);
  strictEqual((await shop.run()).succeeded, 4);
  strictEqual(done.count("info"), 0);
});
