import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { explain, type Explanation } from "../../../lib/engine/explain.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import { StoreError } from "../../../lib/errors.ts";
import { ResourceManager } from "../../../lib/resource_manager.ts";
import { Resources } from "../../../lib/resources.ts";
import { RelatedItemRepository } from "../../../lib/related_item_repository.ts";
import type { Task, TaskOptions } from "../../../lib/task.ts";
import { turn } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";
import { Gate, keys, makeTask, Workshop } from "./workshop.ts";

const RECORD = { start_time: "2026-01-01T00:00:00.000Z", end_time: "2026-01-01T00:00:09.000Z" };

/** Explains a job of a task once the engine has looked. */
async function why(shop: Workshop, task: Task, job = "a"): Promise<Explanation> {
  return await explain(shop.engine, shop.engine.state(task), job);
}

/** A task whose job "a" has a record. */
function recorded(record: Record<string, unknown>, options: TaskOptions = {}): Task {
  const done = new MemoryStore("done", [["a", record]]);
  return makeTask("task", { input: new MemoryStore("in", keys("a")), done }, options);
}

Deno.test("explain() says of a job that it is ready", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) });
  await using shop = new Workshop(() => [task]);
  deepStrictEqual(await why(shop, task), {
    task: "task",
    job: "a",
    state: "ready",
    reason: "is ready",
    because: [],
  });
});

Deno.test("explain() says what a ready job waits for", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("a", "b"));
  const work = (job: string): unknown => gate.pass(job);
  const quota = (cpu: number): ResourceManager => new ResourceManager(Resources.parse(cpu, "1Gi"));
  const cases: [options: TaskOptions, reason: string][] = [
    [{ maxConcurrent: 1 }, "is ready, but waits: its task runs 1 job at a time"],
    [
      { resources: quota(1), jobResources: new Resources(1, 0) },
      "is ready, but waits until enough CPU is free",
    ],
  ];
  for (const [options, reason] of cases) {
    const task = makeTask("task", { input, work }, options);
    await using shop = new Workshop(() => [task]);
    const running = runEngine(shop.engine);
    await turn();
    strictEqual((await why(shop, task, "b")).reason, reason);
    gate.open("a");
    await turn();
    gate.open("b");
    await running;
  }
  const greedy = makeTask("task", { input }, {
    resources: quota(1),
    jobResources: new Resources(2, 0),
  });
  await using shop = new Workshop(() => [greedy]);
  const { state, reason } = await why(shop, greedy);
  strictEqual(state, "stuck");
  match(reason, /^can never start: it needs 2 CPU, and there is 1 in all; lower /);
});

Deno.test("explain() says that a task is disabled", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) }, { disabled: true });
  await using shop = new Workshop(() => [task]);
  const { state, reason } = await why(shop, task);
  deepStrictEqual([state, reason], ["disabled", "is not started: its task is disabled"]);
});

Deno.test("explain() says since when a job has been running", async () => {
  const gate = new Gate();
  const input = new MemoryStore("in", keys("a"));
  const task = makeTask("task", { input, work: (job) => gate.pass(job) });
  await using shop = new Workshop(() => [task]);
  await shop.env.advance(1000);
  const running = runEngine(shop.engine);
  await turn();
  const { state, reason } = await why(shop, task);
  deepStrictEqual([state, reason], ["running", "has been running since 2026-01-01T00:00:01.000Z"]);
  gate.open("a");
  await running;
});

Deno.test("explain() says when and how often a job is tried again", async () => {
  const task = makeTask("task", {
    input: new MemoryStore("in", keys("a")),
    work: () => Promise.reject(new TypeError("no luck")),
  }, { retries: 3, backoff: 8 });
  await using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine);
  const reasons: string[] = [];
  for (const seconds of [0, 4, 8]) {
    await shop.env.advance(seconds * 1000);
    reasons.push((await why(shop, task)).reason);
  }
  const failed = "failed (user: TypeError: no luck) and is tried again at 2026-01-01T00:00:";
  deepStrictEqual(reasons, [
    `${failed}04.000Z, for the 2nd time`,
    `${failed}12.000Z, for the 3rd time`,
    `${failed}28.000Z, for the 4th time`,
  ]);
  await shop.env.until(running);
});

Deno.test("explain() says how a job that is done has ended", async () => {
  const cases: [record: Record<string, unknown>, state: string, reason: string][] = [
    [{ ...RECORD, success: true }, "done", "is done: it ended well at 2026-01-01T00:00:09.000Z"],
    [{}, "done", "is done: it ended well"],
    [
      { ...RECORD, success: false, class: "user", exception: "Error: no", attempts: 1 },
      "failed",
      "failed at 2026-01-01T00:00:09.000Z (user: Error: no)",
    ],
    [
      { ...RECORD, success: false, class: "infra", return_code: 255, attempts: 3 },
      "failed",
      "failed at 2026-01-01T00:00:09.000Z after 3 attempts (infra: return code 255)",
    ],
    [{ success: false, reason: "OOMKilled" }, "failed", "failed (user: OOMKilled)"],
  ];
  for (const [record, state, reason] of cases) {
    const task = recorded(record);
    await using shop = new Workshop(() => [task]);
    deepStrictEqual(await why(shop, task), {
      task: "task",
      job: "a",
      state,
      link: "task.done",
      reason,
      because: [],
    });
  }
});

