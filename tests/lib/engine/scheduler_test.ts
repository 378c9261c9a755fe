import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { KeyIndex } from "../../../lib/engine/key_index.ts";
import { KeySet } from "../../../lib/engine/key_set.ts";
import { Scheduler } from "../../../lib/engine/scheduler.ts";
import { noStats } from "../../../lib/engine/stats.ts";
import { TaskState } from "../../../lib/engine/task_state.ts";
import { ResourceManager } from "../../../lib/resource_manager.ts";
import { Resources } from "../../../lib/resources.ts";
import type { TaskOptions } from "../../../lib/task.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { MemoryStore } from "./memory_store.ts";
import { makeTask } from "./workshop.ts";

/** A schedule of tasks with the options given, each named by its place. */
class Desk {
  readonly index = new KeyIndex(noStats());
  readonly states: readonly TaskState[];
  readonly scheduler: Scheduler;

  constructor(...options: readonly TaskOptions[]) {
    this.states = options.map((each, i) =>
      new TaskState(makeTask(`${i}`, { input: new MemoryStore() }, each), i, this.index)
    );
    this.scheduler = new Scheduler(this.states, this.index.space, undefined);
  }

  push(task: number, ...jobs: string[]): void {
    for (const job of jobs) this.scheduler.push(this.states[task]!, this.index.space.intern(job));
  }

  /** Starts as much as there is room for; gives the jobs in their order. */
  start(): string[] {
    const started: string[] = [];
    for (let next = this.scheduler.peek(); next !== undefined; next = this.scheduler.peek()) {
      if (!this.scheduler.admit(next.state)) continue;
      this.scheduler.pop(next.state);
      started.push(`${next.state.task.name}:${this.index.space.name(next.id)}`);
    }
    return started;
  }
}

Deno.test("Scheduler takes the greater priority, then the earlier task, then natural order", () => {
  const desk = new Desk({}, { priority: (job) => job === "urgent" ? 2 : 0 }, { priority: 1 });
  for (const task of [0, 1, 2]) desk.push(task, "10", "9");
  desk.push(1, "urgent");
  deepStrictEqual(desk.start(), ["1:urgent", "2:9", "2:10", "0:9", "0:10", "1:9", "1:10"]);
});

Deno.test("Scheduler asks for the priority of a job once", () => {
  const asked: string[] = [];
  const desk = new Desk({ priority: (job) => asked.push(job) });
  desk.push(0, "a", "b", "c");
  desk.start();
  deepStrictEqual(asked.sort(), ["a", "b", "c"]);
});

Deno.test("Scheduler.fill() puts jobs in place of those that wait", () => {
  const desk = new Desk({});
  desk.push(0, "old");
  const ids = new KeySet();
  ids.add(desk.index.space.intern("new"));
  desk.scheduler.fill(desk.states[0]!, ids);
  strictEqual(desk.scheduler.waiting(desk.states[0]!), 1);
  deepStrictEqual(desk.start(), ["0:new"]);
});

Deno.test("Scheduler lets jobs that fit pass those that do not, until room is given back", async () => {
  const resources = new ResourceManager(Resources.parse(4, "4Gi"));
  const desk = new Desk(
    { resources, jobResources: Resources.parse(3, "1Gi"), priority: 1 },
    { resources, jobResources: Resources.parse("500m", "1Gi") },
  );
  await desk.scheduler.load();
  desk.push(0, "a", "b");
  desk.push(1, "a", "b", "c");
  deepStrictEqual(desk.start(), ["0:a", "1:a", "1:b"]);
  deepStrictEqual(desk.scheduler.obstacle(desk.states[0]!), { kind: "resources", resource: "CPU" });
  desk.scheduler.release(desk.states[1]!);
  strictEqual(desk.scheduler.obstacle(desk.states[0]!), undefined);
  deepStrictEqual(desk.start(), ["1:c"]);
  desk.scheduler.release(desk.states[0]!);
  deepStrictEqual(desk.start(), ["0:b"]);
});

