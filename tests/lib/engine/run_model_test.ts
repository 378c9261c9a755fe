import fc from "fast-check";
import { deepStrictEqual } from "node:assert/strict";
import { Engine } from "../../../lib/engine/engine.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import type { Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { FakeEnv } from "./fake_env.ts";
import { KEYS, pipelines, type PipelineSpec, RandomPipeline } from "./random_pipeline.ts";
import { connections, type Facts, states } from "./reference_model.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1" ? 20 : 1;

/** After this many attempts, jobs change nothing any more, so that every run ends. */
const MAX_ATTEMPTS = 60;

/** What one attempt does. */
interface Work {
  readonly pauses: number;
  readonly changes: readonly {
    readonly store: number;
    readonly key: string;
    readonly put: boolean;
  }[];
  readonly success: boolean;
}

const works: fc.Arbitrary<Work> = fc.record({
  pauses: fc.nat({ max: 4 }),
  changes: fc.array(
    fc.record({
      store: fc.nat({ max: 999 }),
      key: fc.constantFrom(...KEYS),
      put: fc.constantFrom(true, true, false),
    }),
    { maxLength: 3 },
  ),
  success: fc.constantFrom(true, true, false),
});

/** Runs a random pipeline, and watches each start. */
class Observer implements Facts {
  readonly connections;
  readonly broken = new Set<Repository>();
  readonly #pipeline: RandomPipeline;
  readonly #env = new FakeEnv();
  readonly #engine: Engine;
  readonly #running = new Set<string>();
  readonly #retryAt = new Map<string, number>();
  readonly #works: readonly Work[];
  #attempts = 0;
  /** Starts of jobs that the model does not call ready. */
  readonly wrong: string[] = [];

  constructor(spec: PipelineSpec, works: readonly Work[]) {
    this.#works = works;
    this.#pipeline = new RandomPipeline(spec, (_task, job) => this.#work(job));
    const { tasks } = this.#pipeline;
    this.connections = connections(tasks);
    this.#engine = new Engine({ tasks, env: this.#env });
    this.#engine.subscribe((event) => {
      const name = `${event.task.name} ${event.job}`;
      if (event.type === "start") {
        const found = states(this, event.task, event.job, KEYS);
        if (!found.has("ready")) this.wrong.push(`${name} is ${[...found].join(" or ")}`);
        this.#running.add(name);
      } else if (event.type === "end") {
        this.#running.delete(name);
        if (event.retryAt !== undefined) this.#retryAt.set(name, event.retryAt);
      }
    });
  }

  filter(repository: Repository, job: string): boolean {
    return this.#pipeline.filter(repository, job);
  }
  running(task: Task, job: string): boolean {
    return this.#running.has(`${task.name} ${job}`);
  }
  retrying(task: Task, job: string): boolean {
    return (this.#retryAt.get(`${task.name} ${job}`) ?? 0) > this.#env.now();
  }
  /** As the engine has it: the other property is about that. */
  ended(task: Task, job: string): boolean {
    return this.#engine.state(task).ended.has(this.#engine.keys.space.find(job));
  }

  /** Runs to the end; gives the jobs that are ready then. */
  async run(): Promise<string[]> {
    try {
      const report = await this.#env.until(runEngine(this.#engine));
      deepStrictEqual(report.left.filter(({ state }) => state === "ready"), []);
      const left: string[] = [];
      for (const task of this.#pipeline.tasks) {
        for (const job of KEYS) {
          if (states(this, task, job, KEYS).has("ready")) left.push(`${task.name} ${job}`);
        }
      }
      return left;
    } finally {
      this.#engine.close();
    }
  }

  /** Some jobs work at once, others take some turns. */
  #work(job: string): unknown {
    const work = this.#works[this.#attempts++ % this.#works.length];
    if (work === undefined || this.#attempts > MAX_ATTEMPTS) return;
    return this.#do(work, job);
  }

  async #do({ pauses, changes, success }: Work, job: string): Promise<void> {
    const { stores } = this.#pipeline;
    for (let i = 0; i < pauses; i++) await Promise.resolve();
    for (const { store, key, put } of changes) {
      const target = stores[store % stores.length]!;
      if (put) await target.dump(store % 2 === 0 ? job : key, 2);
      else await target.delete(key);
    }
    if (!success) throw new Error("it fails");
  }
}

Deno.test("a run starts only what a model of plain sets calls ready, and ends when nothing is", async () => {
  await fc.assert(
    fc.asyncProperty(
      pipelines({ direct: true }),
      fc.array(works, { minLength: 1, maxLength: 20 }),
      async (spec, works) => {
        const observer = new Observer(spec, works);
        deepStrictEqual(await observer.run(), []);
        deepStrictEqual(observer.wrong, []);
      },
    ),
    { numRuns: 600 * SWEEP },
  );
});
