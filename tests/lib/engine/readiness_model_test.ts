import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Engine } from "../../../lib/engine/engine.ts";
import type { Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { FakeEnv, turn } from "./fake_env.ts";
import type { MemoryStore } from "./memory_store.ts";
import { KEYS, pipelines, type PipelineSpec, RandomPipeline } from "./random_pipeline.ts";
import {
  affected,
  broken,
  conditions,
  type Connection,
  connections,
  eligible,
  type Facts,
  held,
  states,
} from "./reference_model.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1" ? 20 : 1;

/** Something that happens. Numbers choose among what there is. */
type Change =
  | { readonly type: "put" | "delete" | "putUnseen" | "deleteUnseen"; store: number; job: string }
  | { readonly type: "record"; task: number; job: string; success: boolean; unseen: boolean }
  | { readonly type: "translate"; translator: number; job: string; to: string | null }
  | { readonly type: "break" | "mend"; store: number }
  | { readonly type: "disable" | "enable"; task: number }
  | { readonly type: "launch"; task: number; job: string }
  | { readonly type: "end"; which: number; success: boolean; writes: readonly number[] }
  | { readonly type: "wait" }
  | { readonly type: "look"; readonly meanwhile: readonly SeenChange[] }
  | { readonly type: "restart"; readonly meanwhile: readonly SeenChange[]; snapshot: Fate };

/** A key that is written or deleted. */
interface SeenChange {
  readonly store: number;
  readonly job: string;
  readonly put: boolean;
}

/** What becomes of the snapshot that an engine has left. */
type Fate = "kept" | "deleted" | "damaged";

const index = fc.nat({ max: 999 });
const job = fc.constantFrom(...KEYS);
const meanwhile: fc.Arbitrary<SeenChange[]> = fc.array(
  fc.record({ store: index, job, put: fc.boolean() }),
  { maxLength: 3 },
);
const changes: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "put" as const,
        "put" as const,
        "delete" as const,
        "putUnseen" as const,
        "deleteUnseen" as const,
      ),
      store: index,
      job,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("record" as const),
      task: index,
      job,
      success: fc.boolean(),
      unseen: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("translate" as const),
      translator: index,
      job,
      to: fc.constantFrom(...KEYS, null, "no id!"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("break" as const, "mend" as const, "mend" as const),
      store: index,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("disable" as const, "enable" as const, "enable" as const),
      task: index,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("launch" as const), task: index, job }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("end" as const),
      which: index,
      success: fc.boolean(),
      writes: fc.array(index, { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "wait" as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("look" as const), meanwhile }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("restart" as const),
      meanwhile,
      snapshot: fc.constantFrom<Fate>("kept", "kept", "kept", "deleted", "damaged"),
    }),
  },
);

/** An attempt that waits for the test to end it. */
interface Running {
  readonly task: Task;
  readonly job: string;
  /** Which engine has started it. */
  readonly engine: Engine;
  readonly end: (work: () => Promise<void>) => void;
}

/** A random pipeline, the engine that works on it, and what the test knows of both. */
class Subject implements Facts {
  readonly #pipeline: RandomPipeline;
  readonly #env = new FakeEnv();
  readonly #snapshots: string;
  #engine: Engine;
  readonly broken = new Set<Repository>();
  readonly connections: readonly Connection[];
  readonly #running: Running[] = [];
  /** How often jobs have failed that are not recorded. */
  readonly #failures = new Map<string, number>();
  readonly #retrying = new Set<string>();
  readonly #ended = new Set<string>();
  #stores: readonly MemoryStore[];

