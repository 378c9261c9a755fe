/**
 * Pipelines whose functions run in threads and processes: what tests of executors run, and what these import.
 *
 * @module
 */

import process from "node:process";
import type { Executor } from "../../executors/executor.ts";
import { ExecutorTask, type ExecutorTaskOptions } from "../../executors/executor_task.ts";
import { SubprocessExecutor } from "../../executors/subprocess_executor.ts";
import { WorkerExecutor } from "../../executors/worker_executor.ts";
import type { DoneRecord } from "../../lib/done_record.ts";
import { AggregateOrRepository } from "../../lib/aggregate_repository.ts";
import { JobError, StoreError } from "../../lib/errors.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import { access } from "../../lib/session.ts";
import { Session } from "../../lib/session.ts";
import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";

/** The kinds of executors. */
export const KINDS = ["worker", "process"] as const;
type Kind = typeof KINDS[number];

const executors: Record<Kind, Executor> = {
  worker: new WorkerExecutor({ size: 2, memory: "48Mi" }),
  process: new SubprocessExecutor({ size: 2, memory: "48Mi" }),
};

const base: ExecutorTaskOptions = { module: import.meta.url };

/** The original's two phases, over a store in memory. */
function phases(kind: Kind) {
  const done = [new InProcessMetadataRepository(), new InProcessMetadataRepository()] as const;
  const stores = [1, 2, 3].map(() => new InProcessMetadataRepository<string>());
  const [repo0, repo1, repo2] = [stores[0]!, stores[1]!, stores[2]!];
  const phase0 = new ExecutorTask(`${kind}-phase0`, executors[kind], done[0], base)
    .link("repo0", repo0, { isInput: true })
    .link("repo1", repo1, { isOutput: true })
    .func(async ({ job, repo0, repo1 }) => {
      const value = await repo0.info(job);
      if (value === undefined) throw new TypeError(`there is no ${job}`);
      await repo1.dump(job, value + "!");
    });
  const phase1 = new ExecutorTask(`${kind}-phase1`, executors[kind], done[1], base)
    .plug(phase0)
    .link("repo2", repo2, { isOutput: true })
    .func(async ({ job, repo1, repo2 }) => {
      await repo2.dump(job, await repo1.info(job) + "?");
    });
  return { pipeline: new Pipeline([phase0, phase1]), repo0, repo2, phase0 };
}

const opened: string[] = [];
const session = new Session();
const used = session.resource(function* used() {
  opened.push("used");
  yield "a resource";
});
session.resource(function* unused() {
  opened.push("unused");
  yield "another";
});

/** A store that needs a resource. */
class ResourceRepository extends InProcessMetadataRepository<string> {
  override async validate(): Promise<void> {
    access(used);
    await super.validate();
  }
}

/** What a function sees of stores: streams, views, resources. */
function stores(kind: Kind) {
  const [texts, copies] = [new InProcessBlobRepository(), new InProcessBlobRepository()];
  const numbers = new InProcessMetadataRepository<unknown>();
  const needy = new ResourceRepository();
  const either = new AggregateOrRepository({ numbers, texts });
  const notes = new InProcessMetadataRepository<unknown>();
  const task = new ExecutorTask(
    `${kind}-stores`,
    executors[kind],
    new InProcessMetadataRepository(),
    base,
  )
    .link("texts", texts, { isInput: true })
    .link("copies", copies, { isOutput: true })
    .link("numbers", numbers)
    .link("needy", needy)
    .link("either", either)
    .link("notes", notes, { isStatus: true })
    .func(async ({ job, texts, copies, numbers, either, notes, needy }) => {
      await (await texts.readable(job)).pipeTo(await copies.writable(job));
      await notes.dump(job, {
        listed: (await Array.fromAsync(either)).sort(),
        number: await numbers.info("n"),
        resource: used(),
        opened,
        main: import.meta.main,
      });
      await needy.dump(job, "seen");
      await numbers.delete("gone");
    });
  return { pipeline: new Pipeline([task], session), texts, copies, numbers, needy, notes };
}

/** Functions that do what the first word of their job says; `endless` ends those that do not end by themselves. */
function hostile(kind: Kind, name: "hostile" | "endless") {
  const jobs = new InProcessMetadataRepository<number>();
  const done = new InProcessMetadataRepository<DoneRecord>();
  const results = new InProcessMetadataRepository<string>();
  const logs = new InProcessBlobRepository();
  const task = new ExecutorTask(`${kind}-${name}`, executors[kind], done, {
    ...base,
    ...name === "endless" && { timeout: 1 },
    logs,
    retries: { infra: 0 },
  })
    .link("jobs", jobs, { isInput: true })
    .link("results", results, { isOutput: true })
    .func(async ({ job, results, signal }) => {
      const [what] = job.split("-");
      switch (what) {
        case "good":
          console.log("good", { job });
          await results.dump(job, "good");
          return { ignored: () => {} };
        case "throws":
          throw "no error";
        case "fails":
          throw new JobError("no such thing", { class: "config" });
        case "store":
          throw new StoreError("out of reach");
        case "never":
          return await new Promise(() => {});
        case "says":
          console.log("1 of 3\n2 of 3");
          console.log("");
          return await new Promise(() => {});
        case "polite":
          return await new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason))
          );
        case "sorry":
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          throw new RangeError("too late");
        case "spins":
          for (;;);
        case "eats": {
          const all: unknown[] = [];
          for (;;) all.push({ all: all.length });
        }
        // falls through
        case "buffers": {
          const all: unknown[] = [];
          for (;; all.push(new Uint8Array(2 ** 22).fill(1))) {
            if (job === "buffers-1") await new Promise((resolve) => setTimeout(resolve));
          }
        }
        // falls through
        case "exits":
          return Deno.exit(0);
        case "moves":
          return Deno.chdir("/");
        case "walks":
          return process.chdir("/");
        case "later":
          setTimeout(() => {
            throw new Error("later");
          });
          return await new Promise(() => {});
        case "rejects":
          void Promise.reject(new Error("nobody"));
          return await new Promise(() => {});
        case "writes":
          await Deno.stdout.write(new TextEncoder().encode("raw\n"));
          console.error("to the console");
          return;
      }
    });
  return { pipeline: new Pipeline([task]), task, jobs, done, results, logs };
}

function allOf(kind: Kind) {
  return {
    phases: phases(kind),
    stores: stores(kind),
    hostile: hostile(kind, "hostile"),
    endless: hostile(kind, "endless"),
  };
}

/** All pipelines and their stores, by the kind of their executor. */
export const by = { worker: allOf("worker"), process: allOf("process") };

// What threads and processes look for.
export const workerPhases: Pipeline = by.worker.phases.pipeline;
export const workerStores: Pipeline = by.worker.stores.pipeline;
export const workerHostile: Pipeline = by.worker.hostile.pipeline;
export const workerEndless: Pipeline = by.worker.endless.pipeline;
export const processEndless: Pipeline = by.process.endless.pipeline;
export const processPhases: Pipeline = by.process.phases.pipeline;
export const processStores: Pipeline = by.process.stores.pipeline;
export const processHostile: Pipeline = by.process.hostile.pipeline;
