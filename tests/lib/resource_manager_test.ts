import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { ResourceManager } from "../../lib/resource_manager.ts";
import { Resources, ResourceType } from "../../lib/resources.ts";

/** A clock that stands still until it is set. */
class Clock {
  time = 0;
  now = (): number => this.time;
}

const JOB = new Resources(1, 100, 1);

Deno.test("ResourceManager.reserve() grants what fits and names what does not", async () => {
  const manager = new ResourceManager(Resources.parse(2, 1000));
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(new Resources(0, 901, 1)), ResourceType.MEM);
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(JOB), ResourceType.CPU);
  strictEqual(await manager.reserve(new Resources(0, 800, 1)), undefined);
});

Deno.test("ResourceManager.reserve() changes nothing if it refuses", async () => {
  const manager = new ResourceManager(Resources.parse(2, 100, 1));
  strictEqual(await manager.reserve(new Resources(2, 101, 1)), ResourceType.MEM);
  strictEqual(await manager.reserve(new Resources(2, 100, 2)), ResourceType.RATE);
  strictEqual(await manager.reserve(new Resources(2, 100, 1)), undefined);
});

Deno.test("ResourceManager.relinquish() gives back CPU and memory", async () => {
  const manager = new ResourceManager(Resources.parse(1, 100));
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(JOB), ResourceType.CPU);
  manager.relinquish(JOB);
  strictEqual(await manager.reserve(JOB), undefined);
});

Deno.test("A-03: ResourceManager counts no launch that was none", async () => {
  const manager = new ResourceManager(Resources.parse(10, 1000, 2));
  manager.register(() => Promise.resolve(new Resources()));
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(JOB), ResourceType.RATE);
});

Deno.test("H-33: ResourceManager counts launches, not those that still run", async () => {
  const { now } = new Clock();
  const manager = new ResourceManager(Resources.parse(1, 100, 2), { now });
  for (let i = 0; i < 2; i++) {
    strictEqual(await manager.reserve(JOB), undefined);
    manager.relinquish(JOB);
  }
  strictEqual(await manager.reserve(JOB), ResourceType.RATE);
});

Deno.test("ResourceManager counts a launch for 60 seconds unless told otherwise", async () => {
  for (const [options, seconds] of [[{}, 60], [{ window: 1.5 }, 1.5]] as const) {
    const clock = new Clock();
    const manager = new ResourceManager(Resources.parse(10, 1000, 1), {
      ...options,
      now: clock.now,
    });
    strictEqual(manager.window, seconds);
    clock.time = 1000;
    strictEqual(await manager.reserve(JOB), undefined);
    clock.time += seconds * 1000 - 1;
    strictEqual(await manager.reserve(JOB), ResourceType.RATE);
    clock.time += 1;
    strictEqual(await manager.reserve(JOB), undefined);
  }
});

Deno.test("ResourceManager.nextLaunchIn() says how long a launch still counts", async () => {
  const clock = new Clock();
  const manager = new ResourceManager(Resources.parse(10, 1000, 2), { window: 1, now: clock.now });
  strictEqual(manager.nextLaunchIn(), undefined);
  await manager.reserve(JOB);
  clock.time = 300.5;
  await manager.reserve(JOB);
  strictEqual(manager.nextLaunchIn(), 699.5);
  clock.time = 1000;
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(await manager.reserve(JOB), ResourceType.RATE);
  strictEqual(manager.nextLaunchIn(), 301); // in whole milliseconds, never too early
  clock.time = 1301;
  strictEqual(await manager.reserve(JOB), undefined);
  clock.time = 5000;
  strictEqual(manager.nextLaunchIn(), undefined);
});

Deno.test("ResourceManager counts what those who were registered know of", async () => {
  const manager = new ResourceManager(Resources.parse(4, 1000, 1));
  manager.register(() => Promise.resolve(new Resources(2, 0, 5)));
  manager.register(() => Promise.resolve(new Resources(1, 0, 5)));
  strictEqual(await manager.reserve(new Resources(2, 0, 1)), ResourceType.CPU);
  strictEqual(await manager.reserve(new Resources(1, 0, 1)), undefined);
});

Deno.test("ResourceManager asks what is in use once, and again when it was flushed", async () => {
  let asked = 0;
  let used = new Resources(1);
  const manager = new ResourceManager(Resources.parse(2, 1000));
  manager.register(() => {
    asked++;
    return Promise.resolve(used);
  });
  await Promise.all([manager.reserve(JOB), manager.reserve(JOB), manager.load()]);
  strictEqual(asked, 1);
  strictEqual(await manager.reserve(JOB), ResourceType.CPU);
  used = new Resources();
  manager.flush();
  strictEqual(asked, 1);
  strictEqual(await manager.reserve(JOB), undefined);
  strictEqual(asked, 2);
});

Deno.test("ResourceManager.flush() does not forget launches", async () => {
  const { now } = new Clock();
  const manager = new ResourceManager(Resources.parse(10, 1000, 1), { now });
  await manager.reserve(JOB);
  manager.flush();
  strictEqual(await manager.reserve(JOB), ResourceType.RATE);
});

Deno.test("ResourceManager.register() makes it ask anew", async () => {
  const manager = new ResourceManager(Resources.parse(2, 1000));
  await manager.load();
  manager.register(() => Promise.resolve(new Resources(2)));
  strictEqual(await manager.reserve(JOB), ResourceType.CPU);
});

