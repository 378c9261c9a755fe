import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Attempt, RecoveredJob } from "../../../lib/attempt.ts";
import type { DoneRecord } from "../../../lib/done_record.ts";
import { Engine } from "../../../lib/engine/engine.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import { JobError, StoreError } from "../../../lib/errors.ts";
import { ResourceManager } from "../../../lib/resource_manager.ts";
import { Resources } from "../../../lib/resources.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import { Task } from "../../../lib/task.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { START, turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { chain, FAILED, Gate, keys, makeTask, SUCCEEDED, Workshop } from "./workshop.ts";

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
  await using shop = new Workshop(() => [task]);
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
  await using shop = new Workshop(() => [task]);
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
    await using shop = new Workshop(() => [task]);
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
  await using shop = new Workshop(() => [task]);
  await shop.run();
  strictEqual(attempt, 4);
});

Deno.test("run does not start a job again whose record cannot be written, and says so", async () => {
  const done = new MemoryStore("done");
  done.broken.add("dump");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a", "b")), done });
  await using shop = new Workshop(() => [task]);
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
  await using shop = new Workshop(() => [task]);
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
  await using shop = new Workshop(() => tasks);
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
  await using shop = new Workshop(() => [first, second]);
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
  await using shop = new Workshop(() => [first, ...later]);
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
  await using shop = new Workshop(() => tasks);
  strictEqual((await shop.run()).succeeded, 4);
  strictEqual(done.count("info"), 0);
});

Deno.test("a job that a timed-out run has left is not started again, and its end is taken in", async () => {
  const gate = new Gate();
  const { tasks, output } = chain(new MemoryStore("in", keys("a")), {
    first: (job) => gate.pass(job),
  });
  await using shop = new Workshop(() => tasks);
  const first = rejects(runEngine(shop.engine, { timeout: 5 }), { name: "TimeoutError" });
  await shop.env.advance(5000);
  await first;
  const second = runEngine(shop.engine);
  await turn();
  deepStrictEqual(gate.waiting, ["a"]);
  gate.open("a");
  strictEqual((await second).succeeded, 2);
  deepStrictEqual(shop.started, ["first.a", "second.a"]);
  ok(output.data.has("a"));
});

Deno.test("a job that a closed engine has left is not started again, and its end is taken in", async () => {
  const gate = new Gate();
  const { tasks, first } = chain(new MemoryStore("in", keys("a")), {
    first: (job) => gate.pass(job),
  });
  const before = new Engine({ tasks });
  const ended = before.launch(first, "a", { sync: true });
  await turn();
  await before.close();
  await using shop = new Workshop(() => tasks);
  const running = runEngine(shop.engine);
  await turn();
  strictEqual(await shop.stateOf(first, "a"), "running");
  gate.open("a");
  strictEqual((await running).succeeded, 1);
  strictEqual((await ended)?.success, true);
  deepStrictEqual(shop.started, ["second.a"]);
});

Deno.test("a job that lingers after a closed engine is not started again, nor waited for", async () => {
  const rest = Promise.withResolvers<void>();
  const input = new MemoryStore("in", keys("a"));
  const task = new LingeringTask("task", new MemoryStore("done"), rest.promise).link("in", input, {
    isInput: true,
  });
  const before = new Engine({ tasks: [task] });
  await before.launch(task, "a", { sync: true });
  await before.close();
  await task.done.delete("a");
  await using shop = new Workshop(() => [task]);
  strictEqual((await shop.run()).running, 1);
  deepStrictEqual(shop.started, []);
  rest.resolve();
  await turn();
  await shop.run();
  deepStrictEqual(shop.started, ["task.a"]);
});

Deno.test("what is left of an attempt may fail: then it has ended as well", async () => {
  const rest = Promise.withResolvers<void>();
  const task = new LingeringTask("task", new MemoryStore("done"), rest.promise);
  await using shop = new Workshop(() => [task]);
  await shop.engine.launch(task, "a", { sync: true });
  strictEqual(shop.engine.lingering, 1);
  rest.reject(new Error("it fails late"));
  await turn();
  strictEqual(shop.engine.lingering, 0);
});

Deno.test("a job that a closed engine has left to go on without it holds its room once", async () => {
  const resources = new ResourceManager(Resources.parse(1, "1Gi"));
  const input = new MemoryStore("in", keys("a", "b"));
  const task = new DetachedTask("task", new MemoryStore("done"), {
    resources,
    jobResources: new Resources(1),
  }).link("in", input, { isInput: true });
  for (let i = 0; i < 2; i++) {
    const engine = new Engine({ tasks: [task] });
    await engine.cycle();
    await engine.close();
  }
  task.ends.resolve();
  await using shop = new Workshop(() => [task]);
  deepStrictEqual((await shop.run()).left, []);
  deepStrictEqual(shop.started, ["task.b"]);
});

