/**
 * What tests of processes share.
 *
 * @module
 */

import {
  type DoneRecord,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  Pipeline,
  run,
  type RunReport,
} from "../../mod.ts";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import type { AbstractProcessManager } from "../../executors/process_manager.ts";
import { ProcessTask, type ProcessTaskOptions } from "../../executors/process_task.ts";

/** A folder that is gone afterwards. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "datatask-process-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A task of one script with all its stores in memory, and the manager that it uses. */
export interface Fixture {
  readonly task: ProcessTask;
  readonly manager: AbstractProcessManager;
  readonly done: InProcessMetadataRepository<DoneRecord>;
  readonly stdout: InProcessBlobRepository;
  readonly input: InProcessMetadataRepository;
}

/** Makes a task whose only job is "a", unless other jobs are given. */
export function fixture(
  manager: AbstractProcessManager,
  options: ProcessTaskOptions,
  inputs: Readonly<Record<string, unknown>> = { a: "value of a" },
): Fixture {
  const done = new InProcessMetadataRepository<DoneRecord>();
  const stdout = new InProcessBlobRepository();
  const input = new InProcessMetadataRepository(new Map(Object.entries(inputs)));
  const task = new ProcessTask<ProcessTaskOptions>("task", done, {
    manager,
    stdout,
    retries: { infra: 0 },
    ...options,
  });
  task.link("input", input, { isInput: true });
  return { task, manager, done, stdout, input };
}

/** Runs scripts in a folder of their own, and gives what became of them. */
export async function runScript(
  options: ProcessTaskOptions,
  inputs?: Readonly<Record<string, unknown>>,
): Promise<{
  record: DoneRecord;
  output: string;
  stderr: string;
  report: RunReport;
}> {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path, grace: 0.3 });
  const { task, done, stdout } = fixture(manager, options, inputs);
  const report = await run(new Pipeline([task]));
  const output = await stdout.contains("a") ? await stdout.readText("a") : "";
  const stderr = await Deno.readTextFile(`${folder.path}/app/task/a/stderr`).catch(() => "");
  return { record: (await done.info("a"))!, output, stderr, report };
}

/** Whether a process is there and has not ended. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Resolves when a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