Deno.test("explain() says that a record cannot be read", async () => {
  const done = new MemoryStore("done", [["a", RECORD]]);
  done.broken.add("info");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  await using shop = new Workshop(() => [task]);
  const { state, reason } = await why(shop, task);
  deepStrictEqual([state, reason], [
    "done",
    "is done, but its record cannot be read: StoreError: done is out of reach",
  ]);
});

Deno.test("explain() names the link that inhibits, and the one that lacks", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) });
  task.link("veto", new MemoryStore("veto", keys("a")), { inhibitsStart: true });
  await using shop = new Workshop(() => [task]);
  const inhibited = await why(shop, task);
  deepStrictEqual([inhibited.state, inhibited.link, inhibited.reason], [
    "inhibited",
    "task.veto",
    'is not started: "veto" holds it, which inhibits the start',
  ]);
  const lacking = await why(shop, task, "nowhere");
  deepStrictEqual([lacking.state, lacking.link, lacking.reason], [
    "lacking",
    "task.in",
    'is not started: "in" lacks it, which is required',
  ]);
});

Deno.test("explain() says why nothing can be said", async () => {
  const broken = new MemoryStore("broken");
  broken.broken.add("list");
  const task = makeTask("task", { input: broken });
  await using shop = new Workshop(() => [task]);
  const { state, link, reason } = await why(shop, task);
  deepStrictEqual([state, link, reason], [
    "unknown",
    "task.in",
    'cannot be decided: "in" cannot say what it holds: StoreError: broken is out of reach',
  ]);
});

Deno.test("explain() says of a job whose record was not kept that it has ended", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) });
  task.metadata = false;
  await using shop = new Workshop(() => [task]);
  await shop.run();
  const { state, reason } = await why(shop, task);
  deepStrictEqual([state, reason], [
    "ended",
    "has ended in this run, and nothing it depends on has changed since",
  ]);
});

Deno.test("explain() goes back to where a reason began", async () => {
  const stores = ["in", "one", "two"].map((name) => new MemoryStore(name));
  stores[0]!.data.set("a", 1);
  const tasks = stores.map((input, i) =>
    makeTask(`task${i}`, {
      input,
      ...stores[i + 1] && { output: stores[i + 1]! },
      ...i === 0 && { work: () => Promise.reject(new StoreError("away")) },
    }, { retries: { infra: 0 } })
  );
  await using shop = new Workshop(() => tasks);
  await shop.run();
  const last = await why(shop, tasks[2]!);
  const chain: string[] = [];
  for (let at: Explanation | undefined = last; at !== undefined; at = at.because[0]) {
    chain.push(`${at.task}.${at.job}: ${at.state}`);
  }
  deepStrictEqual(chain, ["task2.a: lacking", "task1.a: lacking", "task0.a: failed"]);
});

Deno.test("explain() goes back under other keys", async () => {
  const lives = new MemoryStore("lives");
  const writers = new MemoryStore("writers", keys("x"));
  const authors = new MemoryStore("authors", [["a", "x"]]);
  const write = makeTask("write", { input: writers, output: lives }, { disabled: true });
  const read = makeTask("read", { input: new RelatedItemRepository(lives, authors) });
  await using shop = new Workshop(() => [write, read]);
  const { state, because } = await why(shop, read);
  strictEqual(state, "lacking");
  deepStrictEqual(because.map(({ task, job, state }) => [task, job, state]), [
    ["write", "x", "disabled"],
  ]);
});

Deno.test("explain() says what a job waits for, and what holds it", async () => {
  const gate = new Gate();
  const [input, middle] = [new MemoryStore("in", keys("a")), new MemoryStore("mid", keys("a"))];
  const first = makeTask("first", { input, output: middle, work: (job) => gate.pass(job) });
  const second = makeTask("second", { input: middle });
  await using shop = new Workshop(() => [first, second]);
  const running = runEngine(shop.engine);
  await turn();
  const waiting = await why(shop, second);
  deepStrictEqual([waiting.state, waiting.link, waiting.reason, waiting.because[0]?.state], [
    "waiting",
    "second.in",
    'waits: task "first" may still write "in" for it',
    "running",
  ]);
  gate.fail("a", new Error("no luck"));
  await running;
  const held = await why(shop, second);
  deepStrictEqual([held.state, held.reason, held.because[0]?.state], [
    "held",
    'is held: task "first", which writes "in", failed',
    "failed",
  ]);
});

Deno.test("explain() says how a job stands that its task knows more of", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const live = new MemoryStore("live", keys("a"));
  const task = makeTask("task", { input });
  task.link("live", live, { isStatus: true, inhibitsStart: true });
  task.state = (job) => Promise.resolve(job === "a" ? "waits for a node" : undefined);
  await using shop = new Workshop(() => [task]);
  const { state, reason } = await why(shop, task, "a");
  deepStrictEqual([state, reason], ["running", "waits for a node"]);
  strictEqual((await why(shop, task, "b")).state, "ready");
});
