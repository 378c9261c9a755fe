import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { runEngine } from "../../../lib/engine/run.ts";
import { StoreError } from "../../../lib/errors.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { turn } from "./fake_env.ts";
import { MemoryStore, WatchedStore } from "./memory_store.ts";
import { Gate, keys, makeTask, Workshop } from "./workshop.ts";

Deno.test("run with forever hears of new keys where it can watch", async () => {
  const input = new WatchedStore("in");
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  input.data.set("a", 1);
  input.tell({ type: "put", job: "a" });
  await turn();
  deepStrictEqual(shop.started, ["task.a"]);
  input.data.set("b", 1);
  input.tell({ type: "relist" });
  await input.dump("c", 1); // its own subscription tells
  await shop.env.advance(0);
  deepStrictEqual(shop.started.sort(), ["task.a", "task.b", "task.c"]);
  controller.abort();
  const report = await running;
  strictEqual(report.succeeded, 3);
});

Deno.test("run with forever lists again what it cannot watch, even while jobs run", async () => {
  const gate = new Gate();
  const [input, watched] = [new MemoryStore("in", keys("a")), new WatchedStore("watched")];
  const task = makeTask("task", { input, work: (job) => gate.pass(job) });
  const other = makeTask("other", { input: watched });
  await using shop = new Workshop(() => [task, other]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await shop.env.advance(9_999);
  input.data.set("b", 1);
  strictEqual(input.count("list"), 1);
  await shop.env.advance(1);
  strictEqual(input.count("list"), 2);
  deepStrictEqual(shop.started, ["task.a", "task.b"]);
  strictEqual(watched.count("list"), 1);
  await shop.env.advance(300_000);
  strictEqual(watched.count("list"), 2, "no watch is trusted for ever");
  controller.abort();
  gate.open("a");
  gate.open("b");
  await running;
});

Deno.test("run with forever lists a store again whose watch has failed", async () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  const input = new WatchedStore("in");
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  input.tell(new StoreError("the watch is away"));
  await turn();
  deepStrictEqual(warnings.map((warning) => warning.includes("in can no longer be watched")), [
    true,
  ]);
  input.data.set("a", 1);
  await shop.env.advance(10_000);
  deepStrictEqual(shop.started, ["task.a"]);
  controller.abort();
  await running;
});

Deno.test("run with forever runs a job again whose record somebody else has deleted", async () => {
  const done = new MemoryStore("done");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  done.data.delete("a");
  await shop.env.advance(10_000);
  deepStrictEqual(shop.started, ["task.a", "task.a"]);
  controller.abort();
  await running;
});

Deno.test("run with forever does not run a job twice because a watch is late", async () => {
  const done = new WatchedStore("done");
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  await done.delete("a"); // heard at once: the job runs again
  await turn();
  deepStrictEqual(shop.started, ["task.a", "task.a"]);
  done.tell({ type: "delete", job: "a" }); // what the watch saw of that deletion
  await turn();
  done.tell({ type: "put", job: "a" });
  await turn();
  deepStrictEqual(shop.started, ["task.a", "task.a"]);
  controller.abort();
  await running;
});

Deno.test("run with forever recovers from a store that could not be listed", async () => {
  const input = new MemoryStore("in", keys("a"));
  input.broken.add("list");
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  input.broken.clear();
  await shop.env.advance(10_000);
  deepStrictEqual(shop.started, ["task.a"]);
  controller.abort();
  await running;
});

Deno.test("run with forever ends when its engine is closed", async () => {
  const task = makeTask("task", { input: new WatchedStore("in", keys("a")) });
  await using shop = new Workshop(() => [task]);
  const running = runEngine(shop.engine, { forever: true });
  await turn();
  await shop.engine.close();
  const report = await shop.env.until(running);
  deepStrictEqual([report.succeeded, report.interrupted], [1, true]);
  strictEqual(shop.env.timers, 0);
});

Deno.test("run with forever waits ten times as long as a listing takes before the next, and lists others meanwhile", async () => {
  const { promise: listed, resolve } = Promise.withResolvers<void>();
  const [slow, quick] = [new MemoryStore("slow"), new MemoryStore("quick")];
  slow.slow.set("list", listed);
  const tasks = [makeTask("s", { input: slow }), makeTask("q", { input: quick })];
  await using shop = new Workshop(() => tasks);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await shop.env.advance(60_000);
  resolve(); // a minute, as of very many keys
  await shop.env.advance(599_999);
  deepStrictEqual([slow.count("list"), quick.count("list")], [1, 60]);
  await shop.env.advance(1);
  strictEqual(slow.count("list"), 2);
  await shop.env.advance(10_000);
  strictEqual(slow.count("list"), 3, "the second listing was quick");
  controller.abort();
  await running;
});

Deno.test("run with forever waits longer for what is watched, too, if it takes long to list", async () => {
  const { promise: listed, resolve } = Promise.withResolvers<void>();
  const input = new WatchedStore("in");
  input.slow.set("list", listed);
  const task = makeTask("task", { input });
  await using shop = new Workshop(() => [task]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await shop.env.advance(60_000);
  resolve();
  await shop.env.advance(590_000);
  strictEqual(input.count("list"), 1);
  await shop.env.advance(10_000);
  strictEqual(input.count("list"), 2);
  controller.abort();
  await running;
});

Deno.test("run with forever lists again what says so, and not for that what is not due", async () => {
  const [other, input] = [new MemoryStore("other"), new WatchedStore("in")];
  const tasks = [makeTask("task", { input }), makeTask("by", { input: other })];
  await using shop = new Workshop(() => tasks);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await shop.env.advance(5000);
  input.tell({ type: "relist" });
  await shop.env.advance(1);
  deepStrictEqual([input.count("list"), other.count("list")], [2, 1]);
  controller.abort();
  await running;
});
