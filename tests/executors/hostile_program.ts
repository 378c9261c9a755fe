/**
 * Hostile functions beside good ones, in random order: `hostile_program.ts KIND COUNT SEED`. Prints as JSON what is wrong
 * with the records, and ends by itself.
 *
 * @module
 */

import { isMainThread, parentPort } from "node:worker_threads";
import {
  type DoneRecord,
  type Executor,
  ExecutorTask,
  InProcessMetadataRepository,
  JobError,
  Pipeline,
  run,
  SubprocessExecutor,
  WorkerExecutor,
} from "../../mod.ts";

const [executorKind = "", count = "0", seed = "1"] = isMainThread ? Deno.args : [];

/** What each kind of function does, and the class of its record; undefined for success. */
const KINDS: Readonly<Record<string, DoneRecord["class"] | undefined>> = {
  good: undefined,
  value: undefined,
  junk: undefined,
  throws: "user",
  trap: "user",
  config: "config",
  exits: "user",
  closes: "user",
  missing: "user",
  leaves: undefined,
  spoils: undefined,
  later: "user",
  rejects: "user",
  eats: "oom",
  never: "timeout",
  spins: "timeout",
  child: "timeout",
};
const HOSTILE = Object.keys(KINDS).slice(1);

function eat(): never {
  const all: unknown[] = [];
  for (;;) all.push({ all: all.length });
}

/** What a function leaves behind that has done what it should. */
function leave(kind: string): void {
  if (kind === "leaves") setTimeout(() => Deno.exit(0));
  if (kind === "spoils") setTimeout(eat);
}

async function behave(kind: string): Promise<unknown> {
  switch (kind) {
    case "value":
      return { a: () => {} };
    case "junk":
      for (const junk of [null, 1, "junk", { type: "result", id: 0, value: 1 }, [[]]]) {
        parentPort?.postMessage(junk);
        await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(junk)));
      }
      return;
    case "throws":
      throw null;
    case "trap":
      throw new Proxy(new Error("trap"), {
        get(): never {
          throw new Error("trapped");
        },
      });
    case "config":
      throw new JobError("not so", { class: "config" });
    case "exits":
      return Deno.exit(0);
    case "closes":
      close();
      return await new Promise(() => {});
    case "missing":
      return await import("./missing" + ".ts");
    case "later":
      setTimeout(() => {
        throw new Error("later");
      }, 1);
      return await new Promise(() => {});
    case "rejects":
      void Promise.reject(new Error("nobody"));
      return await new Promise(() => {});
    case "eats":
      return eat();
    case "never":
      return await new Promise(() => {});
    case "child":
      new Deno.Command("sleep", { args: ["600"] }).spawn();
      for (;;);
    case "spins":
      for (;;);
  }
}

const executor: Executor = executorKind === "SubprocessExecutor"
  ? new SubprocessExecutor({ size: 4, memory: "48Mi" })
  : new WorkerExecutor({ size: 4, memory: "48Mi" });

function task(name: string, timeout?: number) {
  const jobs = new InProcessMetadataRepository<number>();
  const done = new InProcessMetadataRepository<DoneRecord>();
  const results = new InProcessMetadataRepository<string>();
  const made = new ExecutorTask(name, executor, done, {
    retries: { infra: 0 },
    priority: (job) => Number(job.split("-")[1]),
    ...timeout !== undefined && { timeout },
  })
    .link("jobs", jobs, { isInput: true })
    .link("results", results, { isOutput: true })
    .func(async ({ job, results }) => {
      const [kind = ""] = job.split("-");
      await behave(kind);
      await results.dump(job, kind);
      leave(kind);
    });
  return { task: made, jobs, done, results };
}

/** Those that end by themselves may take as long as a machine at work needs. */
const ending = task("ending");
const endless = task("endless", 0.2);
export const pipeline: Pipeline = new Pipeline([ending.task, endless.task]);

/** Numbers from 0 to below 1, the same for the same seed: mulberry32. */
function random(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const chance = random(Number(seed));
  for (let i = 0; i < Number(count); i++) {
    for (const kind of ["good", HOSTILE[i % HOSTILE.length]!]) {
      const { jobs } = KINDS[kind] === "timeout" ? endless : ending;
      await jobs.dump(`${kind}-${Math.floor(chance() * 1e6)}-${i}`, i);
    }
  }
  await run(pipeline);
  const wrong: string[] = [];
  let records = 0;
  for (const { jobs, done, results } of [ending, endless]) {
    for (const job of jobs.data.keys()) {
      const [kind = ""] = job.split("-");
      const record = done.data.get(job);
      records++;
      if (record?.class !== KINDS[kind] || record?.success !== (KINDS[kind] === undefined)) {
        wrong.push(`${job}: ${JSON.stringify(record)}`);
      }
      if (results.data.has(job) !== (KINDS[kind] === undefined)) wrong.push(`${job}: its result`);
    }
  }
  console.log(`\n${JSON.stringify({ records, wrong })}`);
}
