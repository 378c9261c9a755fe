/**
 * datatask in the race: `deno run -A contestant.ts SCENARIO JOBS STATE` in the scenario's directory. The outputs
 * themselves say what is done; where jobs are processes, their starts and ends are kept in STATE besides.
 *
 * @module
 */

import {
  FileRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  LocalLinuxManager,
  main,
  Pipeline,
  ProcessTask,
  ResourceManager,
  Resources,
  sh,
} from "../../mod.ts";

const [scenario = "", jobs = "1", localPath = "state"] = Deno.args;
const folders = scenario === "chain" ? ["in", "s1", "s2", "s3", "s4", "out"] : ["in", "out"];
const [first, ...others] = folders.map((folder) => new FileRepository(folder, ""));

/** One function call a job. */
function inProcess(source: FileRepository, target: FileRepository): InProcessSyncTask {
  return new InProcessSyncTask("step", new InProcessMetadataRepository())
    .link("source", source, { isInput: true })
    .link("target", target, { isOutput: true, inhibitsStart: true })
    .func(async ({ job, source, target }) => {
      await target.writeText(job, `${await source.readText(job)}${job}\n`);
    });
}

/** One process a job and stage. */
function processes(source: FileRepository, targets: readonly FileRepository[]): ProcessTask[] {
  const manager = new LocalLinuxManager("race", { localPath });
  const resources = new ResourceManager(Resources.parse(Number(jobs), 0));
  return targets.map((target, index) => {
    const task = new ProcessTask(`step${index}`, new InProcessMetadataRepository(), {
      manager,
      resources,
    })
      .link("source", source, { isInput: true })
      .link("target", target, { isOutput: true, inhibitsStart: true })
      .func(({ job, source, target }) => sh`{ cat ${source}; echo ${job}; } > ${target}`);
    source = target;
    return task;
  });
}

const tasks = scenario === "spawn" || scenario === "chain"
  ? processes(first!, others)
  : [inProcess(first!, others[0]!)];
await main(new Pipeline(tasks), { args: ["run"] });
