/**
 * A run of jobs that are processes on another machine, to be killed: `ssh_kill_program.ts FOLDER REMOTE COUNT [POINT NTH]`
 * dies of KILL when it reaches a step for the nth time.
 *
 * @module
 */

import {
  type Env,
  FileRepository,
  InProcessMetadataRepository,
  Pipeline,
  ProcessTask,
  run,
  sh,
  SSHLinuxManager,
  systemEnv,
  YamlMetadataFileRepository,
} from "../../mod.ts";
import { connect } from "./ssh.ts";

const [folder = ".", remotePath = ".", count = "1", point, nth = "1"] = Deno.args;
let reached = 0;
const env: Env = {
  ...systemEnv,
  fault(at) {
    if (at === point && ++reached === Number(nth)) Deno.kill(Deno.pid, "SIGKILL");
  },
};
const log = `${remotePath}/log`;
const jobs = new InProcessMetadataRepository(
  new Map(Array.from({ length: Number(count) }, (_, index) => [`job${index}`, index])),
);
await using client = await connect();
await using manager = new SSHLinuxManager("app", client, { remotePath, env });
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
await run(new Pipeline([task]));