Deno.test("ResourceManager.reserve() throws when it cannot be said what is in use, and asks again later", async () => {
  let broken = true;
  const manager = new ResourceManager(Resources.parse(2, 1000));
  manager.register(() =>
    broken ? Promise.reject(new Error("out of reach")) : Promise.resolve(new Resources())
  );
  await rejects(manager.reserve(JOB), { message: "out of reach" });
  broken = false;
  strictEqual(await manager.reserve(JOB), undefined);
});

Deno.test("ResourceManager asks anew when something is given back or flushed while it asks", async () => {
  for (const meanwhile of ["relinquish", "flush"] as const) {
    const answers = [Promise.withResolvers<Resources>(), Promise.withResolvers<Resources>()];
    let asked = 0;
    const manager = new ResourceManager(Resources.parse(1, 1000));
    manager.register(() => answers[asked++]!.promise);
    const reserved = manager.reserve(JOB);
    if (meanwhile === "flush") manager.flush();
    else manager.relinquish(JOB);
    answers[0]!.resolve(JOB);
    answers[1]!.resolve(new Resources());
    strictEqual(await reserved, undefined);
    strictEqual(asked, 2);
  }
});

Deno.test("ResourceManager.reserve() grants also when it is flushed at the last moment", async () => {
  const manager = new ResourceManager(Resources.parse(1, 1000));
  manager.register(() => Promise.resolve(new Resources()));
  const loaded = manager.load();
  const reserved = manager.reserve(JOB);
  void loaded.then(() => manager.flush());
  strictEqual(await reserved, undefined);
});

Deno.test("ResourceManager.tryReserve() is reserve() for when it is known what is in use", async () => {
  const manager = new ResourceManager(Resources.parse(1, 1000));
  throws(() => manager.tryReserve(JOB), { message: /await load\(\)/ });
  await manager.load();
  strictEqual(manager.tryReserve(JOB), undefined);
  strictEqual(manager.tryReserve(JOB), ResourceType.CPU);
  manager.flush();
  throws(() => manager.tryReserve(JOB), Error);
});

Deno.test("ResourceManager.fits() tells what can never be granted", async () => {
  const manager = new ResourceManager(Resources.parse(2, 1000, 1));
  await manager.reserve(new Resources(2, 1000, 1));
  strictEqual(manager.fits(new Resources(2, 1000, 1)), undefined);
  strictEqual(manager.fits(new Resources(3, 1000, 1)), ResourceType.CPU);
  strictEqual(manager.fits(new Resources(2, 1001, 1)), ResourceType.MEM);
  strictEqual(manager.fits(new Resources(2, 1000, 2)), ResourceType.RATE);
});

Deno.test("ResourceManager keeps its quota whatever is reserved, given back and flushed at the same time", async () => {
  const amount = fc.integer({ min: 0, max: 50 });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant("reserve" as const), cpu: amount, mem: amount }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant("end" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("flush" as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("wait" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("pass" as const), time: fc.nat(1500) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new Clock();
      const quota = new Resources("0.1", 100, 3);
      const manager = new ResourceManager(quota, { window: 1, now: clock.now });
      const running: Resources[] = [new Resources("0.05", 20, 1)];
      const launched: number[] = [];
      const used = () => running.reduce((sum, job) => sum.plus(job), new Resources());
      manager.register(async () => {
        const before = used();
        await Promise.resolve();
        return before;
      });
      const reserving = new Set<Promise<void>>();
      const check = () => {
        const { cpu, mem } = used();
        const window = launched.filter((time) => time + 1000 > clock.time).length;
        strictEqual(new Resources(cpu, mem, window).excess(quota), undefined);
      };
      for (const step of steps) {
        if (step.type === "reserve") {
          const job = new Resources(`${step.cpu}m`, step.mem, 1);
          const granting = manager.reserve(job).then((limit) => {
            if (limit !== undefined) return;
            running.push(job);
            launched.push(clock.time);
            check();
          }).finally(() => reserving.delete(granting));
          reserving.add(granting);
        } else if (step.type === "end") {
          const [job] = running.splice(step.which % Math.max(running.length, 1), 1);
          if (job !== undefined) manager.relinquish(job);
        } else {
          await Promise.all(reserving); // what was granted is known to the getter, and launched now
          if (step.type === "flush") manager.flush();
          if (step.type === "pass") clock.time += step.time;
        }
      }
      await Promise.all(reserving);
      manager.flush();
      clock.time += 1000;
      for (const job of running.splice(0)) manager.relinquish(job);
      strictEqual(await manager.reserve(quota), undefined); // nothing was lost either
    }),
  );
});

Deno.test("ResourceManager grants no more than the quota to many who ask at the same time", async () => {
  const manager = new ResourceManager(Resources.parse("1", "1Gi"));
  manager.register(() => Promise.resolve(Resources.parse("100m", "100Mi")));
  const job = Resources.parse("10m", "100Mi", 1);
  const limits = await Promise.all(Array.from({ length: 50 }, () => manager.reserve(job)));
  deepStrictEqual(limits.slice(0, 9), Array(9).fill(undefined));
  ok(limits.slice(9).every((limit) => limit === ResourceType.MEM));
});
