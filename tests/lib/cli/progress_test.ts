import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  durationText,
  progressLines,
  progressText,
  type TaskProgress,
} from "../../../lib/cli/progress.ts";

const count: TaskProgress = {
  name: "count",
  done: 50,
  live: 16,
  ready: 34,
  failed: 2,
  rate: 12.4,
};
const report: TaskProgress = {
  name: "report-all",
  done: 3,
  live: 0,
  ready: 0,
  failed: 0,
  rate: undefined,
};

Deno.test("progressLines() shows a line a task", () => {
  deepStrictEqual(progressLines([count, report], { columns: 120, rows: 24 }), [
    "count       ████████████░░░░░░░░░░░░  50/100 done, 16 live, 34 ready, 2 failed, 12/s, 5 s left",
    "report-all  ████████████████████████  3/3 done",
  ]);
});

Deno.test("progressLines() makes bars shorter, leaves them out, and cuts lines where it is narrow", () => {
  deepStrictEqual(progressLines([count, report], { columns: 80, rows: 24 }), [
    "count       ████░░░░░  50/100 done, 16 live, 34 ready, 2 failed, 12/s, 5 s left",
    "report-all  █████████  3/3 done",
  ]);
  deepStrictEqual(progressLines([count, report], { columns: 40, rows: 24 }), [
    "count       50/100 done, 16 live, 34 r…",
    "report-all  3/3 done",
  ]);
  for (let columns = 1; columns < 130; columns++) {
    for (const line of progressLines([count, report], { columns, rows: 24 })) {
      ok(line.length < Math.max(2, columns), `${columns}: ${line}`);
    }
  }
});

Deno.test("progressLines() shows what has something to do where there are too many tasks", () => {
  const idle = Array.from({ length: 9 }, (_, index) => ({ ...report, name: `idle${index}` }));
  const lines = progressLines([...idle, count], { columns: 80, rows: 6 });
  deepStrictEqual(lines.map((line) => line.split(" ")[0]), ["count", "and"]);
  strictEqual(lines[1], "and 9 more tasks");
  strictEqual(progressLines(idle, { columns: 80, rows: 6 }).length, 5);
  strictEqual(progressLines(idle, { columns: 80, rows: 1 }).length, 2);
});

Deno.test("progressLines() shows an empty bar where there is nothing to do, and cuts long names", () => {
  const none = { ...report, name: "n".repeat(30), done: 0 };
  deepStrictEqual(progressLines([none], { columns: 70, rows: 24 }), [
    `${"n".repeat(22)}…  ${"░".repeat(24)}  0/0 done`,
  ]);
});

Deno.test("progressLines() shows on a narrow terminal at least how many jobs are done", () => {
  deepStrictEqual(progressLines([count], { columns: 20, rows: 5 }), ["count  50/100"]);
});

Deno.test("progressText() says in a line what goes on", () => {
  strictEqual(
    progressText([count, report]),
    "count: 50/100 done, 16 live, 34 ready, 2 failed, 12/s, 5 s left",
  );
  strictEqual(progressText([report]), "");
  strictEqual(
    progressText([{ ...count, rate: undefined }, { ...report, ready: 1, rate: 0.25 }]),
    "count: 50/100 done, 16 live, 34 ready, 2 failed; report-all: 3/4 done, 1 ready, 0.3/s, 4 s left",
  );
});

Deno.test("durationText() chooses the unit", () => {
  deepStrictEqual([0, 0.2, 119.5, 120, 3600, 7199, 9000].map(durationText), [
    "0 s",
    "1 s",
    "120 s",
    "2 min",
    "60 min",
    "2 h 0 min",
    "2 h 30 min",
  ]);
});
