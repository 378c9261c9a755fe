import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { keysOf, type Kind, storesIn, valueOf } from "./pipeline.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";
const JOBS = SWEEP ? 5000 : 400;
const KILLS = SWEEP ? 150 : 4;

function start(kind: Kind, folder: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("pipeline.ts", import.meta.url).pathname,
      kind,
      folder,
      String(JOBS),
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Checks that each key that is there has its whole value; returns how many there are. */
async function checkWhole(
  kind: Kind,
  folder: string,
): Promise<{ middle: number; result: number; done: number }> {
  const stores = storesIn(kind, folder);
  const counts = { middle: 0, result: 0, done: 0 };
  for (const stage of ["middle", "result"] as const) {
    await stores[stage].validate();
    for await (const job of stores[stage]) {
      strictEqual(await stores[stage].readText(job), valueOf(stage, job), `${stage} ${job}`);
      counts[stage]++;
    }
  }
  for (const done of stores.done) {
    await done.validate();
    for (const [job, record] of await done.infoAll()) {
      ok(
        typeof record === "object" && record !== null && "success" in record &&
          record.success === true,
        job,
      );
      counts.done++;
    }
  }
  stores.close();
  return counts;
}

for (const kind of ["files", "sqlite"] as const) {
  Deno.test(`kill -9 at random moments of a run over ${kind} loses nothing and leaves no half value`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "datatask-kill-" });
    try {
      let kills = 0;
      let previous = 0;
      // Moments spread over the time of a start and a whole run, which is measured here and not assumed.
      const whole = await Deno.makeTempDir({ prefix: "datatask-kill-" });
      const began = performance.now();
      await start(kind, whole).output();
      const duration = performance.now() - began;
      await Deno.remove(whole, { recursive: true });
      while (kills < KILLS) {
        const process = start(kind, folder);
        const ended = process.output();
        const timer = setTimeout(() => process.kill("SIGKILL"), Math.random() * duration);
        const { signal } = await ended;
        clearTimeout(timer);
        const { done, middle, result } = await checkWhole(kind, folder);
        ok(done >= previous, `${previous} records became ${done}`);
        previous = done;
        if (signal === "SIGKILL") {
          kills++;
        } else {
          deepStrictEqual({ done, middle, result }, { done: 2 * JOBS, middle: JOBS, result: JOBS });
        }
        if (done === 2 * JOBS) { // begin anew
          await Deno.remove(folder, { recursive: true });
          await Deno.mkdir(folder);
          previous = 0;
        }
      }
      const { code, stdout, stderr } = await start(kind, folder).output();
      strictEqual(code, 0, new TextDecoder().decode(stderr));
      deepStrictEqual(JSON.parse(new TextDecoder().decode(stdout)).failed, 0);
      deepStrictEqual(await checkWhole(kind, folder), {
        done: 2 * JOBS,
        middle: JOBS,
        result: JOBS,
      });
      const stores = storesIn(kind, folder);
      deepStrictEqual((await Array.fromAsync(stores.result)).sort(), keysOf(JOBS).sort());
      stores.close();
      if (kind === "files") { // what was being written is hidden until it is old enough to be swept
        const others = [...Deno.readDirSync(`${folder}/result`)].filter(({ name }) =>
          !name.startsWith("job")
        );
        ok(others.every(({ name }) => name.startsWith(".datatask-tmp-")), Deno.inspect(others));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
