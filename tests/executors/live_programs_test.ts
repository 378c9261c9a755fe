/**
 * Jobs that one program runs, as another sees them.
 *
 * @module
 */

import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import type { DoneRecord } from "../../lib/done_record.ts";
import { parseYaml } from "../../lib/yaml.ts";
import { inFolder } from "../temporary_folder.ts";

const config = new URL("../../deno.json", import.meta.url).pathname;
const library = new URL("../../mod.ts", import.meta.url).href;

/** A program that is used from several terminals. */
class Program {
  readonly folder: string;

  constructor(folder: string, executor: string) {
    this.folder = folder;
    Deno.writeTextFileSync(
      `${folder}/pipeline.ts`,
      `import { ${executor}, ExecutorTask, InProcessMetadataRepository, main, Pipeline, YamlMetadataFileRepository } from "${library}";
const jobs = new InProcessMetadataRepository(new Map([["a", 1]]));
const task = new ExecutorTask("task", new ${executor}({ size: 1 }), new YamlMetadataFileRepository("${folder}/done"))
  .link("jobs", jobs, { isInput: true })
  .func(async ({ job }) => {
    console.log("began " + job);
    await new Promise(() => setInterval(() => {}, 1000));
  });
export const pipeline = new Pipeline([task]);
if (import.meta.main) await main(pipeline);
`,
    );
  }

  spawn(args: readonly string[], permissions: readonly string[] = ["-A"]): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        ...permissions,
        `--config=${config}`,
        `${this.folder}/pipeline.ts`,
        ...args,
      ],
      cwd: this.folder,
      env: { NO_COLOR: "1", XDG_STATE_HOME: this.folder },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs the pipeline, up to the first line that its job writes. */
  async begin(permissions?: readonly string[]): Promise<Running> {
    const child = this.spawn(["run"], permissions);
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("began a");) text += (await reader.read()).value ?? "";
    return {
      child,
      async end() {
        while (!(await reader.read()).done);
        await child.stdout.cancel();
        await child.status;
      },
    };
  }

  /** What a verb gives. */
  async ask(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.spawn(args).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** What is left in the folder of sockets. */
  get sockets(): string[] {
    const folder = `${this.folder}/datatask/live`;
    return existsSync(folder) ? Array.from(Deno.readDirSync(folder), ({ name }) => name) : [];
  }

  async record(): Promise<DoneRecord> {
    return await parseYaml(await Deno.readTextFile(`${this.folder}/done/a.yaml`)) as DoneRecord;
  }
}

/** A program that runs its job. */
interface Running {
  readonly child: Deno.ChildProcess;
  /** Waits for its end. */
  end(): Promise<void>;
}

for (const executor of ["WorkerExecutor", "SubprocessExecutor"]) {
  Deno.test(`${executor}: another program sees a job that runs, reads what it writes, does not start it, and cancels it`, async () => {
    await inFolder(async (folder) => {
      const program = new Program(folder, executor);
      const running = await program.begin();
      strictEqual((await program.ask("ls", "task.live")).stdout, "a\n");
      strictEqual((await program.ask("logs", "task", "a")).stdout, "began a\n");
      match(
        (await program.ask("why", "task", "a")).stdout,
        /has been running since 20\S+; it has last written: began a$/m,
      );
      strictEqual((await program.ask("launch", "task", "a")).code, 1);
      const again = await program.ask("run");
      strictEqual(again.code, 0);
      doesNotMatch(again.stderr, /began/);
      const following = program.spawn(["logs", "--follow", "task", "a"]);
      const text = following.stdout.pipeThrough(new TextDecoderStream()).getReader();
      strictEqual((await text.read()).value, "began a\n");
      const { code, stdout } = await program.ask("cancel", "task", "a");
      deepStrictEqual([code, stdout], [0, "a\n"]);
      strictEqual((await text.read()).done, true);
      await following.stderr.cancel();
      strictEqual((await following.status).code, 0);
      await running.end();
      strictEqual((await program.record()).class, "cancelled");
      deepStrictEqual(program.sockets, []);
      strictEqual((await program.ask("cancel", "task", "a")).code, 1);
    });
  });
}

Deno.test("Deleting a job of another program from live cancels it", async () => {
  await inFolder(async (folder) => {
    const program = new Program(folder, "WorkerExecutor");
    const running = await program.begin();
    match((await program.ask("rm", "task.live", "a")).stdout, /^a </);
    await running.end();
    strictEqual((await program.record()).class, "cancelled");
  });
});

Deno.test("Of a program that was killed, no job is seen, and no socket stays", async () => {
  await inFolder(async (folder) => {
    const program = new Program(folder, "WorkerExecutor");
    const running = await program.begin();
    running.child.kill("SIGKILL");
    await running.end();
    strictEqual(program.sockets.length, 1);
    deepStrictEqual(await program.ask("ls", "task.live"), { code: 0, stdout: "", stderr: "" });
    deepStrictEqual(program.sockets, []);
  });
});

Deno.test("A program that gives up its jobs leaves no socket, and forgets those that killed ones have left", async () => {
  await inFolder(async (folder) => {
    const program = new Program(folder, "WorkerExecutor");
    const live = `${folder}/datatask/live`;
    await Deno.mkdir(live, { recursive: true });
    const killed = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.listen({ transport: "unix", path: ${JSON.stringify(`${live}/of-another`)} });` +
        `Deno.kill(Deno.pid, "SIGKILL");`,
      ],
    });
    await killed.output();
    deepStrictEqual(program.sockets, ["of-another"]);
    strictEqual((await program.ask("run", "--timeout", "1")).code, 1);
    deepStrictEqual(program.sockets, []);
  });
});

Deno.test("A program that may use no socket runs its jobs all the same", async () => {
  await inFolder(async (folder) => {
    const program = new Program(folder, "WorkerExecutor");
    const running = await program.begin([
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-import",
    ]);
    deepStrictEqual(program.sockets, []);
    running.child.kill("SIGKILL");
    await running.end();
  });
});
