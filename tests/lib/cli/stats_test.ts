import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Programs } from "./programs.ts";

/** The numbers among what `--stats` shows. */
function numbers(stderr: string): Record<string, string> {
  return Object.fromEntries(
    [...stderr.matchAll(/^(\w+) +(\d.*)$/gm)].map(([, name, number]) => [name, number]),
  );
}

async function stats(body: string, ...args: string[]): Promise<Record<string, string>> {
  await using programs = new Programs();
  const { code, stderr } = await programs.run(body, [...args, "--stats"]);
  strictEqual(code, 0, stderr);
  return numbers(stderr);
}

const COUNTS = ["listings", "reads", "writes", "events", "launches"];

function counts(stats: Record<string, string>): string[] {
  return COUNTS.map((name) => stats[name] ?? "none");
}

Deno.test("run --stats of a run with nothing to do over two repositories shows two listings, and no read", async () => {
  const shown = await stats(
    `const task = makeTask("task", new FakeMetadata("books", keys("a", "b")), {
      done: new FakeMetadata("records", [["a", { success: true }], ["b", { success: true }]]),
    });
    await main(new Pipeline([task]));`,
    "run",
  );
  deepStrictEqual(counts(shown), ["2", "0", "0", "0", "0"]);
  for (const name of ["start", "looks", "jobs", "close", "rest"]) {
    match(shown[name]!, /^\d+\.\d{3} s$/);
  }
  match(shown.memory!, /^\d+ MB$/);
});

Deno.test("run --stats counts what jobs cost: a write and the look that follows", async () => {
  const shown = await stats(
    `const task = makeTask("task", new FakeMetadata("books", keys("a", "b")));
    await main(new Pipeline([task]));`,
    "run",
  );
  deepStrictEqual(counts(shown), ["4", "0", "2", "2", "2"]);
});

Deno.test("run --stats tells the time that jobs took, and closing, from the rest", async () => {
  const clock = `
    let now = 0;
    performance.now = () => now;
    const task = makeTask("task", new FakeMetadata("books", keys("a", "b")), {
      maxConcurrent: 1, func: () => void (now += 2000),
    });
    task.close = () => Promise.resolve(void (now += 7000));
    await main(new Pipeline([task]));`;
  const { looks, jobs, close, rest } = await stats(clock, "run");
  deepStrictEqual([looks, jobs, close, rest], ["0.000 s", "4.000 s", "7.000 s", "0.000 s"]);
});

Deno.test("update --stats and status --stats count as well, and requests where a store tells", async () => {
  const body = `
    class Remote extends FakeMetadata {
      requestCount() {
        return 7;
      }
    }
    const task = makeTask("task", new Remote("books", keys("a")));
    await main(new Pipeline([task]));`;
  const update = await stats(body, "update");
  deepStrictEqual([...counts(update), update.requests], ["2", "0", "1", "1", "1", "7"]);
  const status = await stats(body, "status");
  deepStrictEqual([...counts(status), status.requests], ["2", "0", "0", "0", "0", "7"]);
});
