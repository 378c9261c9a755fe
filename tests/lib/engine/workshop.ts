/**
 * What most tests of the engine need: tasks, an engine on them, and notes of what happened.
 *
 * @module
 */

import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import type { DoneRecord } from "../../../lib/done_record.ts";
import { Engine } from "../../../lib/engine/engine.ts";
import type { EngineEvent } from "../../../lib/engine/events.ts";
import { runEngine, type RunOptions } from "../../../lib/engine/run.ts";
import type { RunReport } from "../../../lib/engine/report.ts";
import type { Repository } from "../../../lib/repository.ts";
import type { Task, TaskOptions } from "../../../lib/task.ts";
import { FakeEnv } from "./fake_env.ts";
import { MemoryStore } from "./memory_store.ts";

/** Where a test task reads and writes, and what it does. */
interface TaskParts {
  readonly input: Repository;
  readonly output?: Repository;
  readonly done?: MemoryStore;
  readonly work?: (job: string, signal: AbortSignal) => unknown;
}

/** A task that runs a function in this process, and writes its job to its output when that has ended. */
export function makeTask(name: string, parts: TaskParts, options: TaskOptions = {}): Task {
  const { input, output, done = new MemoryStore(`${name}.done`), work } = parts;
  const task = new InProcessSyncTask(name, done, options)
    .link("in", input, { isInput: true })
    .func(async (args) => {
      // A function that looks at no signal must not be given one.
      await (work !== undefined && work.length < 2
        ? work(args.job, NONE)
        : work?.(args.job, args.signal));
      if (output instanceof MemoryStore) await output.dump(args.job, `by ${name}`);
    });
  if (output !== undefined) task.link("out", output, { isOutput: true });
  return task;
}

const NONE = new AbortController().signal;

/** Two tasks in a row over three stores. */
export function chain(
  input: MemoryStore,
  work: { first?: (job: string) => unknown; second?: (job: string) => unknown } = {},
): { middle: MemoryStore; output: MemoryStore; tasks: Task[]; first: Task; second: Task } {
  const [middle, output] = [new MemoryStore("middle"), new MemoryStore("output")];
  const first = makeTask("first", {
    input,
    output: middle,
    ...work.first && { work: work.first },
  });
  const second = makeTask("second", {
    input: middle,
    output,
    ...work.second && { work: work.second },
  });
  return { middle, output, tasks: [first, second], first, second };
}

/** Keys with a value, as the content of a store. */
export function keys(...jobs: string[]): [string, unknown][] {
  return jobs.map((job) => [job, 1]);
}

/** A way to let jobs run until the test ends them. */
export class Gate {
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  /** For jobs: waits until the test lets it go on. */
  pass(job: string): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(job, waiting);
    return waiting.promise;
  }

  /** Which jobs wait. */
  get waiting(): string[] {
    return [...this.#waiting.keys()];
  }

  /** Lets a job end. */
  open(job: string): void {
    this.#waiting.get(job)!.resolve();
    this.#waiting.delete(job);
  }

  /** Lets a job fail. */
  fail(job: string, error: unknown): void {
    this.#waiting.get(job)!.reject(error);
    this.#waiting.delete(job);
  }
}

/** An engine on tasks, in a time of its own, with notes of what it tells. */
export class Workshop implements AsyncDisposable {
  readonly env = new FakeEnv();
  readonly engine: Engine;
  /** What was told, in the form `start task.job`, `end task.job`, `retry task.job`, `fail task.job`. */
  readonly notes: string[] = [];
  readonly events: EngineEvent[] = [];

  constructor(
    make: (env: FakeEnv) => readonly Task[],
    priority?: (task: Task, job: string) => number,
  ) {
    this.engine = new Engine({ tasks: make(this.env), priority, env: this.env });
    this.engine.subscribe((event) => {
      this.events.push(event);
      this.notes.push(`${wordFor(event)} ${event.task.name}.${event.job}`);
    });
  }

  /** Runs to the end, and lets as much time pass as that takes. */
  run(options?: RunOptions): Promise<RunReport> {
    return this.env.until(runEngine(this.engine, options));
  }

  /** Which jobs were started, in their order. */
  get started(): string[] {
    return this.notes.filter((note) => note.startsWith("start ")).map((note) => note.slice(6));
  }

  /** The state of a job, in a word. */
  async stateOf(task: Task, job: string): Promise<string> {
    return (await this.engine.decide(task, job)).state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close();
  }
}

function wordFor(event: EngineEvent): string {
  if (event.type !== "end") return event.type;
  if (event.retryAt !== undefined) return "retry";
  return event.record.success ? "end" : "fail";
}

/** A record of a job that failed. */
export const FAILED: DoneRecord = { success: false, start_time: "", end_time: "" };

/** A record of a job that ended well. */
export const SUCCEEDED: DoneRecord = { success: true, start_time: "", end_time: "" };