Deno.test("Scheduler keeps to maxConcurrent", () => {
  const desk = new Desk({ maxConcurrent: 2 }, {});
  desk.push(0, "a", "b", "c");
  desk.push(1, "a");
  deepStrictEqual(desk.start(), ["0:a", "0:b", "1:a"]);
  deepStrictEqual(desk.scheduler.obstacle(desk.states[0]!), { kind: "concurrency", limit: 2 });
  desk.scheduler.release(desk.states[0]!);
  deepStrictEqual(desk.start(), ["0:c"]);
});

Deno.test("Scheduler counts a job that is running already, though there is no room for it", async () => {
  const resources = new ResourceManager(Resources.parse(2, "1Gi"));
  const desk = new Desk({ resources, jobResources: new Resources(2, 0) });
  await desk.scheduler.load();
  const [state] = desk.states;
  desk.scheduler.occupy(state!);
  desk.scheduler.occupy(state!);
  desk.push(0, "a", "b");
  deepStrictEqual(desk.start(), []);
  desk.scheduler.release(state!);
  deepStrictEqual(desk.start(), []);
  desk.scheduler.release(state!);
  deepStrictEqual(desk.start(), ["0:a"]);
});

Deno.test("Scheduler.nextLaunchIn is how long a launch still counts, if that is what jobs wait for", async () => {
  let now = 5;
  const resources = new ResourceManager(new Resources(4, "1Gi", 1), { window: 2, now: () => now });
  const desk = new Desk({ resources, jobResources: new Resources(1, 0) }, {
    resources,
    jobResources: new Resources(8, 0),
  });
  await desk.scheduler.load();
  desk.push(0, "a", "b");
  desk.push(1, "a");
  strictEqual(desk.scheduler.nextLaunchIn, undefined);
  deepStrictEqual(desk.start(), ["0:a"]);
  strictEqual(desk.scheduler.nextLaunchIn, 2000);
  strictEqual(desk.scheduler.obstacle(desk.states[1]!)?.kind, "never");
  now = 2005;
  desk.scheduler.unblock();
  deepStrictEqual(desk.start(), ["0:b"]);
  strictEqual(desk.scheduler.nextLaunchIn, undefined, "nothing waits for a launch");
});

Deno.test("Scheduler.nextLaunchIn says nothing of jobs that wait for something else", async () => {
  const resources = new ResourceManager(new Resources(1, "1Gi", 5), { now: () => 0 });
  const desk = new Desk({ resources, jobResources: new Resources(1, 0) });
  await desk.scheduler.load();
  desk.push(0, "a", "b");
  deepStrictEqual(desk.start(), ["0:a"]);
  strictEqual(desk.scheduler.nextLaunchIn, undefined);
});

Deno.test("Scheduler takes a priority that cannot be told for 0, and says so once", () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  const desk = new Desk({
    priority: (job) => {
      if (job === "x") throw new Error("no such job");
      return job === "y" ? NaN : job === "z" ? -1 : 1;
    },
  });
  desk.push(0, "x", "y", "z", "a");
  deepStrictEqual(desk.start(), ["0:a", "0:x", "0:y", "0:z"]);
  strictEqual(warnings.length, 1);
});

Deno.test("Scheduler.load() asks anew what is in use of the quotas that are named, unless jobs hold a part", async () => {
  let used = 4;
  const resources = new ResourceManager(Resources.parse(4, "1Gi"));
  resources.register(() => Promise.resolve(new Resources(used, 0)));
  const desk = new Desk({ resources, jobResources: new Resources(2, 0) });
  const scheduler = new Scheduler(desk.states, desk.index.space, undefined, [resources]);
  const [state] = desk.states;
  await scheduler.load();
  strictEqual(scheduler.admit(state!), false);
  used = 2;
  await scheduler.load();
  strictEqual(scheduler.admit(state!), true);
  used = 0;
  await scheduler.load();
  strictEqual(scheduler.admit(state!), false, "the job that holds a part is no getter's");
});
