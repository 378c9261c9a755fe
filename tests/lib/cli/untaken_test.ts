import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../../executors/local_linux_manager.ts";
import { temporaryFolder, until } from "../../executors/processes.ts";
import { type Outcome, Programs } from "./programs.ts";

const root = new URL("../../../", import.meta.url);

/** A pipeline of processes in a folder, as programs that follow each other. */
class Runs implements AsyncDisposable {
  readonly path: string;
  readonly #programs = new Programs();
  readonly #folder: { path: string } & AsyncDisposable;

  private constructor(folder: { path: string } & AsyncDisposable) {
    this.#folder = folder;
    this.path = folder.path;
  }

  static async make(): Promise<Runs> {
    const runs = new Runs(await temporaryFolder());
    await Deno.mkdir(`${runs.path}/done`);
    return runs;
  }

  do(...args: readonly string[]): Promise<Outcome> {
    return this.#programs.run(
      `
      const { LocalLinuxManager } = await import("${root}executors/local_linux_manager.ts");
      const { ProcessTask } = await import("${root}executors/process_task.ts");
      const { YamlMetadataFileRepository } = await import("${root}repos/yaml_metadata_repository.ts");
      const work = new ProcessTask("work", new YamlMetadataFileRepository("${this.path}/done"), {
        manager: new LocalLinuxManager("app", { localPath: "${this.path}", grace: 0.3 }),
        template: "while [ ! -e ${this.path}/{{ job }} ]; do sleep 0.01; done",
      }).link("in", new FakeMetadata("in", keys("a", "b", "c")), { isInput: true });
      await main(new Pipeline([work]));
      `,
      args,
    );
  }

  /** Lets a job end, and waits for that. */
  async end(job: string): Promise<void> {
    await Deno.writeTextFile(`${this.path}/${job}`, "");
    const manager = new LocalLinuxManager("app", { localPath: this.path });
    await until(async () =>
      !(await manager.running("work")).some((running) => running.job === job)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

const ENDED = "has ended; the next run takes that in, or the one that is under way";

Deno.test("verbs that read say of what ended without a program that it has, and run takes it in", async () => {
  await using runs = await Runs.make();
  strictEqual((await runs.do("launch", "work", "a")).code, 0);
  await runs.end("a");
  const [job, task, plan] = await Promise.all([
    runs.do("why", "work", "a"),
    runs.do("why", "work"),
    runs.do("plan"),
  ]);
  deepStrictEqual([job.code, job.stdout, job.stderr], [0, `work a ${ENDED}\n`, ""]);
  deepStrictEqual([task.code, task.stdout], [0, `1 untaken: a ${ENDED}\n2 ready: b is ready\n`]);
  deepStrictEqual([plan.code, plan.stdout], [0, "work b\nwork c\n"]);
  for (const key of ["b", "c"]) await Deno.writeTextFile(`${runs.path}/${key}`, "");
  const { code, stderr } = await runs.do("run");
  deepStrictEqual([code, stderr], [0, "work: 3 done\n"]);
});

Deno.test("launch takes in what has ended, and then decides", async () => {
  await using runs = await Runs.make();
  await runs.do("launch", "work", "a");
  await runs.end("a");
  const again = await runs.do("launch", "--sync", "work", "a");
  strictEqual(again.code, 1);
  match(again.stderr, /^work a is done: it ended well at .*\nwarning: Task is not ready/);
  await runs.do("launch", "work", "b");
  await runs.end("b");
  const forced = await runs.do("launch", "-f", "--sync", "work", "b");
  deepStrictEqual([forced.code, forced.stderr], [0, ""]);
});

Deno.test("what somebody ends while no program is there is still to be taken in", async () => {
  await using runs = await Runs.make();
  await runs.do("launch", "work", "a");
  match((await runs.do("why", "work", "a")).stdout, /^work a has been running since /);
  match(
    (await runs.do("why", "work")).stdout,
    /^1 running: a has been running since .*\n2 ready: b is ready\n$/,
  );
  strictEqual((await runs.do("rm", "work.pids", "a")).code, 0);
  strictEqual((await runs.do("why", "work", "a")).stdout, `work a ${ENDED}\n`);
  const launched = await runs.do("launch", "work", "a");
  strictEqual(launched.code, 1);
  match(launched.stderr, /^work a failed at .* \(cancelled: .*\)\nwarning: Task is not/);
});
