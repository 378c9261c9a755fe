import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { AggregateOrRepository } from "../../../lib/aggregate_repository.ts";
import { Engine } from "../../../lib/engine/engine.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import { turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { chain, FAILED, Gate, keys, makeTask, SUCCEEDED, Workshop } from "./workshop.ts";

Deno.test("run starts a successor at once, with no timer in between", async () => {
  const { tasks, output } = chain(new MemoryStore("in", keys("a", "b")));
  await using shop = new Workshop(() => tasks);
  const report = await runEngine(shop.engine); // nobody lets time pass
  deepStrictEqual([...output.data.keys()].sort(), ["a", "b"]);
  strictEqual(report.succeeded, 4);
  deepStrictEqual(report.left, []);
  strictEqual(shop.env.elapsed(), 0);
});

Deno.test("run starts a job as soon as what it needs is there, while others still run", async () => {
  const gate = new Gate();
  const { tasks, output } = chain(new MemoryStore("in", keys("quick", "slow")), {
    first: (job) => job === "slow" ? gate.pass(job) : undefined,
  });
  await using shop = new Workshop(() => tasks);
  const running = runEngine(shop.engine);
  await turn();
  deepStrictEqual([...output.data.keys()], ["quick"]);
  gate.open("slow");
  strictEqual((await running).succeeded, 4);
});

Deno.test("run tells of the end of a job before the start of its successor", async () => {
  const { tasks } = chain(new MemoryStore("in", keys("a")));
  await using shop = new Workshop(() => tasks);
  await shop.run();
  deepStrictEqual(shop.notes, ["start first.a", "end first.a", "start second.a", "end second.a"]);
});

Deno.test("run of a pipeline with nothing to do lists every repository once, and reads nothing", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const middle = new MemoryStore("middle", keys("a", "b"));
  const first = makeTask("first", {
    input,
    output: middle,
    done: new MemoryStore("done1", [["a", SUCCEEDED], ["b", FAILED]]),
  });
  const view = middle.map((info) => info);
  const second = makeTask("second", {
    input: view,
    done: new MemoryStore("done2", [["a", SUCCEEDED], ["b", SUCCEEDED]]),
  });
  second.link("again", middle, { isInput: true });
  await using shop = new Workshop(() => [first, second]);
  await shop.run();
  deepStrictEqual(shop.started, []);
  const { looking: _, ...counts } = shop.engine.stats;
  deepStrictEqual(counts, { listings: 4, reads: 0, writes: 0, events: 0, launches: 0 });
  for (const store of [input, middle]) {
    deepStrictEqual([...store.calls], [["list", 1]]);
  }
});

Deno.test("run takes another look when something ran, and finds what appeared unseen", async () => {
  const input = new MemoryStore("in", keys("a"));
  const other = new MemoryStore("other");
  const first = makeTask("first", { input, work: () => void other.data.set("x", 1) });
  const second = makeTask("second", { input: other });
  await using shop = new Workshop(() => [first, second]);
  await shop.run();
  deepStrictEqual(shop.started, ["first.a", "second.x"]);
});

Deno.test("run starts jobs by priority, then by the order of tasks, then in natural order", async () => {
  const jobs = keys("10", "2", "1", "b");
  const tasks = [
    makeTask("last", { input: new MemoryStore("in", jobs) }, { maxConcurrent: 1, priority: -1 }),
    makeTask("one", { input: new MemoryStore("in", jobs) }, { maxConcurrent: 1 }),
    makeTask("two", { input: new MemoryStore("in", jobs) }, {
      maxConcurrent: 1,
      priority: (job) => job === "10" ? 1 : 0,
    }),
  ];
  await using shop = new Workshop(() => tasks);
  await shop.run({ launchOnce: true });
  for (const name of ["last", "one", "two"]) {
    const own = shop.started.filter((each) => each.startsWith(name)).map((each) =>
      each.split(".")[1]
    );
    deepStrictEqual(own, name === "two" ? ["10", "1", "2", "b"] : ["1", "2", "10", "b"]);
  }
  deepStrictEqual(shop.started.slice(0, 3), ["two.10", "one.1", "last.1"]);
});

