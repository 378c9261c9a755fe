import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Engine } from "../../../lib/engine/engine.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import { JobError, JobIdError } from "../../../lib/errors.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import { ResourceManager } from "../../../lib/resource_manager.ts";
import { Resources } from "../../../lib/resources.ts";
import { FakeEnv, turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { FAILED, Gate, keys, makeTask, SUCCEEDED, Workshop } from "./workshop.ts";

Deno.test("Engine.cycle() does one stage of a chain, and says when nothing more can be done", async () => {
  const stores = ["in", "one", "two"].map((name) => new MemoryStore(name));
  stores[0]!.data.set("a", 1);
  const tasks = stores.map((input, i) =>
    makeTask(`task${i}`, { input, ...stores[i + 1] && { output: stores[i + 1]! } })
  );
  await using shop = new Workshop(() => tasks);
  for (const [i, task] of tasks.entries()) {
    strictEqual(await shop.engine.cycle(), true);
    deepStrictEqual(shop.started.slice(i), [`${task.name}.a`]);
  }
  strictEqual(await shop.engine.cycle(), false);
});

Deno.test("A-44: Engine.cycle() returns false when only held and blocked jobs are left", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const done = new MemoryStore("done", [["a", FAILED]]);
  const first = makeTask("first", { input, output: middle, done });
  const second = makeTask("second", { input: middle });
  const greedy = makeTask("greedy", { input }, {
    resources: new ResourceManager(Resources.parse(1, "1Gi")),
    jobResources: new Resources(2, 0),
  });
  await using shop = new Workshop(() => [first, second, greedy]);
  strictEqual(await shop.engine.cycle(), false);
  deepStrictEqual(shop.started, []);
  strictEqual(await shop.stateOf(second, "a"), "held");
});

Deno.test("Engine.cycle() says that a job waits to be tried again, and does so in a later one", async () => {
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    work: () => Promise.reject(new Error("no")),
  }, { retries: 1 });
  await using shop = new Workshop(() => [task]);
  strictEqual(await shop.engine.cycle(), true);
  strictEqual(shop.engine.retrying, 1);
  strictEqual(await shop.engine.cycle(), true, "it still waits");
  strictEqual(shop.started.length, 1);
  await shop.env.advance(1000);
  strictEqual(await shop.engine.cycle(), true);
  strictEqual(shop.started.length, 2);
  strictEqual(await shop.engine.cycle(), false);
});

Deno.test("A-45: jobs that fit pass those of another task that do not", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("1", "2"));
  const manager = new ResourceManager(Resources.parse(4, "1Gi"));
  const big = makeTask("big", { input, work: (job) => gate.pass(`big ${job}`) }, {
    resources: manager,
    jobResources: new Resources(3, 0),
    priority: 1,
  });
  const small = makeTask("small", { input }, {
    resources: manager,
    jobResources: new Resources(1, 0),
  });
  await using shop = new Workshop(() => [big, small]);
  const running = runEngine(shop.engine);
  await turn();
  deepStrictEqual(shop.started, ["big.1", "small.1", "small.2"]);
  deepStrictEqual(shop.engine.obstacle(big), { kind: "resources", resource: "CPU" });
  gate.open("big 1");
  await turn();
  gate.open("big 2");
  strictEqual((await running).succeeded, 4);
});

Deno.test("A-12: a job that can never fit is left, with the reason, and the run ends", async () => {
  const input = new MemoryStore("in", keys("1", "2"));
  const task = makeTask("task", { input }, {
    resources: new ResourceManager(Resources.parse(8, "1Gi")),
    jobResources: Resources.parse(1, "2Gi"),
  });
  await using shop = new Workshop(() => [task]);
  const report = await runEngine(shop.engine);
  deepStrictEqual(shop.started, []);
  deepStrictEqual(report.left, [{
    task,
    state: "stuck",
    reason:
      "can never start: it needs 2 GiB of memory, and there is 1 GiB in all; lower its task's option " +
      "jobResources, or raise the quota of its resources",
    count: 2,
    job: "1",
  }]);
});

