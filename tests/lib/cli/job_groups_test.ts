import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { DoneRecord } from "../../../lib/done_record.ts";
import { groupJobs, type JobGroup } from "../../../lib/cli/job_groups.ts";
import { explain } from "../../../lib/engine/explain.ts";
import { StoreError } from "../../../lib/errors.ts";
import { ResourceManager } from "../../../lib/resource_manager.ts";
import { Resources } from "../../../lib/resources.ts";
import { Task } from "../../../lib/task.ts";
import { MemoryStore } from "../engine/memory_store.ts";
import { FAILED, keys, makeTask, SUCCEEDED, Workshop } from "../engine/workshop.ts";

/** The jobs of the only task, by state. */
async function group(task: Task): Promise<JobGroup[]> {
  await using shop = new Workshop(() => [task]);
  await shop.engine.survey();
  return await groupJobs(shop.engine, shop.engine.state(task));
}

/** How many jobs are in which state. */
async function counts(task: Task): Promise<Record<string, number>> {
  return Object.fromEntries((await group(task)).map(({ state, count }) => [state, count]));
}

/** Records of jobs, of which every third failed. */
function records(count: number): [string, DoneRecord][] {
  return Array.from({ length: count }, (_, i) => [`k${i}`, i % 3 === 0 ? FAILED : SUCCEEDED]);
}

/** A store behind a network. */
class DistantStore extends MemoryStore {
  override requestCount(): number {
    return 0;
  }
}

Deno.test("groupJobs() counts failed jobs among many", async () => {
  const done = new MemoryStore("done", records(1500));
  const task = makeTask("task", { input: new MemoryStore("in"), done });
  deepStrictEqual(await counts(task), { done: 1000, failed: 500 });
  strictEqual(
    done.count("info"),
    1502,
    "each record is read once, and one of each group for its reason",
  );
});

Deno.test("groupJobs() does not read very many records over a network, and says so", async () => {
  const done = new DistantStore("done", records(20_001));
  const task = makeTask("task", { input: new MemoryStore("in", keys("z")), done });
  const [ended, ready] = await group(task);
  deepStrictEqual([ended?.state, ended?.count, ready?.state], ["ended", 20_001, "ready"]);
  match(ended!.reason, /^has ended; .*20001 records.* too many to read/);
  strictEqual(done.count("info"), 0);
  done.data.delete("k0");
  deepStrictEqual(await counts(task), { done: 13_334, failed: 6_666, ready: 1 });
});

Deno.test("groupJobs() does not take a record that cannot be read for one that says something", async () => {
  class DamagedStore extends MemoryStore {
    override info(job: string): Promise<unknown> {
      return job === "k1" ? Promise.reject(new StoreError("it is damaged")) : super.info(job);
    }
  }
  const task = makeTask("task", {
    input: new MemoryStore("in"),
    done: new DamagedStore("done", records(4)),
  });
  const groups = await group(task);
  deepStrictEqual(groups.map(({ state, count, job }) => [state, count, job]), [
    ["done", 1, "k2"],
    ["failed", 2, "k0"],
    ["done", 1, "k1"],
  ]);
  match(groups[2]!.reason, /^is done, but its record cannot be read: StoreError: it is damaged$/);
});

/** A task that can say how its jobs stand. */
class LiveTask extends Task {
  override execute(): Promise<DoneRecord> {
    return Promise.resolve(SUCCEEDED);
  }
  override state(job: string): Promise<string | undefined> {
    return Promise.resolve(job === "a" ? undefined : "runs somewhere");
  }
}

Deno.test("groupJobs() calls running what a task's account of its jobs holds", async () => {
  const [pids, bans] = [
    new MemoryStore("pids", keys("a", "b", "c")),
    new MemoryStore("bans", keys("d")),
  ];
  const task = new LiveTask("task", new MemoryStore("done"))
    .link("in", new MemoryStore("in", keys("a", "b", "c", "d")), { isInput: true })
    .link("pids", pids, { isStatus: true, inhibitsStart: true, inhibitsOutput: true })
    .link("bans", bans, { inhibitsStart: true });
  deepStrictEqual(
    (await group(task)).map(({ state, count, job, reason }) => [state, count, job, reason]),
    [
      ["running", 3, "b", "runs somewhere"], // "a" has just ended
      ["inhibited", 1, "d", 'is not started: "bans" holds it, which inhibits the start'],
    ],
  );
});

Deno.test("groupJobs() calls inhibited what a status holds of which the task says nothing", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")) })
    .link("locks", new MemoryStore("locks", keys("a")), {
      isStatus: true,
      inhibitsStart: true,
      inhibitsOutput: true,
    });
  deepStrictEqual(await counts(task), { inhibited: 1 });
});

Deno.test("jobs that can never start are a group of their own, with what to change", async () => {
  const task = makeTask("task", { input: new MemoryStore("in", keys("a", "b")) }, {
    resources: new ResourceManager(Resources.parse(4, "1Gi")),
    jobResources: Resources.parse(1000, "1Gi"),
  });
  const reason =
    "can never start: it needs 1000 CPU, and there are 4 in all; lower its task's option jobResources, " +
    "or raise the quota of its resources";
  deepStrictEqual(await group(task), [{ state: "stuck", count: 2, job: "a", reason }]);
  await using shop = new Workshop(() => [task]);
  const job = await explain(shop.engine, shop.engine.state(task), "a");
  deepStrictEqual([job.state, job.reason], ["stuck", reason]);
});