Deno.test("what an earlier program has left is taken in once, though two launches ask for it at the same time", async () => {
  const task = new DetachedTask("task", new MemoryStore("done"));
  const before = new Engine({ tasks: [task] });
  await before.launch(task, "a", { sync: false });
  await before.close();
  await using shop = new Workshop(() => [task]);
  await Promise.all(["b", "c"].map((job) => shop.engine.launch(task, job, { sync: false })));
  strictEqual(shop.engine.running, 3);
  task.ends.resolve();
  await turn();
  strictEqual(shop.engine.running, 0);
});

/** A task whose jobs go on without the program that has started them. */
class DetachedTask extends Task {
  readonly ends = Promise.withResolvers<void>();
  readonly #started = new Set<string>();

  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    this.#started.add(job);
    attempt.detach();
    await this.ends.promise;
    return SUCCEEDED;
  }
  override recover(): Promise<RecoveredJob[]> {
    return Promise.resolve(Array.from(this.#started, (job) => ({
      job,
      attempt: 1,
      started: 0,
      ended: false,
      resume: (attempt) => this.execute(job, attempt),
    })));
  }
  override settled(job: string): Promise<void> {
    this.#started.delete(job);
    return Promise.resolve();
  }
}

/** A task whose jobs are recorded as failed while something of them goes on. */
class LingeringTask extends Task {
  constructor(name: string, done: MemoryStore, readonly rest: Promise<void>) {
    super(name, done);
  }
  override execute(_job: string, attempt: Attempt): Promise<DoneRecord> {
    attempt.linger(this.rest);
    return Promise.resolve(FAILED);
  }
}

Deno.test("Engine.close() waits for the records of jobs that have ended, and tries once more to write them", async () => {
  const done = new MemoryStore("done");
  done.broken.add("dump");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  const engine = new Engine({ tasks: [task] }); // in real time
  const ended = engine.launch(task, "a", { sync: true });
  await turn();
  strictEqual(done.count("dump"), 1);
  done.broken.clear();
  await engine.close();
  ok(done.data.has("a"));
  await ended;
});

Deno.test("a job that ends after its engine was closed is recorded, or it is said that it could not be", async () => {
  const gate = new Gate();
  const done = new MemoryStore("done");
  const input = new MemoryStore("in", keys("a", "b"));
  const task = makeTask("task", { input, done, work: (job) => gate.pass(job) });
  const engine = new Engine({ tasks: [task] }); // in real time
  const ended = ["a", "b"].map((job) => engine.launch(task, job, { sync: true }));
  await turn();
  await engine.close();
  gate.open("a");
  await ended[0];
  ok(done.data.has("a"));
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  done.broken.add("dump");
  gate.open("b");
  await ended[1];
  deepStrictEqual(warnings, [
    'Task "task" has run "b", but cannot record that: StoreError: done is out of reach',
  ]);
});

Deno.test("a run that timed out while it looked starts nothing in a later run", async () => {
  const listed = Promise.withResolvers<void>();
  const input = new MemoryStore("in", keys("a"));
  input.slow.set("list", listed.promise);
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  const first = rejects(runEngine(shop.engine, { timeout: 5 }), { name: "TimeoutError" });
  await shop.env.advance(5000);
  await first;
  const ending = new AbortController();
  const second = runEngine(shop.engine, { signal: ending.signal });
  await turn();
  ending.abort(); // so that only the first could start something
  listed.resolve();
  strictEqual((await second).interrupted, true);
  await turn();
  deepStrictEqual(shop.started, []);
});

Deno.test("run says of a job whose translation cannot be read that it cannot be decided, and runs the others", async () => {
  for (const prefetchLookup of [true, false]) {
    const lives = new MemoryStore("lives", keys("x", "y"));
    const authors = new BrokenTranslator("authors", [["a", "x"], ["b", "y"]]);
    const input = new RelatedItemRepository(lives, authors, { prefetchLookup });
    const task = makeTask("task", { input });
    await using shop = new Workshop(() => [task]);
    const { left } = await shop.run();
    deepStrictEqual(shop.started, ["task.b"]);
    deepStrictEqual(left.map(({ state, count, job }) => [state, count, job]), [[
      "unknown",
      1,
      "a",
    ]]);
  }
});

/** A translator one value of which cannot be read. */
class BrokenTranslator extends MemoryStore<string> {
  override async info(job: string): Promise<string | undefined> {
    if (job === "a") throw new StoreError("this one is broken");
    return await super.info(job);
  }
  override async infoAll(): Promise<Map<string, string | undefined>> {
    return new Map(
      await Promise.all(
        [...this.data.keys()].map(async (job) => [job, await this.info(job)] as const),
      ),
    );
  }
}