Deno.test("launches in a window of time are counted, whatever becomes of the jobs", async () => {
  const input = new MemoryStore("in", keys("1", "2", "3", "4", "5"));
  const times: number[] = [];
  await using shop = new Workshop((env) => [
    makeTask("task", { input, work: () => times.push(env.elapsed()) }, {
      resources: new ResourceManager(new Resources(100, "1Gi", 2), {
        window: 60,
        now: () => env.elapsed(),
      }),
    }),
  ]);
  const report = await shop.run();
  deepStrictEqual(times, [0, 0, 60_000, 60_000, 120_000]);
  strictEqual(report.succeeded, 5);
});

Deno.test("launches go on when the window has passed, though earlier jobs still run", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("1", "2"));
  await using shop = new Workshop((env) => [
    makeTask("task", { input, work: (job) => gate.pass(job) }, {
      resources: new ResourceManager(new Resources(100, "1Gi", 1), { now: () => env.elapsed() }),
    }),
  ]);
  const running = runEngine(shop.engine);
  await shop.env.advance(59_999);
  deepStrictEqual(gate.waiting, ["1"]);
  await shop.env.advance(1);
  deepStrictEqual(gate.waiting, ["1", "2"]);
  gate.open("1");
  gate.open("2");
  strictEqual((await running).succeeded, 2);
});

Deno.test("a job that exceeds its task's timeout has failed with class timeout", async () => {
  const done = new MemoryStore("done");
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    done,
    work: (_job, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  }, { timeout: 30 });
  await using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine);
  await shop.env.advance(29_999);
  strictEqual(shop.engine.running, 1);
  await shop.env.advance(1);
  strictEqual((await running).failed, 1);
  const record = done.data.get("a") as Record<string, unknown>;
  strictEqual(record.class, "timeout");
  strictEqual(record.exception, "TimeoutError: The job ran longer than 30 s");
  strictEqual(shop.env.timers, 0);
});

Deno.test("a function that ignores its timeout has failed, and its job is not started while it runs", async () => {
  const gate = new Gate();
  const done = new MemoryStore("done");
  const input = new MemoryStore("in", keys("a"));
  const task = makeTask("task", { input, done, work: (job) => gate.pass(job) }, { timeout: 1 });
  await using shop = new Workshop(() => [task]);
  const report = await shop.run();
  strictEqual(report.failed, 1);
  strictEqual(report.running, 1);
  strictEqual(shop.engine.lingering, 1);
  strictEqual((done.data.get("a") as Record<string, unknown>).class, "timeout");
  await done.delete("a");
  strictEqual(await shop.stateOf(task, "a"), "running");
  await shop.run();
  deepStrictEqual(shop.started, ["task.a"]);
  gate.open("a");
  await turn();
  strictEqual(shop.engine.lingering, 0);
  strictEqual(await shop.stateOf(task, "a"), "ready");
});

Deno.test("a function that lingers keeps its room", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("a", "b"));
  const task = makeTask("task", { input, work: (job) => gate.pass(job) }, {
    timeout: 1,
    maxConcurrent: 1,
  });
  await using shop = new Workshop(() => [task]);
  const report = await shop.run();
  deepStrictEqual(shop.started, ["task.a"]);
  strictEqual(report.left[0]!.reason, "is ready, but waits: its task runs 1 job at a time");
  gate.open("a");
  await turn();
});

Deno.test("a function that lingers has failed, and is not tried again", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("a"));
  const task = makeTask("task", { input, work: (job) => gate.pass(job) }, {
    timeout: 10,
    retries: 1,
  });
  await using shop = new Workshop(() => [task]);
  const ending = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: ending.signal });
  await shop.env.advance(12_000); // the period of grace included
  await shop.env.advance(1000); // the back-off would be over
  deepStrictEqual(shop.notes, ["start task.a", "fail task.a"]);
  gate.open("a");
  await turn();
  ending.abort();
  strictEqual((await running).failed, 1);
  deepStrictEqual(shop.started, ["task.a"]);
});

