import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Failures, mayRetry, retryDelay } from "../../../lib/engine/retry_policy.ts";
import type { FailureClass } from "../../../lib/errors.ts";
import type { TaskOptions } from "../../../lib/task.ts";

/** How often a job that always fails with one class is tried. */
function attempts(options: TaskOptions, failureClass: FailureClass, before: Failures = {}): number {
  for (let count = 1;; count++) {
    const failures = { ...before, [failureClass]: count };
    if (!mayRetry(options, failures, failureClass)) return count;
  }
}

Deno.test("mayRetry() gives two retries to infra and none to the rest, if nothing is said", () => {
  strictEqual(attempts({}, "infra"), 3);
  for (const each of ["user", "timeout", "oom", "config", "cancelled"] as const) {
    strictEqual(attempts({}, each), 1, each);
  }
});

Deno.test("mayRetry() counts user, timeout and oom together for a plain number", () => {
  for (const each of ["user", "timeout", "oom"] as const) {
    strictEqual(attempts({ retries: 3 }, each), 4, each);
  }
  strictEqual(attempts({ retries: 3 }, "user", { timeout: 1, oom: 1 }), 2);
  strictEqual(attempts({ retries: 3 }, "user", { infra: 2 }), 4);
  strictEqual(attempts({ retries: 3 }, "infra"), 3);
  strictEqual(attempts({ retries: 3 }, "config"), 1);
});

Deno.test("mayRetry() keeps the default of a class that is not named", () => {
  const options = { retries: { user: 1, infra: 0, config: 2 } };
  const expected = { user: 2, infra: 1, config: 3, timeout: 1, oom: 1, cancelled: 1 };
  for (const each of ["user", "infra", "config", "timeout", "oom", "cancelled"] as const) {
    strictEqual(attempts(options, each), expected[each], each);
  }
  strictEqual(attempts({ retries: { user: 1 } }, "infra"), 3);
});

Deno.test("retryDelay() doubles up to five minutes, and is shortened by chance to half at most", () => {
  const delays = (random: number): number[] =>
    [1, 2, 3, 8, 9, 10, 100].map((attempt) => retryDelay({ backoff: 2 }, attempt, random));
  deepStrictEqual(delays(0), [1000, 2000, 4000, 128_000, 150_000, 150_000, 150_000]);
  deepStrictEqual(delays(0.5), [1500, 3000, 6000, 192_000, 225_000, 225_000, 225_000]);
  strictEqual(retryDelay({}, 1, 0), 500);
  strictEqual(retryDelay({ backoff: 0 }, 5, 0.9), 0);
});
