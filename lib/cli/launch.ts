/**
 * The verb `launch`: starts one job.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import { engineOf, type Pipeline } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { warn } from "../warnings.ts";
import { EXIT } from "./exit_code.ts";
import { opened } from "./opened.ts";
import { printable, writeMessage, writeStream } from "./output.ts";
import { Tally } from "./tally.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode launch}. */
export interface LaunchOptions {
  /**
   * Whether to wait until the job has ended, wherever it runs.
   *
   * @default {false}
   */
  readonly sync?: boolean;
  /**
   * Whether its record is kept.
   *
   * @default {true}
   */
  readonly meta?: boolean;
  /**
   * Whether to start it though it is not ready.
   *
   * @default {false}
   */
  readonly force?: boolean;
}

/** What became of a launch: it was refused, goes on elsewhere, or has ended. */
export type LaunchOutcome = "refused" | "started" | "succeeded" | "failed";

/**
 * Starts one job, if it is ready. Waits for its end if it runs in this process. Opens the pipeline if it is not open.
 *
 * `sync` and `meta` are set for all tasks, as by `Pipeline.settings`.
 *
 * @param pipeline The pipeline.
 * @param task The name of the task.
 * @param job The job.
 * @param options How to start it.
 * @returns What became of it. A job that is not ready is refused, with a warning.
 * @throws {UsageError} If there is no such task.
 * @throws {JobIdError} If `job` is no job id.
 */
export async function launch(
  pipeline: Pipeline,
  task: string,
  job: string,
  { sync = false, meta = true, force = false }: LaunchOptions = {},
): Promise<LaunchOutcome> {
  const { selectTask } = await import("./select.ts");
  const selected = selectTask(pipeline, task);
  return await opened(pipeline, async (engine) => {
    await engine.takeIn(selected, job); // before the settings: they are for this launch
    pipeline.settings({ synchronous: sync, metadata: meta });
    if (!force && (await engine.decide(selected, job)).state !== "ready") {
      warn("Task is not ready to launch - use -f to force");
      return "refused";
    }
    const record = await engine.launch(selected, job, { sync });
    if (record === undefined) return "started";
    return record.success ? "succeeded" : "failed";
  });
}

/** Copies what a job writes, from when it is started until it has ended, to standard output. */
async function copyLogs(engine: Engine, task: Task, job: string): Promise<void> {
  const { promise: started, resolve } = Promise.withResolvers<void>();
  using _ = engine.subscribe(({ type }) => type === "start" && resolve());
  await started;
  const text = await task.logs?.(job, { follow: true });
  if (text !== undefined) await writeStream(text);
}

/** The verb `launch`. */
export const launchVerb: Verb = {
  name: "launch",
  summary: "Start one job",
  words: "TASK JOB",
  options: {
    force: { type: "boolean", short: "f", description: "start it though it is not ready" },
    sync: {
      type: "boolean",
      description: "show what it writes, and wait until it has ended, wherever it runs",
    },
    meta: { type: "boolean", description: "keep its record, as usual" },
    "no-meta": { type: "boolean", description: "keep no record of it" },
  },
  stops: true,
  async run({ pipeline, words: [name = "", job = ""], options, signal }) {
    const force = options.force === true;
    const { selectTask } = await import("./select.ts");
    const { abandonedText, launchedText } = await import("./launch_text.ts");
    const task = selectTask(pipeline, name);
    const engine = engineOf(pipeline);
    signal.addEventListener("abort", () => {
      writeMessage(abandonedText(engine, task, job));
      Deno.exit(EXIT.INTERRUPTED); // whatever it waits for
    });
    let undecided = false;
    if (!force) {
      await engine.takeIn(task, job);
      const { explain } = await import("../engine/explain.ts");
      const { checkKnown } = await import("./known_job.ts");
      const { state, reason } = await explain(engine, engine.state(task), job);
      checkKnown(engine, job);
      // What is stuck is told by the error.
      if (state !== "ready" && state !== "stuck") {
        writeMessage(`${name} ${job} ${printable(reason)}\n`);
      }
      undecided = state === "unknown";
    }
    const sync = options.sync === true;
    using tally = new Tally(engine);
    const copying = sync ? copyLogs(engine, task, job) : undefined;
    copying?.catch(() => {}); // thrown below
    const outcome = await launch(pipeline, name, job, {
      force,
      sync,
      meta: options["no-meta"] !== true,
    });
    if (outcome !== "refused") await copying;
    for (const { task: { name: failed }, job: which, problem } of tally.failures) {
      if (failed !== name || which !== job) continue; // of an earlier program, and only taken in
      writeMessage(`${name} ${job} failed: ${printable(problem)}\n`);
    }
    // Who waits has seen what it wrote; a pod that does so for a function keeps only that.
    if (!sync && (outcome === "started" || outcome === "succeeded")) {
      writeMessage(launchedText(task, job, outcome));
    }
    if (undecided) return EXIT.UNREACHABLE;
    return outcome === "refused" || outcome === "failed" ? EXIT.FAILED : EXIT.OK;
  },
};