Deno.test("Engine.launch() starts a job, ready or not, and gives its record", async () => {
  const output = new MemoryStore("out");
  const task = makeTask("task", { input: new MemoryStore("in"), output });
  await using shop = new Workshop(() => [task]);
  const record = await shop.engine.launch(task, "a", { sync: false });
  strictEqual(record?.success, true);
  ok(output.data.has("a"));
  await rejects(shop.engine.launch(task, "../a", { sync: false }), JobIdError);
});

Deno.test("Engine.launch() refuses what is running, and what finds no room", async () => {
  const gate = new Gate();
  const task = makeTask("task", { input: new MemoryStore("in"), work: (job) => gate.pass(job) }, {
    resources: new ResourceManager(Resources.parse(1, "1Gi")),
    jobResources: new Resources(1, 0),
  });
  await using shop = new Workshop(() => [task]);
  const first = shop.engine.launch(task, "a", { sync: true });
  await turn();
  await rejects(
    shop.engine.launch(task, "a", { sync: true }),
    /Cannot launch "a" of task "task": it is running/,
  );
  await rejects(
    shop.engine.launch(task, "b", { sync: true }),
    /Cannot launch "b" of task "task": not enough CPU is free/,
  );
  gate.open("a");
  strictEqual((await first)?.success, true);
});

Deno.test("Engine.ready() lists once, and names what would be started", async () => {
  const input = new MemoryStore("in", keys("a", "b", "c"));
  const task = makeTask("task", { input, done: new MemoryStore("done", [["b", SUCCEEDED]]) });
  await using shop = new Workshop(() => [task]);
  deepStrictEqual(await shop.engine.ready(task), new Set(["a", "c"]));
  deepStrictEqual(await shop.engine.ready(task), new Set(["a", "c"]));
  strictEqual(input.count("list"), 1);
  task.disabled = true;
  deepStrictEqual(await shop.engine.ready(task), new Set());
});

Deno.test("Engine knows only the tasks it was made with", async () => {
  const [task, other] = ["one", "two"].map((name) => makeTask(name, { input: new MemoryStore() }));
  await using shop = new Workshop(() => [task!]);
  await rejects(shop.engine.ready(other!), /Task "two" is not in this pipeline/);
});

Deno.test("a task with the option ready waits for no other task", async () => {
  const gate = new Gate();
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const first = makeTask("first", { input, output: middle, work: (job) => gate.pass(job) });
  const second = makeTask("second", { input: middle }, { ready: middle });
  await using shop = new Workshop(() => [first, second]);
  const running = runEngine(shop.engine);
  await turn();
  deepStrictEqual(shop.started, ["first.a", "second.a"]);
  gate.open("a");
  await running;
  deepStrictEqual(shop.started.slice(2), ["second.a"], "what it depends on has changed since");
  strictEqual(await shop.stateOf(second, "a"), "ended");
});

Deno.test("the record of a job that changes while it is read is read again", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const done = new MemoryStore<unknown>("done", [["a", SUCCEEDED]]);
  const first = makeTask("first", { input, output: middle, done });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  await shop.engine.look();
  const read = Promise.withResolvers<void>();
  done.slow.set("info", read.promise);
  const state = shop.stateOf(second, "a");
  await turn();
  await done.dump("a", FAILED);
  read.resolve();
  strictEqual(await state, "held");
});

Deno.test("a record that cannot be read makes undecidable what depends on it, until it is written anew", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const done = new MemoryStore<unknown>("done", [["a", SUCCEEDED]]);
  done.broken.add("info");
  const first = makeTask("first", { input, output: middle, done });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  strictEqual(await shop.stateOf(second, "a"), "unknown");
  strictEqual(await shop.stateOf(second, "a"), "unknown");
  strictEqual(done.count("info"), 1, "it is not asked again and again");
  done.broken.clear();
  await done.dump("a", SUCCEEDED);
  strictEqual(await shop.stateOf(second, "a"), "ready");
});

