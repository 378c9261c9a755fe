/**
 * Pipelines of every shape, for property tests: as plain values, and made from them.
 *
 * @module
 */

import fc from "fast-check";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import {
  AggregateAndRepository,
  AggregateOrRepository,
} from "../../../lib/aggregate_repository.ts";
import { BlockingRepository } from "../../../lib/blocking_repository.ts";
import { sourcesOf } from "../../../lib/graph.ts";
import type { LinkOptions } from "../../../lib/link.ts";
import { RelatedItemRepository, type Translator } from "../../../lib/related_item_repository.ts";
import { MapRepository, type Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { type Abilities, AbleStore, type MemoryStore } from "./memory_store.ts";

/** All keys that stores hold. */
export const KEYS = ["1", "2", "10", "a", "b"] as const;

/** A repository that is computed from earlier ones. Numbers choose among what there is. */
type View =
  | { readonly kind: "and" | "or"; readonly children: readonly number[] }
  | {
    readonly kind: "blocking";
    readonly source: number;
    readonly unless: number;
    readonly enumerateUnless: boolean;
  }
  | { readonly kind: "filter"; readonly base: number; readonly filter: Filter }
  | { readonly kind: "map"; readonly base: number }
  | {
    readonly kind: "related";
    readonly base: number;
    readonly translator: number;
    readonly hiding: "nothing" | "filter" | "blocking";
    readonly prefetchLookup: boolean;
  };

/** What a filter lets through: these keys, or those that a store holds. */
interface Filter {
  readonly keys: readonly string[];
  readonly store: number | undefined;
  readonly failing: string | undefined;
  readonly async: boolean;
}

/** A task. */
interface TaskSpec {
  /** Whether it writes to the store that the next task reads. */
  readonly feeds: boolean;
  readonly links: readonly { readonly repo: number; readonly options: LinkOptions }[];
  readonly ready: number | undefined;
  readonly failureOk: boolean;
  readonly disabled: boolean;
  readonly retries: number;
  readonly metadata: boolean;
}

/** A pipeline. */
export interface PipelineSpec {
  readonly stores: readonly (readonly string[])[];
  readonly done: readonly (readonly [string, boolean])[][];
  readonly translators: readonly (readonly [string, string | null])[][];
  readonly views: readonly View[];
  readonly tasks: readonly TaskSpec[];
  /** What the stores are able to; the first again behind the last. */
  readonly abilities: readonly Abilities[];
}

/** What of a pipeline's shape a test can do without. */
export interface Shape {
  /** Whether what a view shows changes only with its sources, and at once. */
  readonly direct: boolean;
}

const index = fc.nat({ max: 999 });
const key = fc.constantFrom(...KEYS);
const some = fc.subarray([...KEYS], { minLength: 1 });

function views({ direct }: Shape): fc.Arbitrary<View> {
  const never = fc.constant(undefined);
  return fc.oneof(
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      children: fc.array(index, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("blocking" as const),
      source: index,
      unless: index,
      enumerateUnless: direct ? fc.constant(true) : fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("filter" as const),
      base: index,
      filter: fc.record({
        keys: some,
        store: direct ? never : fc.option(index, { nil: undefined }),
        failing: fc.option(key, { nil: undefined, freq: 3 }),
        async: direct ? fc.constant(false) : fc.boolean(),
      }),
    }),
    fc.record({ kind: fc.constant("map" as const), base: index }),
    fc.record({
      kind: fc.constant("related" as const),
      base: index,
      translator: index,
      hiding: fc.constantFrom("nothing" as const, "filter" as const, "blocking" as const),
      prefetchLookup: fc.boolean(),
    }),
  );
}

const linkOptions: fc.Arbitrary<LinkOptions> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ isInput: true }) },
  { weight: 3, arbitrary: fc.constant({ isOutput: true }) },
  {
    weight: 2,
    arbitrary: fc.record({
      isInput: fc.boolean(),
      isOutput: fc.boolean(),
      isStatus: fc.boolean(),
      inhibitsStart: fc.boolean(),
      requiredForStart: fc.boolean(),
    }, { requiredKeys: [] }),
  },
);

