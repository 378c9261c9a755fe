import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { Attempt, RecoveredJob } from "../../../lib/attempt.ts";
import type { DoneRecord } from "../../../lib/done_record.ts";
import { explain } from "../../../lib/engine/explain.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import { InUseError, PipelineError, StoreError } from "../../../lib/errors.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { Task } from "../../../lib/task.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { turn } from "./fake_env.ts";
import { MemoryStore, WatchedStore } from "./memory_store.ts";
import { keys, makeTask, SUCCEEDED, Workshop } from "./workshop.ts";

/** A task whose jobs go on without the program, on a machine that can be out of reach. */
class RemoteTask extends Task {
  /** Why the machine cannot be asked; undefined if it can. */
  away: Error | undefined;
  /** What an earlier program has left there: whether each job has ended. */
  readonly left = new Map<string, boolean>();
  /** How often it was asked for that. */
  asked = 0;
  /** Lets what has been left end. */
  readonly ends = Promise.withResolvers<DoneRecord>();

  override execute(_job: string, attempt: Attempt): Promise<DoneRecord> {
    attempt.detach();
    return Promise.resolve(SUCCEEDED);
  }
  override recover(): Promise<RecoveredJob[]> {
    this.asked++;
    if (this.away !== undefined) return Promise.reject(this.away);
    return Promise.resolve(Array.from(this.left, ([job, ended]) => ({
      job,
      attempt: 1,
      started: 0,
      ended,
      resume: () => ended ? Promise.resolve(SUCCEEDED) : this.ends.promise,
    })));
  }
  override settled(job: string): Promise<void> {
    this.left.delete(job);
    return Promise.resolve();
  }
}

function remoteTask(
  input: MemoryStore,
  done: MemoryStore = new MemoryStore("there.done"),
): RemoteTask {
  return new RemoteTask("there", done).link("in", input, { isInput: true });
}

const AWAY = new StoreError("Cannot reach the machine");

Deno.test("a machine that is out of reach keeps only the jobs of its own task from being started", async () => {
  const input = new MemoryStore("in", keys("a"));
  const there = remoteTask(input);
  there.away = AWAY;
  const middle = new MemoryStore("middle", keys("a"));
  there.link("out", middle, { isOutput: true });
  const [here, after] = [makeTask("here", { input }), makeTask("after", { input: middle })];
  await using shop = new Workshop(() => [there, here, after]);
  const report = await shop.run();
  deepStrictEqual(shop.started, ["here.a"]);
  deepStrictEqual(report.unreachable.map(({ task, error }) => [task, error]), [[there, AWAY]]);
  strictEqual(report.running, 0);
  const { state, link, reason } = await explain(shop.engine, shop.engine.state(there), "a");
  deepStrictEqual([state, link], ["unknown", undefined]);
  match(reason, /^cannot be decided: .* task "there" .*: StoreError: Cannot reach the machine$/);
  strictEqual(await shop.stateOf(after, "a"), "unknown", "it may still be written there");
});

Deno.test("what links say of the jobs of a task whose machine is out of reach is still said", async () => {
  const there = remoteTask(
    new MemoryStore("in", keys("a", "b")),
    new MemoryStore("done", [["b", SUCCEEDED]]),
  );
  there.away = AWAY;
  await using shop = new Workshop(() => [there]);
  await shop.run();
  deepStrictEqual(
    [await shop.stateOf(there, "b"), await shop.stateOf(there, "c")],
    ["inhibited", "lacking"],
  );
});

Deno.test("a cycle and a launch go on though the machine of another task is out of reach", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const there = remoteTask(input);
  there.away = AWAY;
  const here = makeTask("here", { input });
  await using shop = new Workshop(() => [there, here]);
  strictEqual((await shop.engine.launch(here, "a", { sync: true }))?.success, true);
  await shop.engine.cycle();
  deepStrictEqual(shop.started, ["here.a", "here.b"]);
  strictEqual(shop.engine.unreachable().length, 1);
  await rejects(
    shop.engine.launch(there, "a", { sync: true }),
    (error) => error instanceof StoreError && /Cannot launch "a".*Cannot reach/.test(error.message),
  );
});

