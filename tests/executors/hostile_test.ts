import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { processesWith } from "./executor_processes.ts";
import { until } from "./processes.ts";

/** Beside each hostile function there is a good one. */
const COUNT = Deno.env.get("DATATASK_SWEEP") === "1" ? 1_000 : 16;

/** Longer than it may take for what a program has left to end. */
const options = { timeout: Deno.env.get("DATATASK_SWEEP") === "1" ? 3_600_000 : 120_000 };

for (const executor of ["WorkerExecutor", "SubprocessExecutor"]) {
  Deno.test(
    `${executor}: hostile functions harm no good ones, are recorded by their class, and leave nothing behind`,
    options,
    async () => {
      const run = crypto.randomUUID();
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          new URL("hostile_program.ts", import.meta.url).pathname,
          executor,
          String(COUNT),
          String(Date.now()),
        ],
        env: { DATATASK_TEST_RUN: run },
      }).output();
      const decoder = new TextDecoder();
      strictEqual(code, 0, decoder.decode(stderr));
      const last = decoder.decode(stdout).trimEnd().split("\n").at(-1) ?? "";
      deepStrictEqual(JSON.parse(last), { records: 2 * COUNT, wrong: [] });
      await until(() => processesWith("DATATASK_TEST_RUN", run).length === 0); // the guard ends last
    },
  );
}
