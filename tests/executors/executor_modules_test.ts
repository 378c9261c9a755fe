/**
 * What modules do where they are imported for their functions.
 *
 * @module
 */

import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import type { DoneRecord } from "../../lib/done_record.ts";
import { parseYaml } from "../../lib/yaml.ts";
import { inFolder } from "../temporary_folder.ts";

const config = new URL("../../deno.json", import.meta.url).pathname;
const library = new URL("../../mod.ts", import.meta.url).href;

/** What becomes of a program that runs a pipeline. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The records of its two jobs. */
  readonly records: readonly (DoneRecord | undefined)[];
}

/** Runs a module that has a pipeline of two jobs: `begin` stands before it, `end` behind. */
async function runModule(
  executor: string,
  { begin = "", end = "", options = "", limits = "", body = "", exported = true }: {
    readonly begin?: string;
    readonly end?: string;
    readonly options?: string;
    readonly limits?: string;
    readonly body?: string;
    readonly exported?: boolean;
  },
  args: readonly string[] = ["run"],
): Promise<Outcome> {
  let outcome: Outcome | undefined;
  await inFolder(async (folder) => {
    const module = `${folder}/pipeline.ts`;
    await Deno.writeTextFile(
      module,
      `import { ${executor}, ExecutorTask, InProcessMetadataRepository, main, Pipeline, YamlMetadataFileRepository } from "${library}";
${begin}
const jobs = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
const task = new ExecutorTask("task", new ${executor}({ size: 2, ${limits} }), new YamlMetadataFileRepository("${folder}/done"), { ${options} })
  .link("jobs", jobs, { isInput: true })
  .func(async ({ job }) => { ${body} });
${exported ? "export " : ""}const pipeline = new Pipeline([task]);
${end === "" ? "if (import.meta.main) await main(pipeline);" : end}
`,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `--config=${config}`, module, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const records = await Promise.all(["a", "b"].map(async (job) => {
      const text = await Deno.readTextFile(`${folder}/done/${job}.yaml`).catch(() => undefined);
      return text === undefined ? undefined : await parseYaml(text) as DoneRecord;
    }));
    const decoder = new TextDecoder();
    outcome = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), records };
  });
  return outcome!;
}

