/**
 * The bugs of the original that concern processes, none of which is to come back.
 *
 * @module
 */

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { ProcessTask } from "../../executors/process_task.ts";
import { deleteData } from "../../lib/cli/rm.ts";
import { run } from "../../lib/cli/run.ts";
import { StoreError } from "../../lib/errors.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";
import { fixture, isRunning, until } from "../executors/processes.ts";
import { inFolder } from "../temporary_folder.ts";
import { captured } from "./stdout.ts";

Deno.test("A-02: a process that runs is seen as one: nothing is taken in of it, and it is not started again", () =>
  inFolder(async (folder) => {
    await using manager = new LocalLinuxManager("app", { localPath: folder });
    const template =
      `echo half; echo started >> ${folder}/log; while [ ! -e ${folder}/go ]; do sleep 0.01; done`;
    const { task, done, stdout } = fixture(manager, { template });
    await using pipeline = new Pipeline([task]);
    await pipeline.open();
    strictEqual(await pipeline.update(), true);
    await until(() => Deno.readTextFile(`${folder}/log`).then(() => true, () => false));
    for (let cycle = 0; cycle < 3; cycle++) await pipeline.update();
    deepStrictEqual(await Array.fromAsync(task.pids), ["a"]);
    const { pid } = (await task.pids.info("a"))!;
    ok(Number.isInteger(pid) && isRunning(pid!), `${pid}`);
    deepStrictEqual([await done.contains("a"), await stdout.contains("a")], [false, false]);
    await Deno.writeTextFile(`${folder}/go`, "");
    await until(() => done.contains("a"));
    strictEqual(await stdout.readText("a"), "half\n");
    strictEqual(await Deno.readTextFile(`${folder}/log`), "started\n");
  }));

Deno.test("A-14: ProcessTask runs a job once, whatever becomes of its output, and not at all without done", () =>
  inFolder(async (folder) => {
    await using manager = new LocalLinuxManager("app", { localPath: folder });
    const { task, stdout } = fixture(manager, { template: `echo run >> ${folder}/log` });
    strictEqual((await run(new Pipeline([task]))).succeeded, 1);
    await stdout.delete("a");
    strictEqual((await run(new Pipeline([task]))).succeeded, 0);
    strictEqual(await Deno.readTextFile(`${folder}/log`), "run\n");
    // @ts-expect-error the records must be kept somewhere
    const careless = new ProcessTask("careless", undefined, { manager, template: "true" })
      .link("in", new InProcessMetadataRepository(), { isInput: true });
    await rejects(new Pipeline([careless]).open(), /link "careless.done" leads to undefined/);
  }));

Deno.test("A-25: deleteData() of a task whose job runs as a process ends the process", () =>
  inFolder(async (folder) => {
    await using manager = new LocalLinuxManager("app", { localPath: folder });
    const { task, done } = fixture(manager, { template: "sleep 1000" });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    const { pid } = (await task.pids.info("a"))!;
    await using other = new LocalLinuxManager("app", { localPath: folder });
    const view = new Pipeline([fixture(other, { template: "sleep 1000" }).task]);
    await captured(() => deleteData(view, "task", ["a"]));
    strictEqual((await running).failed, 1);
    strictEqual((await done.info("a"))?.class, "cancelled");
    ok(!isRunning(pid!));
  }));

Deno.test("A-50: run() of processes is refused while another run holds their folder", () =>
  inFolder(async (folder) => {
    await using manager = new LocalLinuxManager("app", { localPath: folder });
    const template = `while [ ! -e ${folder}/go ]; do sleep 0.01; done`;
    const { task, done } = fixture(manager, { template });
    const first = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    await using other = new LocalLinuxManager("app", { localPath: folder });
    const second = run(new Pipeline([fixture(other, { template: "true" }).task]));
    await rejects(second, (error) => {
      ok(error instanceof StoreError);
      match(error.message, new RegExp(`process ${Deno.pid}`));
      return true;
    });
    await Deno.writeTextFile(`${folder}/go`, "");
    strictEqual((await first).succeeded, 1);
    strictEqual((await done.info("a"))?.success, true);
  }));