  constructor(spec: PipelineSpec, snapshots: string) {
    this.#snapshots = snapshots;
    this.#pipeline = new RandomPipeline(spec, async (task, job) => {
      const { promise, resolve } = Promise.withResolvers<() => Promise<void>>();
      this.#running.push({ task, job, engine: this.#engine, end: resolve });
      await (await promise)();
    });
    const { repositories, stores, tasks, translators } = this.#pipeline;
    this.#stores = repositories.slice(0, stores.length + tasks.length + translators.length)
      .filter((repo): repo is MemoryStore => "data" in repo);
    this.connections = connections(tasks);
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    const { repositories, tasks } = this.#pipeline;
    const engine = new Engine({ tasks, env: this.#env, snapshots: this.#snapshots, minKeys: 1 });
    for (const repository of repositories) engine.keys.view(repository);
    return engine;
  }

  get tasks(): readonly Task[] {
    return this.#pipeline.tasks;
  }
  filter(repository: Repository, job: string): boolean {
    return this.#pipeline.filter(repository, job);
  }
  running(task: Task, job: string): boolean {
    return this.#running.some((each) => each.task === task && each.job === job);
  }
  retrying(task: Task, job: string): boolean {
    return this.#retrying.has(`${task.name} ${job}`);
  }
  ended(task: Task, job: string): boolean {
    return this.#ended.has(`${task.name} ${job}`);
  }

  async begin(): Promise<void> {
    await this.#engine.look();
    await this.#compare("at first");
  }

  async change(change: Change): Promise<void> {
    await this.#apply(change);
    await turn();
    await this.#engine.keys.settled();
    await this.#compare(JSON.stringify(change));
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const { end } of this.#running) end(() => Promise.resolve());
    await turn();
    await this.#engine.close();
  }

  async #apply(change: Change): Promise<void> {
    switch (change.type) {
      case "put":
        return await this.#put(this.#plain(change.store), change.job, 1);
      case "delete":
        return await this.#delete(this.#store(change.store), change.job);
      case "putUnseen": {
        const store = this.#plain(change.store);
        return await this.#unseen(store, () => void store.data.set(change.job, 1));
      }
      case "deleteUnseen": {
        const store = this.#store(change.store);
        return await this.#unseen(store, () => void store.data.delete(change.job));
      }
      case "record": {
        const store = this.#done(change.task);
        const record = { success: change.success };
        if (!change.unseen) return await this.#put(store, change.job, record);
        return await this.#unseen(store, () => void store.data.set(change.job, record));
      }
      case "translate": {
        const { translators } = this.#pipeline;
        const store = translators[change.translator % translators.length]!;
        return await this.#put(store, change.job, change.to);
      }
      case "break":
      case "mend": {
        const store = this.#store(change.store);
        return await this.#lookAfter(() => {
          store.broken[change.type === "break" ? "add" : "delete"]("list");
          this.broken[change.type === "break" ? "add" : "delete"](store);
        });
      }
      case "disable":
      case "enable":
        this.#task(change.task).disabled = change.type === "disable";
        return;
      case "launch": {
        const task = this.#task(change.task);
        if (this.running(task, change.job) || this.retrying(task, change.job)) return;
        this.#ended.delete(`${task.name} ${change.job}`);
        this.#engine.launch(task, change.job, { sync: true, retry: true });
        return;
      }
      case "end":
        return await this.#end(change.which, change.success, change.writes);
      case "wait":
        await this.#env.advance(3_600_000);
        return this.#retrying.clear();
      case "look": {
        const before = this.#eligible();
        const looking = this.#engine.look();
        for (const each of change.meanwhile) await this.#changeSeen(each);
        await looking;
        for (const name of this.#eligible().difference(before)) this.#ended.delete(name);
        return;
      }
      case "restart":
        return await this.#restart(change.meanwhile, change.snapshot);
    }
  }

  /** A change by this process, which no filter hears of that asks the store itself. */
  async #changeSeen({ store: at, job, put }: SeenChange): Promise<void> {
    const store = this.#plain(at);
    if (this.#pipeline.filteredBy.has(store)) return;
    const held = store.data.has(job);
    await (put ? store.dump(job, 1) : store.delete(job));
    if (put || held) this.#heard(store, job);
  }

  /** Another engine goes on, after changes that nobody has seen. */
  async #restart(meanwhile: readonly SeenChange[], fate: Fate): Promise<void> {
    await this.#engine.close();
    for (const { name } of Deno.readDirSync(this.#snapshots)) {
      const path = `${this.#snapshots}/${name}`;
      if (fate === "deleted") Deno.removeSync(path);
      else if (fate === "damaged") Deno.truncateSync(path, Deno.statSync(path).size - 1);
    }
    for (const { store: at, job, put } of meanwhile) {
      const { data } = this.#store(at);
      if (!put) data.delete(job);
      else if (this.#pipeline.stores.some((store) => store.data === data)) data.set(job, 1);
    }
    this.#engine = this.#newEngine();
    this.#ended.clear();
    this.#retrying.clear();
    for (const name of this.#failures.keys()) {
      if (!this.#running.some(({ task, job }) => name === `${task.name} ${job}`)) {
        this.#failures.delete(name);
      }
    }
    await this.#engine.look();
    await this.#engine.recover();
  }

  async #end(which: number, success: boolean, writes: readonly number[]): Promise<void> {
    const ending = this.#running[which % this.#running.length];
    if (ending === undefined) return;
    const { task, job, engine } = ending;
    const name = `${task.name} ${job}`;
    ending.end(async () => {
      for (const each of writes) await this.#put(this.#plain(each), job, 2);
      if (!success) throw new Error("it fails");
    });
    await turn();
    this.#running.splice(this.#running.indexOf(ending), 1);
    const failures = (this.#failures.get(name) ?? 0) + (success ? 0 : 1);
    this.#failures.set(name, success ? 0 : failures);
    const retried = !success && failures <= Number(task.options.retries);
    if (retried && engine === this.#engine) {
      this.#retrying.add(name);
      return;
    }
    this.#failures.delete(name);
    if (retried) return; // would be tried again, had its engine not been closed
    if (task.metadata) this.#heard(this.#done(this.tasks.indexOf(task)), job);
    if (engine === this.#engine) this.#ended.add(name);
  }

  async #put(store: MemoryStore, job: string, value: unknown): Promise<void> {
    const change = async (): Promise<void> => {
      await store.dump(job, value);
      this.#heard(store, job);
    };
    await (this.#pipeline.filteredBy.has(store) ? this.#lookAfter(change) : change());
  }

  async #delete(store: MemoryStore, job: string): Promise<void> {
    const change = async (): Promise<void> => {
      const held = store.data.has(job);
      await store.delete(job);
      if (held) this.#heard(store, job);
    };
    await (this.#pipeline.filteredBy.has(store) ? this.#lookAfter(change) : change());
  }

  /** What has ended may run again if something changed for it. */
  #heard(store: Repository, job: string): void {
    for (const task of this.tasks) {
      const { required, inhibiting } = conditions(task);
      for (const repository of [...required, ...inhibiting]) {
        for (const each of affected(this, repository, store, job)) {
          this.#ended.delete(`${task.name} ${each}`);
        }
      }
    }
  }

  async #unseen(store: MemoryStore, change: () => void): Promise<void> {
    if (!this.broken.has(store)) await this.#lookAfter(change);
  }

  async #lookAfter(change: () => void | Promise<void>): Promise<void> {
    const before = this.#eligible();
    await change();
    await this.#engine.look();
    for (const name of this.#eligible().difference(before)) this.#ended.delete(name);
  }

  #eligible(): Set<string> {
    return new Set(
      this.tasks.flatMap((task) =>
        KEYS.filter((job) => eligible(this, task, job)).map((job) => `${task.name} ${job}`)
      ),
    );
  }

  async #compare(when: string): Promise<void> {
    const { space } = this.#engine.keys;
    for (const repository of this.#pipeline.repositories) {
      const view = this.#engine.keys.view(repository);
      if (broken(this, repository)) {
        ok(view.error !== undefined, `${when}: ${repository} has an error`);
        continue;
      }
      const seen = [...view.set].map((id) => space.name(id)).sort();
      const held_ = KEYS.filter((job) => held(this, repository, job) === true).sort();
      deepStrictEqual(seen, held_, `${when}: ${repository}`);
    }
    for (const task of this.tasks) {
      const ready = new Set<string>();
      for (const job of [...KEYS, "absent"]) {
        const expected = states(this, task, job, KEYS);
        const { state } = await this.#engine.decide(task, job);
        ok(
          expected.has(state),
          `${when}: ${task.name} ${job}: ${state}, not ${[...expected].join(" or ")}`,
        );
        if (state === "ready") ready.add(job);
      }
      deepStrictEqual(await this.#engine.ready(task), ready, `${when}: ${task.name}`);
    }
  }

  /** Compares what the repositories say themselves. */
  async compareListings(): Promise<void> {
    const holds = (repo: Repository, job: string): unknown => held(this, repo, job);
    const unknown = (repo: Repository): boolean =>
      KEYS.some((job) => holds(repo, job) === "unknown");
    const { repositories } = this.#pipeline;
    if (repositories.some(unknown)) return; // what fails for one key can be listed by nobody
    for (const repository of repositories) {
      deepStrictEqual(
        (await Array.fromAsync(repository)).sort(),
        KEYS.filter((job) => holds(repository, job)).sort(),
        `${repository}`,
      );
      if (this.#pipeline.hasDoubts(repository)) continue;
      for (const job of KEYS) {
        strictEqual(await repository.contains(job), holds(repository, job), `${repository} ${job}`);
      }
    }
  }

  #task(at: number): Task {
    return this.tasks[at % this.tasks.length]!;
  }
  #done(at: number): MemoryStore {
    return this.#stores[this.#pipeline.stores.length + at % this.tasks.length]!;
  }
  #plain(at: number): MemoryStore {
    return this.#pipeline.stores[at % this.#pipeline.stores.length]!;
  }
  #store(at: number): MemoryStore {
    return this.#stores[at % this.#stores.length]!;
  }
}

Deno.test("the engine says of every job what a model of plain sets says, after every change, and what it remembers is true", async () => {
  const snapshots = await Deno.makeTempDir();
  await fc.assert(
    fc.asyncProperty(
      pipelines({ direct: false }),
      fc.array(changes, { maxLength: 30, size: "max" }),
      async (spec, changes) => {
        const subject = new Subject(spec, snapshots);
        try {
          await subject.begin();
          for (const change of changes) await subject.change(change);
          await subject.compareListings();
        } finally {
          await subject.close();
        }
      },
    ),
    { numRuns: 600 * SWEEP },
  );
  await Deno.remove(snapshots, { recursive: true });
});
