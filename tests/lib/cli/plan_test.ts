import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Programs } from "./programs.ts";

const root = new URL("../../../", import.meta.url);

const PIPELINE = `
  import { ResourceManager } from "${root}lib/resource_manager.ts";
  import { Resources } from "${root}lib/resources.ts";

  const books = new FakeMetadata("books", keys("b10", "b2", "b1"));
  const counts = new FakeMetadata("counts", keys("b1"));
  const count = makeTask("count", books, {
    output: counts,
    done: new FakeMetadata("counted", keys("b1")),
  });
  const rate = makeTask("rate", counts);
  const big = makeTask("big", books, {
    resources: new ResourceManager(Resources.parse(1, "1Gi")),
    jobResources: Resources.parse(2, "1Gi"),
  });
  const urgent = makeTask("urgent", books, { priority: (job) => job === "b2" ? 1 : 0 });
  const off = makeTask("off", books, { disabled: true });
  await main(new Pipeline([count, rate, big, urgent, off]));
`;

Deno.test("plan shows what would be started, in order, and what can never be", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, ["plan"]);
  strictEqual(
    stdout,
    "urgent b2\ncount b2\ncount b10\nrate b1\nurgent b1\nurgent b10\n",
  );
  strictEqual(
    stderr,
    "big b1 (and 2 more) can never start: it needs 2 CPU, and there is 1 in all; lower its task's option " +
      "jobResources, or raise the quota of its resources\n",
  );
  strictEqual(code, 0);
});

Deno.test("plan --json gives the obstacles with the jobs", async () => {
  await using programs = new Programs();
  const { stdout } = await programs.run(PIPELINE, ["plan", "--json"]);
  const jobs: readonly { task: string; job: string; obstacle?: string }[] = JSON.parse(stdout);
  deepStrictEqual(jobs[0], { task: "urgent", job: "b2" });
  deepStrictEqual(jobs.filter(({ obstacle }) => obstacle !== undefined).map(({ task }) => task), [
    "big",
    "big",
    "big",
  ]);
});

Deno.test("plan ends with 4 if a store is out of reach", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    `
    const away = new FakeMetadata("away");
    away.failing.add("list");
    await main(new Pipeline([makeTask("far", away), makeTask("near", new FakeMetadata("books", keys("emma")))]));
  `,
    ["plan"],
  );
  strictEqual(stdout, "near emma\n");
  strictEqual(stderr, "cannot list away: StoreError: away is out of reach\n");
  strictEqual(code, 4);
});
