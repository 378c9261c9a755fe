import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import type { ProcessInfo } from "../../executors/running_processes.ts";
import {
  type Env,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  interceptWarnings,
  Pipeline,
  run,
  StoreError,
  systemEnv,
} from "../../mod.ts";
import { fixture, temporaryFolder } from "./processes.ts";

/** No pause takes long. */
const env: Env = {
  ...systemEnv,
  schedule: (callback, delay) => systemEnv.schedule(callback, Math.min(delay, 1)),
};

/** A store that is away for some attempts to write to it. */
class Away extends InProcessBlobRepository {
  attempts = 0;

  constructor(readonly failures: number) {
    super();
  }

  override writable(job: string): Promise<WritableStream<Uint8Array>> {
    if (++this.attempts > this.failures) return super.writable(job);
    return Promise.reject(new StoreError("the store is away"));
  }
}

Deno.test("ProcessTask stores what a job has written however long the store is away, and runs it once", async () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
  const log = `${folder.path}/log`;
  const stdout = new Away(25);
  const { task, done } = fixture(manager, {
    template: `echo run >> ${log}; echo out of $JOB`,
    stdout,
    retries: {},
  }, { a: 1, b: 2 });
  strictEqual((await run(new Pipeline([task]))).succeeded, 2);
  deepStrictEqual([...(await done.infoAll()).values()].map((record) => record!.success), [
    true,
    true,
  ]);
  strictEqual(await stdout.readText("a"), "out of a\n");
  strictEqual(await stdout.readText("b"), "out of b\n");
  strictEqual(await Deno.readTextFile(log), "run\nrun\n");
  strictEqual(warnings.length, 1);
  match(warnings[0]!, /"[ab]" of task "task" has ended, .*the store is away; .* tried again/);
});

Deno.test("ProcessTask leaves to the next run what cannot be stored when a run is stopped, and stores it then", async () => {
  await using folder = await temporaryFolder();
  const log = `${folder.path}/log`;
  const template = `echo run >> ${log}; echo out; exit 3`;
  const ended: string[] = [];
  for (const stdout of [new Away(Infinity), new Away(Infinity), new Away(0)]) {
    const stop = new AbortController();
    using _ = interceptWarnings(() => stop.abort());
    await using manager = new LocalLinuxManager("app", { localPath: folder.path });
    const { task, done } = fixture(manager, { template, stdout, retries: {} });
    const { failed, running } = await run(new Pipeline([task]), { signal: stop.signal });
    ended.push(`${failed} failed, ${running} running, ${(await done.infoAll()).size} records`);
    strictEqual(await stdout.contains("a"), stdout.failures === 0);
  }
  deepStrictEqual(ended, [
    "0 failed, 1 running, 0 records",
    "0 failed, 1 running, 0 records",
    "1 failed, 0 running, 1 records",
  ]);
  strictEqual(await Deno.readTextFile(log), "run\n");
});

Deno.test("ProcessTask runs a job once though the store that is to tell which run is away", async () => {
  const warnings: string[] = [];
  using _ = interceptWarnings((message) => void warnings.push(message));
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, env });
  const log = `${folder.path}/log`;
  let failures = 10;
  class Pids extends InProcessMetadataRepository<ProcessInfo | undefined> {
    override dump(): Promise<void> {
      return Promise.reject(new StoreError("the store is away"));
    }
    override delete(job: string): Promise<void> {
      return failures-- > 0 ? Promise.reject(new StoreError("it still is")) : super.delete(job);
    }
  }
  const { task } = fixture(manager, {
    template: `echo run >> ${log}`,
    pids: new Pids(),
    retries: {},
  });
  strictEqual((await run(new Pipeline([task]))).succeeded, 1);
  strictEqual(await Deno.readTextFile(log), "run\n");
  deepStrictEqual(warnings.map((warning) => /away|still/.exec(warning)?.[0]), ["away", "still"]);
});