Deno.test("run adds the priority of the pipeline to that of the task", async () => {
  const input = new MemoryStore("in", keys("1", "2", "3"));
  const task = makeTask("task", { input }, { maxConcurrent: 1, priority: (job) => Number(job) });
  const asked: string[] = [];
  await using shop = new Workshop(() => [task], (task, job) => {
    asked.push(`${task.name}.${job}`);
    return job === "1" ? 5 : 0;
  });
  await shop.run();
  deepStrictEqual(shop.started, ["task.1", "task.3", "task.2"]);
  deepStrictEqual(asked.sort(), ["task.1", "task.2", "task.3"], "once a job");
});

Deno.test("run keeps to maxConcurrent", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("1", "2", "3"));
  const task = makeTask("task", { input, work: (job) => gate.pass(job) }, { maxConcurrent: 2 });
  await using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine);
  await turn();
  deepStrictEqual(gate.waiting, ["1", "2"]);
  deepStrictEqual(shop.engine.obstacle(task), { kind: "concurrency", limit: 2 });
  gate.open("2");
  await turn();
  deepStrictEqual(gate.waiting, ["1", "3"]);
  gate.open("1");
  gate.open("3");
  strictEqual((await running).succeeded, 3);
});

Deno.test("run takes data that somebody put into the middle as input", async () => {
  const { middle, tasks } = chain(new MemoryStore("in", keys("a")));
  middle.data.set("x", 1);
  await using shop = new Workshop(() => tasks);
  await shop.run();
  deepStrictEqual(shop.started, ["first.a", "second.x", "second.a"]);
});

Deno.test("run waits, job by job, for a task that may still write over what is there", async () => {
  const { middle, tasks } = chain(new MemoryStore("in", keys("a")));
  middle.data.set("a", "stale");
  const seen: unknown[] = [];
  const third = makeTask("third", {
    input: middle,
    work: (job) => seen.push(middle.data.get(job)),
  });
  await using shop = new Workshop(() => [third, ...tasks]);
  await shop.run();
  deepStrictEqual(seen, ["by first"]);
});

Deno.test("run ends though a look has to ask again for what could not be said", async () => {
  const authors = new MemoryStore("authors", [["a", "no id!"]]);
  const either = new AggregateOrRepository({
    lives: new RelatedItemRepository(new MemoryStore("lives"), authors, { prefetchLookup: false }),
    input: new MemoryStore("in", keys("a")),
  });
  let attempts = 0;
  const task = makeTask("task", {
    input: either,
    work: () => void (++attempts === 3 && shop.engine.stop()),
  });
  task.metadata = false; // so that nothing but the run itself knows that the job has ended
  await using shop = new Workshop(() => [task]);
  await shop.run();
  deepStrictEqual(shop.started, ["task.a"]);
});

Deno.test("run of tasks in a cycle comes to an end", async () => {
  const [a, b] = [new MemoryStore("a", keys("1")), new MemoryStore("b")];
  const tasks = [
    makeTask("there", { input: a, output: b }),
    makeTask("back", { input: b, output: a }),
  ];
  await using shop = new Workshop(() => tasks);
  await shop.run();
  deepStrictEqual(shop.started, ["there.1", "back.1"]);
});

Deno.test("run leaves alone what depends on a store that cannot be listed, and nothing else", async () => {
  const broken = new MemoryStore("broken", keys("a"));
  broken.broken.add("list");
  const blind = makeTask("blind", { input: broken });
  const careful = makeTask("careful", { input: new MemoryStore("in", keys("a")) });
  careful.link("unless", broken, { inhibitsStart: true });
  const healthy = makeTask("healthy", { input: new MemoryStore("in", keys("a")) });
  await using shop = new Workshop(() => [blind, careful, healthy]);
  const report = await shop.run();
  deepStrictEqual(shop.started, ["healthy.a"]);
  deepStrictEqual(report.unreachable.map(({ repository }) => repository), [broken]);
  strictEqual(await shop.stateOf(careful, "a"), "unknown");
});

Deno.test("run never starts a job of which an inhibiting filter cannot be asked", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const fussy = new MemoryStore("fussy", keys("a", "b")).map((info) => info, {
    filter: (job) => job === "a" ? Promise.reject(new Error("the filter fails")) : false,
  });
  const task = makeTask("task", { input });
  task.link("unless", fussy, { inhibitsStart: true });
  await using shop = new Workshop(() => [task]);
  await shop.run();
  deepStrictEqual(shop.started, ["task.b"]);
  strictEqual(await shop.stateOf(task, "a"), "unknown");
});