Deno.test("a task waits for one of which it cannot be said whether it may still write", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const fussy = input.map((info) => info, { filter: () => Promise.reject(new Error("no answer")) });
  const first = makeTask("first", { input: fussy, output: middle });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  strictEqual(await shop.stateOf(second, "a"), "unknown");
  first.disabled = true;
  strictEqual(await shop.stateOf(second, "a"), "ready");
});

Deno.test("a task waits for one whose records cannot be listed, though others decide when that is ready", async () => {
  const middle = new MemoryStore("middle", keys("a"));
  const done = new MemoryStore("done", [["a", FAILED]]);
  done.broken.add("list");
  const ready = new MemoryStore("ready");
  const first = makeTask("first", { input: ready, output: middle, done }, { ready });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  strictEqual(await shop.stateOf(second, "a"), "unknown");
});

Deno.test("a look forgets what was read of records: somebody else may have written them anew", async () => {
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("middle", keys("a"))];
  const done = new MemoryStore<unknown>("done", [["a", FAILED]]);
  const first = makeTask("first", { input, output: middle, done });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  strictEqual(await shop.stateOf(second, "a"), "held");
  done.data.set("a", SUCCEEDED);
  await shop.engine.look();
  strictEqual(await shop.stateOf(second, "a"), "ready");
});

Deno.test("Engine hears of nothing after it was closed", async () => {
  const input = new MemoryStore("in", keys("a"));
  const task = makeTask("task", { input });
  const engine = new Engine({ tasks: [task] });
  await engine.look();
  await engine.close();
  await input.dump("b", 1);
  deepStrictEqual(await engine.ready(task), new Set(["a"]));
});

Deno.test("Engine.subscribe() tells until it is disposed of", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) });
  await using shop = new Workshop(() => [task]);
  const seen: string[] = [];
  {
    using _ = shop.engine.subscribe(({ type }) => void seen.push(type));
    await shop.run();
  }
  await shop.engine.launch(task, "b", { sync: true });
  deepStrictEqual(seen, ["start", "end"]);
});

Deno.test("a job whose class is config is not tried again", async () => {
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    work: () => Promise.reject(new JobError("no such thing", { class: "config" })),
  }, { retries: 5 });
  await using shop = new Workshop(() => [task]);
  strictEqual((await shop.run()).failed, 1);
  strictEqual(shop.started.length, 1);
});

Deno.test("Engine.cycle() says that another one could do something while launches wait for their time", async () => {
  const env = new FakeEnv();
  const resources = new ResourceManager(new Resources(4, "1Gi", 1), { now: () => env.elapsed() });
  const input = new MemoryStore("in", keys("a", "b"));
  const task = makeTask("task", { input }, { resources });
  const engine = new Engine({ tasks: [task], env });
  strictEqual(await engine.cycle(), true);
  strictEqual(await engine.cycle(), true);
  strictEqual(engine.stats.launches, 1);
  await env.advance(60_000);
  strictEqual(await engine.cycle(), true);
  strictEqual(engine.stats.launches, 2);
  strictEqual(await engine.cycle(), false);
  await engine.close();
});

Deno.test("a task that writes through a translation does not count as one that writes the translator", async () => {
  const input = new MemoryStore("in", keys("a"));
  const authors = new MemoryStore<string>("authors", [["a", "x"]]);
  const lives = new RelatedItemRepository(new MemoryStore("lives"), authors);
  const write = makeTask("write", { input, output: lives });
  const read = makeTask("read", { input: authors });
  await using shop = new Workshop(() => [write, read]);
  strictEqual(await shop.stateOf(read, "a"), "ready");
});