/** Any pipeline. */
export function pipelines(shape: Shape): fc.Arbitrary<PipelineSpec> {
  const tasks = fc.record({
    links: fc.array(fc.record({ repo: index, options: linkOptions }), {
      maxLength: 3,
      size: "max",
    }),
    feeds: fc.constantFrom(true, true, false),
    // By records, tasks could make each other run for ever.
    ready: fc.option(shape.direct ? fc.nat({ max: 2 }) : index, { nil: undefined, freq: 6 }),
    failureOk: fc.boolean(),
    disabled: fc.constantFrom(...Array(9).fill(false), true),
    retries: fc.nat({ max: 1 }),
    metadata: fc.constantFrom(true, true, true, false),
  });
  return fc.record({
    stores: fc.array(some, { minLength: 3, maxLength: 8 }),
    done: fc.array(
      fc.uniqueArray(fc.tuple(key, fc.boolean()), {
        selector: ([k]) => k,
        maxLength: 4,
        size: "max",
      }),
      { minLength: 5, maxLength: 5 },
    ),
    translators: fc.array(
      fc.uniqueArray(fc.tuple(key, fc.constantFrom(...KEYS, null, "no id!")), {
        selector: ([k]) => k,
      }),
      { minLength: 1, maxLength: 2 },
    ),
    views: fc.array(views(shape), { maxLength: 6, size: "max" }),
    tasks: fc.array(tasks, { minLength: 2, maxLength: 5, size: "max" }),
    abilities: fc.array(fc.record({ proves: fc.boolean(), watched: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    }),
  });
}

/** A pipeline made from its description. */
export class RandomPipeline {
  readonly stores: AbleStore[];
  /** The records of each task. */
  readonly records: AbleStore[];
  readonly translators: AbleStore<string | null>[];
  /** Every repository: stores first, then records, then translators, then views. */
  readonly repositories: Repository[];
  readonly tasks: Task[];
  /** The stores on whose keys a filter depends, which the engine does not know of. */
  readonly filteredBy = new Set<Repository>();

  readonly #doubts = new Set<Repository>();
  readonly #filters = new Map<Repository, (job: string) => boolean>();

  /** Makes it; `work` is what each job does. */
  constructor(spec: PipelineSpec, work: (task: Task, job: string) => unknown) {
    const { stores, done, translators, views, tasks, abilities } = spec;
    let made = 0;
    const able = (): Abilities => abilities[made++ % abilities.length]!;
    this.stores = stores.map((keys, i) =>
      new AbleStore<unknown>(`s${i}`, keys.map((k) => [k, 1]), able())
    );
    this.translators = translators.map((pairs, i) => new AbleStore(`t${i}`, pairs, able()));
    this.records = tasks.map((_, i) =>
      new AbleStore<unknown>(`done${i}`, done[i]!.map(([k, success]) => [k, { success }]), able())
    );
    this.repositories = [...this.stores, ...this.records, ...this.translators];
    for (const view of views) this.repositories.push(this.#view(view));
    this.tasks = tasks.map((each, i) => this.#task(each, i, this.records[i]!, work));
  }

  /** What the filter of a view says; throws where the filter does. */
  filter(repository: Repository, job: string): boolean {
    return this.#filters.get(repository)!(job);
  }

  /** Whether `contains` of a view may fail, or may know of a translation that the translator does not show. */
  hasDoubts(repository: Repository): boolean {
    return this.#doubts.has(repository) ||
      sourcesOf(repository).some((each) => this.hasDoubts(each));
  }

  #task(
    spec: TaskSpec,
    at: number,
    done: MemoryStore,
    work: (task: Task, job: string) => unknown,
  ): Task {
    const ready = spec.ready === undefined ? undefined : this.#choose(spec.ready);
    const task: InProcessSyncTask = new InProcessSyncTask(`task${at}`, done, {
      failureOk: spec.failureOk,
      disabled: spec.disabled,
      retries: spec.retries,
      backoff: 1,
      // One that its own records make ready may run again by what an asynchronous filter says of the last one.
      ...ready !== undefined && !drawsOn(ready, done) && { ready },
    }).func(({ job }) => work(task, job));
    task.metadata = spec.metadata;
    const [own, next] = [at, at + 1].map((each) => this.stores[each % this.stores.length]!);
    task.link("own", own!, { isInput: true });
    if (spec.feeds) task.link("next", next!, { isOutput: true });
    spec.links.forEach(({ repo, options }, i) => {
      const output = options.isOutput ?? false;
      // What is written to is mostly a store: so that tasks work on the results of others.
      const chosen = output && repo % 3 > 0
        ? this.stores[repo % this.stores.length]!
        : this.#choose(repo);
      task.link(`link${i}`, chosen, options);
    });
    return task;
  }

  #choose(at: number): Repository {
    return this.repositories[at % this.repositories.length]!;
  }

  #view(view: View): Repository {
    switch (view.kind) {
      case "and":
        return new AggregateAndRepository(this.#children(view.children));
      case "or":
        return new AggregateOrRepository(this.#children(view.children));
      case "blocking":
        return new BlockingRepository(
          this.#choose(view.source),
          view.enumerateUnless ? this.#choose(view.unless) : this.#asked(view.unless),
          view,
        );
      case "map":
        return this.#choose(view.base).map((info) => info);
      case "filter":
        return this.#filtered(this.#choose(view.base), view.filter);
      case "related": {
        const translator = this.translators[view.translator % this.translators.length]!;
        const hiding: Record<typeof view.hiding, () => Translator> = {
          nothing: () => translator,
          filter: () => {
            const visible = new MapRepository(translator, (to) => to, { filter: (k) => k > "1" });
            this.#filters.set(visible, (k) => k > "1");
            return visible;
          },
          blocking: () =>
            new BlockingRepository(translator, this.stores[view.base % this.stores.length]!),
        };
        const related = new RelatedItemRepository<unknown>(
          this.#choose(view.base),
          hiding[view.hiding](),
          view,
        );
        if (view.hiding !== "nothing") this.#doubts.add(related);
        return related;
      }
    }
  }

  #children(children: readonly number[]): Record<string, Repository> {
    return Object.fromEntries(children.map((child, i) => [`child${i}`, this.#choose(child)]));
  }

  /** What is asked for single keys: a store, or several. */
  #asked(at: number): Repository {
    const [a, b] = [at, at + 1].map((each) => this.stores[each % this.stores.length]!);
    return at % 2 === 0 ? a! : new AggregateOrRepository({ a: a!, b: b! });
  }

  #filtered(base: Repository, { keys, store, failing, async }: Filter): Repository {
    const other = store === undefined ? undefined : this.stores[store % this.stores.length]!;
    if (other !== undefined) this.filteredBy.add(other);
    const allowed = new Set(keys);
    const filter = (job: string): boolean => {
      if (job === failing) throw new Error("the filter fails");
      return other === undefined ? allowed.has(job) : other.data.has(job);
    };
    const repository = new MapRepository(base, (info) => info, {
      filter: async ? (job) => Promise.resolve(job).then(filter) : filter,
    });
    this.#filters.set(repository, filter);
    if (failing !== undefined) this.#doubts.add(repository);
    return repository;
  }
}

function drawsOn(repository: Repository, store: Repository): boolean {
  return repository === store || sourcesOf(repository).some((source) => drawsOn(source, store));
}