for (const executor of ["WorkerExecutor", "SubprocessExecutor"]) {
  /** The only class and message of both records. */
  const failure = ({ records: [a, b] }: Outcome): [unknown, string] => {
    deepStrictEqual([a?.success, b?.success, a?.class], [false, false, b?.class]);
    return [a?.class, a?.exception ?? ""];
  };

  Deno.test(`${executor}: a module that runs its pipeline wherever it is imported runs it once`, async () => {
    const { code, stderr, records } = await runModule(executor, {
      body: "console.log(`did ${job}`);",
      end: "await main(pipeline);",
    });
    strictEqual(code, 0);
    deepStrictEqual(stderr.match(/did ./g)?.sort(), ["did a", "did b"]);
    deepStrictEqual(records.map((record) => record?.success), [true, true]);
  });

  Deno.test(`${executor}: a module that opens its pipeline wherever it is imported is told not to`, async () => {
    const outcome = await runModule(executor, {
      end: "await pipeline.open(); await main(pipeline);",
    });
    const [class_, exception] = failure(outcome);
    strictEqual(class_, "config");
    match(exception, /cannot be imported there: .*only if import\.meta\.main is true/);
  });

  Deno.test(`${executor}: a module with top-level await is waited for`, async () => {
    const { records } = await runModule(executor, {
      begin: "await new Promise((resolve) => setTimeout(resolve, 20));",
    });
    deepStrictEqual(records.map((record) => record?.success), [true, true]);
  });

  Deno.test(`${executor}: a module that throws where it is imported is class config`, async () => {
    const outcome = await runModule(executor, {
      begin: `if (!import.meta.main) throw new RangeError("not here");`,
    });
    const [class_, exception] = failure(outcome);
    strictEqual(class_, "config");
    match(exception, /pipeline\.ts cannot be imported there: RangeError: not here/);
    strictEqual(outcome.code, 1);
  });

  Deno.test(`${executor}: a module that ends the program where it is imported is class config`, async () => {
    const [class_, exception] = failure(
      await runModule(executor, { begin: "if (!import.meta.main) Deno.exit(0);" }),
    );
    strictEqual(class_, "config");
    match(exception, /its module has ended the program, with code 0.*import\.meta\.main/);
  });

  Deno.test(`${executor}: a module that never ends being imported is ended after the timeout`, async () => {
    for (const never of ["for (;;);", "await new Promise(() => setInterval(() => {}, 1000));"]) {
      const [class_, exception] = failure(
        await runModule(executor, {
          begin: `if (!import.meta.main) { ${never} }`,
          options: "timeout: 0.5",
        }),
      );
      strictEqual(class_, "timeout");
      match(exception, /ran longer than 0\.5 s/);
    }
  });

  Deno.test(`${executor}: a module that exports no pipeline is told to`, async () => {
    const [class_, exception] = failure(await runModule(executor, { exported: false }));
    strictEqual(class_, "config");
    match(exception, /pipeline\.ts exports neither a pipeline with that task nor the task itself/);
  });

  Deno.test(`${executor}: a module that does not exist or does not compile is class config`, async () => {
    for (const bad of ["./missing.ts", "data:text/javascript,not a program"]) {
      const [class_, exception] = failure(
        await runModule(executor, {
          options: `module: new URL(${JSON.stringify(bad)}, import.meta.url)`,
        }),
      );
      strictEqual(class_, "config");
      match(exception, /cannot be imported there: TypeError: (?:Module not found|SyntaxError)/);
    }
  });

  Deno.test(`${executor}: a run that gives up leaves what it was doing to the next one`, async () => {
    const { code, records, stderr } = await runModule(executor, {
      body: "await new Promise((resolve) => setTimeout(resolve, 60_000));",
    }, ["run", "--timeout", "1"]);
    strictEqual(code, 1);
    deepStrictEqual(records, [undefined, undefined]);
    match(stderr, /took longer than 1 s/);
  });

  Deno.test(`${executor}: what a job writes is shown once by a launch that shows it`, async () => {
    const { code, stdout, stderr } = await runModule(executor, {
      body: "console.log(`did ${job}`);",
    }, ["launch", "--sync", "task", "a"]);
    deepStrictEqual([code, stdout], [0, "did a\n"]);
    doesNotMatch(stderr, /did a/);
  });

  Deno.test(`${executor}: what a function leaves behind is no other's fault`, async () => {
    const { stderr, records } = await runModule(executor, {
      body: `if (job === "a") setTimeout(() => { throw new Error("left by a"); }, 10);
        else await new Promise((resolve) => setTimeout(resolve, 200));`,
      options: "maxConcurrent: 1, priority: (job) => job === 'a' ? 1 : 0",
    });
    deepStrictEqual(records.map((record) => record?.success), [true, true]);
    match(stderr, /warning: What a function has left behind threw.*left by a/);
    doesNotMatch(stderr, /^error/m);
  });
  for (
    const [what, left, options = ""] of [
      ["ends its thread or process", "setTimeout(() => Deno.exit(0), 30)"],
      ["closes it", "setTimeout(() => close(), 30)"],
      ["ends it as Node.js would", "setTimeout(() => process.exit(0), 30)"],
      ["calculates for ever", "setTimeout(() => { for (;;); }, 30)", ", timeout: 1"],
      ["eats all memory", "setTimeout(() => { const a = []; for (;;) a.push({ a }); }, 30)"],
    ] as const
  ) {
    Deno.test(`${executor}: what a function leaves behind fails no other function if it ${what}`, async () => {
      const { records } = await runModule(executor, {
        begin: `import process from "node:process";`,
        body:
          `if (job === "a") ${left}; else await new Promise((resolve) => setTimeout(resolve, 200));`,
        options:
          `maxConcurrent: 1, priority: (job) => job === "a" ? 1 : 0, retries: { infra: 0 }${options}`,
        limits: `memory: "48Mi"`,
      });
      deepStrictEqual(records.map((record) => record?.success), [true, true]);
    });
  }

  Deno.test(`${executor}: a function that closes its thread or process and returns fails no other`, async () => {
    const { records } = await runModule(executor, {
      body:
        `if (job === "a") close(); else await new Promise((resolve) => setTimeout(resolve, 200));`,
      options: `maxConcurrent: 1, priority: (job) => job === "a" ? 1 : 0, retries: { infra: 0 }`,
    });
    strictEqual(records[1]?.success, true);
  });
}

Deno.test("A pipeline from standard input runs in threads; processes, which could not import it, refuse it", async () => {
  const text = (executor: string) =>
    `import { ${executor}, ExecutorTask, InProcessMetadataRepository, main, Pipeline } from "${library}";
const jobs = new InProcessMetadataRepository(new Map([["a", 1]]));
const task = new ExecutorTask("task", new ${executor}({ size: 1 }), new InProcessMetadataRepository())
  .link("jobs", jobs, { isInput: true })
  .func(() => {});
export const pipeline = new Pipeline([task]);
if (import.meta.main) await main(pipeline);
`;
  const runText = async (executor: string): Promise<[code: number, stderr: string]> => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `--config=${config}`, "-", "run"],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const [{ code, stderr }] = await Promise.all([
      child.output(),
      ReadableStream.from([new TextEncoder().encode(text(executor))]).pipeTo(child.stdin),
    ]);
    return [code, new TextDecoder().decode(stderr)];
  };
  strictEqual((await runText("WorkerExecutor"))[0], 0);
  const [code, stderr] = await runText("SubprocessExecutor");
  strictEqual(code, 3);
  match(
    stderr,
    /task "task" cannot be run: its module is the text of standard input.* write it to a file/,
  );
});
