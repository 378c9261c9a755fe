/**
 * datatask in the race: `deno run -A contestant.ts SCENARIO JOBS STATE [VERB ...]` in the scenario's directory. The outputs
 * themselves say what is done; where jobs are processes, their starts, ends and records are kept in STATE besides.
 *
 * @module
 */

import {
  type DoneRecord,
  ExecutorTask,
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
  SqliteMetadataRepository,
  WorkerExecutor,
} from "../../mod.ts";

const [scenario = "", jobs = "1", localPath = "state", ...words] = Deno.args;
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

/** One function call a job, on all cores. */
function onCores(source: FileRepository, target: FileRepository): ExecutorTask {
  const executor = new WorkerExecutor({ size: Number(jobs) });
  return new ExecutorTask("step", executor, new InProcessMetadataRepository())
    .link("source", source, { isInput: true })
    .link("target", target, { isOutput: true, inhibitsStart: true })
    .func(async ({ job, source, target }) => {
      await target.writeText(job, trigrams(await source.readText(job)));
    });
}

function trigrams(text: string): string {
  const counts = new Map<string, number>();
  for (let i = 0; i + 3 <= text.length; i++) {
    const gram = text.slice(i, i + 3);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return [...counts.keys()].sort().map((gram) => `${gram}\t${counts.get(gram)}\n`).join("");
}

/** One process a job and stage. */
function processes(source: FileRepository, targets: readonly FileRepository[]): ProcessTask[] {
  const manager = new LocalLinuxManager("race", { localPath });
  const resources = new ResourceManager(Resources.parse(Number(jobs), 0));
  return targets.map((target, index) => {
    const done = new SqliteMetadataRepository<DoneRecord>(`${localPath}/done.db`, `step${index}`);
    const task = new ProcessTask(`step${index}`, done, {
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
  : [(scenario === "cpu" ? onCores : inProcess)(first!, others[0]!)];
export const pipeline: Pipeline = new Pipeline(tasks);
if (import.meta.main) await main(pipeline, { args: words.length > 0 ? words : ["run"] });