Deno.test("what runs on a machine is taken in when it is back, and nothing is started before", async () => {
  const there = remoteTask(new MemoryStore("in", keys("a", "b")));
  there.away = AWAY;
  there.left.set("a", false);
  await using shop = new Workshop(() => [there]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await shop.env.advance(30_000);
  deepStrictEqual(shop.started, []);
  there.away = undefined;
  await shop.env.advance(10_000);
  deepStrictEqual(shop.started, ["there.b"]);
  strictEqual(await shop.stateOf(there, "a"), "running");
  there.ends.resolve(SUCCEEDED);
  await turn();
  controller.abort();
  const report = await running;
  deepStrictEqual([report.succeeded, report.unreachable], [2, []]);
});

Deno.test("a run that others keep busy starts what is on a machine that is back meanwhile", async () => {
  const there = remoteTask(new MemoryStore("in", keys("a")));
  there.away = AWAY;
  const here = makeTask("here", {
    input: new MemoryStore("other", keys("x")),
    work: () => void (there.away = undefined),
  });
  await using shop = new Workshop(() => [there, here]);
  const report = await shop.run();
  deepStrictEqual([shop.started, report.unreachable], [["here.x", "there.a"], []]);
});

Deno.test("an outage that a store of the task tells of as well is reported once", async () => {
  const input = new MemoryStore("in", keys("a"));
  input.broken.add("list");
  const there = remoteTask(input);
  there.away = new StoreError("in is out of reach");
  await using shop = new Workshop(() => [there]);
  const { unreachable } = await shop.run();
  deepStrictEqual(unreachable.map(({ repository }) => repository), [input]);
});

Deno.test("what another program works on is refused as a whole", async () => {
  const input = new MemoryStore("in", keys("a"));
  for (const error of [new InUseError("process 1 does so"), new PipelineError(["two tasks"])]) {
    const there = remoteTask(input);
    there.away = error;
    await using shop = new Workshop(() => [makeTask("here", { input }), there]);
    await rejects(shop.run(), error);
    await rejects(shop.engine.launch(there, "a", { sync: true }), error);
    deepStrictEqual(shop.started, []);
    there.away = undefined;
    strictEqual((await shop.run()).succeeded, 2);
  }
});

Deno.test("tasks are asked at the same time what was left", async () => {
  const input = new MemoryStore("in", keys("a"));
  const first = remoteTask(input);
  const second = new RemoteTask("second", new MemoryStore("second.done"));
  second.link("in", input, { isInput: true });
  const { promise, resolve } = Promise.withResolvers<RecoveredJob[]>();
  first.recover = () => promise;
  await using shop = new Workshop(() => [first, second]);
  const running = shop.run();
  await turn();
  strictEqual(second.asked, 1);
  resolve([]);
  strictEqual((await running).succeeded, 2);
});

Deno.test("a record that was kept before the program ended is kept, though the machine cannot forget the job", async () => {
  const there = remoteTask(
    new MemoryStore("in", keys("a", "b")),
    new MemoryStore("done", [["a", SUCCEEDED]]),
  );
  there.left.set("a", true);
  there.settled = () => Promise.reject(AWAY);
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  await using shop = new Workshop(() => [there]);
  strictEqual((await shop.run()).succeeded, 1);
  deepStrictEqual(shop.started, ["there.b"]);
  match(warnings[0]!, /^Task "there" cannot forget how "a" ended/);
});

/** A task that can say which jobs have ended, and that nobody has taken in. */
class ReportingTask extends RemoteTask {
  override untaken(): Promise<string[]> {
    if (this.away !== undefined) return Promise.reject(this.away);
    return Promise.resolve([...this.left].filter(([, ended]) => ended).map(([job]) => job));
  }
}

function reportingTask(input: MemoryStore, done = new MemoryStore("there.done")): ReportingTask {
  return new ReportingTask("there", done).link("in", input, { isInput: true });
}

Deno.test("what has ended while no program was there is not called ready, nor is it taken in by who only reads", async () => {
  const input = new MemoryStore("in", keys("a", "b"));
  const middle = new MemoryStore("middle");
  const there = reportingTask(input).link("out", middle, { isOutput: true });
  there.left.set("a", true);
  const after = makeTask("after", { input: middle });
  await using shop = new Workshop(() => [there, after]);
  await shop.engine.survey();
  deepStrictEqual(await shop.engine.ready(there), new Set(["b"]));
  const { state, reason } = await explain(shop.engine, shop.engine.state(there), "a");
  deepStrictEqual([state, reason], [
    "untaken",
    "has ended; the next run takes that in, or the one that is under way",
  ]);
  deepStrictEqual([there.asked, there.left.size], [0, 1]);
  middle.data.set("a", 1);
  await shop.engine.survey();
  strictEqual(await shop.stateOf(after, "a"), "waiting", "its end may still be that it failed");
  strictEqual((await shop.run()).succeeded, 3);
  deepStrictEqual(shop.started, ["there.b", "after.a"]);
});

Deno.test("a job whose record was kept before the program ended is done, though nobody has forgotten it", async () => {
  const done = new MemoryStore("done", [["a", SUCCEEDED]]);
  const there = reportingTask(new MemoryStore("in", keys("a")), done);
  there.left.set("a", true);
  await using shop = new Workshop(() => [there]);
  strictEqual((await explain(shop.engine, shop.engine.state(there), "a")).state, "done");
});

Deno.test("a pipeline says which jobs are ready but for those that have ended", async () => {
  const there = reportingTask(new MemoryStore("in", keys("a", "b")));
  there.left.set("a", true);
  await using pipeline = new Pipeline([there]);
  await pipeline.open();
  deepStrictEqual(await pipeline.gatherReadyJobs(there), new Set(["b"]));
});

Deno.test("who only reads hears that a machine cannot say which jobs have ended, until it can", async () => {
  const there = reportingTask(new MemoryStore("in", keys("a")));
  there.away = AWAY;
  await using shop = new Workshop(() => [there]);
  await shop.engine.survey();
  strictEqual(await shop.stateOf(there, "a"), "unknown");
  deepStrictEqual(shop.engine.unreachable().map(({ task }) => task), [there]);
  there.away = undefined;
  await shop.engine.survey();
  strictEqual(await shop.stateOf(there, "a"), "ready");
  deepStrictEqual(shop.engine.unreachable(), []);
});

Deno.test("who reads while a run is under way makes nothing start of which it is not known whether it runs", async () => {
  const input = new WatchedStore("in", keys("a"));
  const there = reportingTask(input);
  there.recover = () => Promise.reject(AWAY);
  await using shop = new Workshop(() => [there]);
  const controller = new AbortController();
  const running = runEngine(shop.engine, { forever: true, signal: controller.signal });
  await turn();
  await shop.engine.survey();
  input.data.set("b", 1);
  input.tell({ type: "put", job: "b" });
  await shop.env.advance(1000);
  deepStrictEqual(shop.started, []);
  controller.abort();
  await running;
});

Deno.test("Engine.takeIn() takes in a job that has ended before anything is decided about it", async () => {
  const there = reportingTask(new MemoryStore("in", keys("a")));
  there.left.set("a", true);
  await using shop = new Workshop(() => [there]);
  await shop.engine.survey();
  await shop.engine.takeIn(there, "a");
  strictEqual(await shop.stateOf(there, "a"), "inhibited");
  deepStrictEqual([there.left.size, shop.notes], [0, ["end there.a"]]);
});

Deno.test("a launch keeps the record that was kept before the program ended", async () => {
  const done = new MemoryStore("done", [["a", "as it was"]]);
  const there = reportingTask(new MemoryStore("in", keys("a")), done);
  there.left.set("a", true);
  await using shop = new Workshop(() => [there]);
  await shop.engine.launch(there, "b", { sync: true });
  deepStrictEqual([done.data.get("a"), there.left.size], ["as it was", 0]);
});

Deno.test("that no records are to be kept is for what is started from then on", async () => {
  const done = new MemoryStore("done");
  const there = reportingTask(new MemoryStore("in", keys("a")), done);
  for (const job of ["b", "c"]) there.left.set(job, job === "b");
  await using shop = new Workshop(() => [there]);
  await shop.engine.takeIn(there, "a");
  there.metadata = false;
  await shop.engine.launch(there, "a", { sync: true });
  there.ends.resolve(SUCCEEDED);
  await turn();
  deepStrictEqual([...done.data.keys()].sort(), ["b", "c"]);
});

Deno.test("Engine.launch() takes in a job that has ended, and then starts it again", async () => {
  const there = reportingTask(new MemoryStore("in", keys("a")));
  there.left.set("a", true);
  await using shop = new Workshop(() => [there]);
  await shop.engine.launch(there, "a", { sync: true });
  deepStrictEqual(shop.notes, ["end there.a", "start there.a", "end there.a"]);
});
