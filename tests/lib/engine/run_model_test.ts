import fc from "fast-check";
import { deepStrictEqual } from "node:assert/strict";
import { Engine } from "../../../lib/engine/engine.ts";
import { runEngine } from "../../../lib/engine/run.ts";
import type { Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { FakeEnv, turn } from "./fake_env.ts";
import type { AbleStore } from "./memory_store.ts";
import { KEYS, pipelines, type PipelineSpec, RandomPipeline } from "./random_pipeline.ts";
import { connections, type Facts, states } from "./reference_model.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1" ? 20 : 1;

/** After this many attempts, jobs change nothing any more, so that every run ends. */
const MAX_ATTEMPTS = 60;

/** Milliseconds after which a run for ever has listed everything anew, also what it watches. */
const ALL_LISTED = 320_000;

/** What one attempt does. */
interface Work {
  readonly pauses: number;
  readonly changes: readonly Change[];
  readonly success: boolean;
}

/** A key that is written or deleted. Numbers choose among the stores. */
interface Change {
  readonly store: number;
  readonly key: string;
  readonly put: boolean;
}

/** A change by somebody else, and when a watch tells of it: at once, after the next change, as a mere hint, or never. */
interface OutsideChange extends Change {
  readonly told: "now" | "late" | "relist" | "never";
  /** Seconds until the next change. */
  readonly then: number;
}

const change = {
  store: fc.nat({ max: 999 }),
  key: fc.constantFrom(...KEYS),
  put: fc.constantFrom(true, true, false),
};

const works: fc.Arbitrary<Work> = fc.record({
  pauses: fc.nat({ max: 4 }),
  changes: fc.array(fc.record(change), { maxLength: 3 }),
  success: fc.constantFrom(true, true, false),
});

const outside: fc.Arbitrary<OutsideChange[]> = fc.array(
  fc.record({
    ...change,
    told: fc.constantFrom("now", "now", "late", "relist", "never"),
    then: fc.constantFrom(0, 0, 1, 10, 11, 400),
  }),
  { maxLength: 6 },
);

/** A change of which it is not sure whether the engine knows of it. */
interface Unsure {
  readonly store: AbleStore;
  readonly key: string;
  readonly before: unknown;
}

/** Runs a random pipeline, again and again, and watches each start. */
class Observer implements Facts {
  readonly connections;
  readonly broken = new Set<Repository>();
  readonly #pipeline: RandomPipeline;
  readonly #env = new FakeEnv();
  readonly #snapshots: string;
  #engine: Engine;
  readonly #running = new Set<string>();
  readonly #retryAt = new Map<string, number>();
  readonly #works: readonly Work[];
  #attempts = 0;
  #unsure: Unsure[] = [];
  /** Starts of jobs that the model does not call ready, whatever of the unsure changes the engine knows. */
  readonly wrong: string[] = [];

  constructor(spec: PipelineSpec, works: readonly Work[], snapshots: string) {
    this.#works = works;
    this.#snapshots = snapshots;
    this.#pipeline = new RandomPipeline(spec, (_task, job) => this.#work(job));
    this.connections = connections(this.#pipeline.tasks);
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    const { tasks } = this.#pipeline;
    const engine = new Engine({ tasks, env: this.#env, snapshots: this.#snapshots, minKeys: 1 });
    engine.subscribe((event) => {
      const name = `${event.task.name} ${event.job}`;
      if (event.type === "start") {
        const found = this.#statesOf(event.task, event.job);
        if (!found.has("ready")) this.wrong.push(`${name} is ${[...found].join(" or ")}`);
        this.#running.add(name);
      } else if (event.type === "end") {
        this.#running.delete(name);
        if (event.retryAt !== undefined) this.#retryAt.set(name, event.retryAt);
      }
    });
    return engine;
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

  /** Runs to the end. */
  async run(): Promise<void> {
    await this.#engine.look(); // reads what the last one has left, which takes more than turns
    const report = await this.#env.until(runEngine(this.#engine));
    deepStrictEqual(report.left.filter(({ state }) => state === "ready"), []);
    this.#checkEnd("run");
  }

  /** Runs while somebody else changes stores. */
  async runForever(changes: readonly OutsideChange[]): Promise<void> {
    await this.#engine.look(); // as in a run that ends
    const controller = new AbortController();
    const running = runEngine(this.#engine, { forever: true, signal: controller.signal });
    await turn();
    let late = (): void => {};
    for (const each of changes) {
      const tell = this.#changeOutside(each);
      late();
      late = () => {};
      if (each.told === "late") late = tell;
      else if (each.told !== "never") tell();
      await this.#env.advance(each.then * 1000);
      await this.#idle();
    }
    late();
    await this.#env.advance(ALL_LISTED);
    await this.#idle();
    this.#unsure = [];
    this.#checkEnd("run --forever");
    controller.abort();
    await this.#env.until(running);
  }

  /** Another engine goes on, after changes that nobody has seen. */
  async restart(changes: readonly Change[]): Promise<void> {
    await this.#engine.close();
    for (const each of changes) this.#changeOutside(each);
    this.#unsure = [];
    this.#retryAt.clear();
    this.#engine = this.#newEngine();
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** Nothing is ready that was not started. */
  #checkEnd(when: string): void {
    const left: string[] = [];
    for (const task of this.#pipeline.tasks) {
      for (const job of KEYS) {
        if (states(this, task, job, KEYS).has("ready")) left.push(`${task.name} ${job}`);
      }
    }
    deepStrictEqual([left, this.wrong], [[], []], when);
  }

  /** What the model says, with each choice of the changes that the engine may not know of. */
  #statesOf(task: Task, job: string): Set<string> {
    const found = new Set<string>();
    for (let known = 0; known < 1 << this.#unsure.length; known++) {
      const unknown = this.#unsure.filter((_, i) => (known & 1 << i) === 0);
      const now = unknown.map(({ store, key }) => store.data.get(key));
      for (const { store, key, before } of unknown.toReversed()) set(store, key, before);
      for (const state of states(this, task, job, KEYS)) found.add(state);
      unknown.forEach(({ store, key }, i) => set(store, key, now[i]));
    }
    return found;
  }

  /** Changes a store behind its back; returns what tells of that. */
  #changeOutside({ store: at, key, put, ...how }: Change | OutsideChange): () => void {
    const { stores } = this.#pipeline;
    const store = stores[at % stores.length]!;
    this.#unsure.push({ store, key, before: store.data.get(key) });
    set(store, key, put ? 3 : undefined);
    return () => {
      store.feed.tell(
        "told" in how && how.told === "relist"
          ? { type: "relist" }
          : { type: put ? "put" : "delete", job: key },
      );
    };
  }

  /** Lets jobs go on that take some turns. */
  async #idle(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) await turn();
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

function set({ data }: AbleStore, key: string, value: unknown): void {
  if (value === undefined) data.delete(key);
  else data.set(key, value);
}

Deno.test("a run starts only what a model of plain sets calls ready, and ends when nothing is, also after others", async () => {
  const snapshots = await Deno.makeTempDir();
  await fc.assert(
    fc.asyncProperty(
      pipelines({ direct: true }),
      fc.array(works, { minLength: 1, maxLength: 20 }),
      fc.array(fc.array(fc.record(change), { maxLength: 4 }), { maxLength: 2 }),
      async (spec, works, restarts) => {
        const observer = new Observer(spec, works, snapshots);
        try {
          await observer.run();
          for (const changes of restarts) {
            await observer.restart(changes);
            await observer.run();
          }
        } finally {
          await observer.close();
        }
      },
    ),
    { numRuns: 300 * SWEEP },
  );
  await Deno.remove(snapshots, { recursive: true });
});

Deno.test("a run for ever starts only what a model of plain sets may call ready, and all that is, whatever others change", async () => {
  const snapshots = await Deno.makeTempDir();
  await fc.assert(
    fc.asyncProperty(
      pipelines({ direct: true }),
      fc.array(works, { minLength: 1, maxLength: 20 }),
      fc.array(outside, { minLength: 1, maxLength: 2 }),
      fc.array(fc.record(change), { maxLength: 4 }),
      async (spec, works, runs, between) => {
        const observer = new Observer(spec, works, snapshots);
        try {
          for (const changes of runs) {
            await observer.runForever(changes);
            await observer.restart(between);
          }
        } finally {
          await observer.close();
        }
      },
    ),
    { numRuns: 100 * SWEEP },
  );
  await Deno.remove(snapshots, { recursive: true });
});
