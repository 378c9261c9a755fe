/**
 * A run of jobs that are processes, to be killed: `kill_program.ts FOLDER COUNT [POINT NTH]` dies of KILL when it reaches
 * a step for the nth time. Prints how many jobs it did when it ends.
 *
 * @module
 */

import {
  type Env,
  FileRepository,
  InProcessMetadataRepository,
  Pipeline,
  run,
  systemEnv,
  YamlMetadataFileRepository,
} from "../../mod.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { ProcessTask } from "../../executors/process_task.ts";
import { sh } from "../../executors/sh.ts";

const [folder = ".", count = "1", point, nth = "1"] = Deno.args;
let reached = 0;
const env: Env = {
  ...systemEnv,
  fault(at) {
    if (at === point && ++reached === Number(nth)) Deno.kill(Deno.pid, "SIGKILL");
  },
};
const log = `${folder}/log`;
const jobs = new InProcessMetadataRepository(
  new Map(Array.from({ length: Number(count) }, (_, index) => [`job${index}`, index])),
);
await using manager = new LocalLinuxManager("app", { localPath: folder, env });
const task = new ProcessTask("task", new YamlMetadataFileRepository(`${folder}/done`), {
  manager,
  stdout: new FileRepository(`${folder}/out`),
  maxConcurrent: 8,
}).link("jobs", jobs, { isInput: true })
  .func(({ job, jobs }) =>
    sh`echo start ${job} $$ >> ${log}
       echo ${`${job} `.repeat(200)}
       sleep ${((jobs ?? 0) % 5) / 50}
       echo stop ${job} $$ >> ${log}`
  );
const { succeeded, failed } = await run(new Pipeline([task]));
console.log(JSON.stringify({ succeeded, failed }));