Deno.test("run starts nothing by half a change: views of one store agree before anything is started", async () => {
  const store = new MemoryStore("in");
  const task = makeTask("task", { input: store.map((info) => info, { filter: () => true }) });
  task.link("unless", store.map((info) => info, { filter: (job) => job === "a" }), {
    inhibitsStart: true,
  });
  const other = makeTask("other", {
    input: new MemoryStore("other", keys("1")),
    work: async () => {
      await store.dump("a", 1);
      await store.dump("b", 1);
    },
  });
  await using shop = new Workshop(() => [task, other]);
  await shop.run();
  deepStrictEqual(shop.started, ["other.1", "task.b"]);
});

Deno.test("A-12: run ends when all that is left is held, and says why", async () => {
  const { tasks, middle } = chain(new MemoryStore("in", keys("a")), {
    first: async (job) => {
      await middle.dump(job, 1);
      throw new Error("no luck");
    },
  });
  await using shop = new Workshop(() => tasks);
  const report = await runEngine(shop.engine);
  strictEqual(report.left.length, 1);
  strictEqual(report.left[0]!.task.name, "second");
  strictEqual(report.left[0]!.reason, 'is held: task "first", which writes "in", failed');
});

Deno.test("run with launchOnce starts what is ready at first, and waits for it", async () => {
  const { tasks } = chain(new MemoryStore("in", keys("a", "b")));
  await using shop = new Workshop(() => tasks);
  const report = await shop.run({ launchOnce: true });
  deepStrictEqual(shop.started, ["first.a", "first.b"]);
  strictEqual(report.succeeded, 2);
  deepStrictEqual(report.left.map(({ state, count }) => [state, count]), [["ready", 2]]);
});

Deno.test("run gives up after its timeout", async () => {
  const gate = new Gate();
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("1", "2")),
    work: (job) => gate.pass(job),
  }, {
    maxConcurrent: 1,
  });
  await using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine, { timeout: 5 });
  const expected = rejects(running, { name: "TimeoutError", message: "Pipeline run timeout" });
  await shop.env.advance(4999);
  strictEqual(shop.engine.running, 1);
  await shop.env.advance(1);
  await expected;
  gate.open("1");
  await turn();
  deepStrictEqual(shop.started, ["task.1"], "nothing more is started");
});

Deno.test("A-18: run stops when its signal is aborted, and waits for what runs in this process", async () => {
  const gate = new Gate();
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("1", "2")),
    work: (job) => gate.pass(job),
  }, {
    maxConcurrent: 1,
  });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  let ended = false;
  const running = runEngine(shop.engine, { signal: controller.signal }).finally(() =>
    void (ended = true)
  );
  await turn();
  controller.abort();
  await turn();
  ok(!ended);
  gate.open("1");
  const report = await running;
  strictEqual(report.interrupted, true);
  strictEqual(report.succeeded, 1);
  deepStrictEqual(shop.started, ["task.1"]);
});

Deno.test("run starts nothing when its signal is aborted before or during the first look", async () => {
  const input = new MemoryStore("in", keys("a"));
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  strictEqual((await runEngine(shop.engine, { signal: AbortSignal.abort() })).interrupted, true);
  strictEqual(input.count("list"), 0);
  const listed = Promise.withResolvers<void>();
  input.slow.set("list", listed.promise);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { signal: controller.signal });
  await turn();
  controller.abort();
  listed.resolve();
  strictEqual((await running).interrupted, true);
  deepStrictEqual(shop.started, []);
});

Deno.test("run of 100,000 small jobs lets timers have their turn", async () => {
  const jobs = Array.from({ length: 100_000 }, (_, i) => String(i));
  const input = new MemoryStore("in", keys(...jobs));
  const task = makeTask("task", { input });
  const engine = new Engine({ tasks: [task] }); // in real time
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  try {
    strictEqual((await runEngine(engine)).succeeded, 100_000);
    ok(turns > 0);
  } finally {
    clearInterval(timer);
    await engine.close();
  }
});
