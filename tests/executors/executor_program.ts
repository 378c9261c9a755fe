/**
 * A run whose functions calculate for ever, to be killed: `executor_program.ts KIND`. Prints a line when both run.
 *
 * @module
 */

import {
  ExecutorTask,
  InProcessMetadataRepository,
  Pipeline,
  run,
  SubprocessExecutor,
  WorkerExecutor,
} from "../../mod.ts";

const size = 2;
const executor = Deno.args[0] === "WorkerExecutor"
  ? new WorkerExecutor({ size })
  : new SubprocessExecutor({ size });
const jobs = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
const begun = new InProcessMetadataRepository<number>();
const task = new ExecutorTask("spin", executor, new InProcessMetadataRepository())
  .link("jobs", jobs, { isInput: true })
  .link("begun", begun)
  .func(async ({ job, begun }) => {
    await begun.dump(job, Deno.pid);
    for (;;);
  });

export const pipeline: Pipeline = new Pipeline([task]);

if (import.meta.main) {
  begun.subscribe(() => {
    if (begun.data.size === jobs.data.size) console.log("both run");
  });
  await run(pipeline);
}
