/**
 * All repositories of a pipeline as sets of keys.
 *
 * @module
 */

import { AggregateAndRepository, AggregateOrRepository } from "../aggregate_repository.ts";
import { BlockingRepository } from "../blocking_repository.ts";
import { systemEnv } from "../env.ts";
import { sourcesOf } from "../graph.ts";
import { isRelatedItem } from "../related_item_repository.ts";
import { headline } from "../failure.ts";
import { MapRepository, type Repository } from "../repository.ts";
import { warn } from "../warnings.ts";
import { AndView, BlockingView, OrView } from "./combined_view.ts";
import { FilteredView } from "./filtered_view.ts";
import { KeySpace } from "./key_space.ts";
import { RelatedView } from "./related_view.ts";
import type { KeySet } from "./key_set.ts";
import { Snapshot } from "./snapshot.ts";
import type { Stats } from "./stats.ts";
import { StoredView } from "./stored_view.ts";
import type { View } from "./view.ts";

/** Options of a {@linkcode KeyIndex}. */
export interface KeyIndexOptions {
  /**
   * The folder in which it finds what was known in an earlier process, and keeps it for a later one; nowhere, if it is not
   * given.
   */
  readonly snapshots?: string | undefined;
  /** How many keys are worth keeping. As many as are listed more slowly than read, if it is not given. */
  readonly minKeys?: number | undefined;
  /** The clock of elapsed time, in milliseconds. */
  readonly elapsed?: (() => number) | undefined;
}

/** A view for each repository, those that are computed from others after these. */
export class KeyIndex {
  /** The names of all keys. */
  readonly space: KeySpace = new KeySpace();
  /** The views of repositories that hold data. */
  readonly stored: StoredView[] = [];

  readonly #views = new Map<Repository, View>();
  readonly #computed: View[] = [];
  readonly #subscriptions: Disposable[] = [];
  readonly #stats: Stats;
  readonly #elapsed: () => number;
  readonly #folder: string | undefined;
  readonly #minKeys: number | undefined;
  /** What was known in an earlier process; undefined before the first look, and if there can be no such thing. */
  #snapshot: Snapshot | undefined;
  /** The revisions that the snapshot knows. */
  #kept: ReadonlySet<string> = new Set();
  /** Whether a look has begun: only the first is helped by what was known earlier. */
  #looked = false;
  /** Answers about single keys that are still to come. */
  readonly #pending = new Set<Promise<void>>();

  /**
   * Makes an empty index.
   *
   * @param stats Where it counts what it does.
   * @param options What it remembers, and its clock.
   */
  constructor(stats: Stats, options: KeyIndexOptions = {}) {
    this.#stats = stats;
    this.#elapsed = options.elapsed ?? systemEnv.elapsed;
    this.#folder = options.snapshots;
    this.#minKeys = options.minKeys;
  }

  /** The view of a repository: always the same one for the same object. */
  view(repository: Repository): View {
    let view = this.#views.get(repository);
    if (view === undefined) {
      view = this.#make(repository);
      this.#views.set(repository, view);
      if (view.repository !== repository) return view; // shows what another one shows
      if (view instanceof StoredView) this.stored.push(view);
      else this.#computed.push(view);
    }
    return view;
  }

  /** Lists what holds data, all of it or only what is known to be stale, and computes the rest. */
  async look(which: "all" | "stale"): Promise<void> {
    const began = performance.now();
    const views = this.stored.filter((view) => which === "all" || view.stale);
    const kept = this.#looked ? undefined : await this.#keptSets();
    this.#looked = true;
    await Promise.all(views.map((view) => view.refresh(undefined, kept)));
    const listed = new Set(views.map(({ repository }) => repository));
    for (const view of this.#computed) await view.refresh(listed);
    await this.settled(); // a change during the look may have asked something anew
    this.#stats.looking += performance.now() - began;
  }

  /** True while answers about single keys are still to come. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** Resolves when no answer about a single key is still to come. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Stops to hear of changes, and keeps what is known for a later process, if it can be proven there. */
  async close(): Promise<void> {
    for (const view of this.stored) view.close();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#keepSets();
  }

  /** The sets of the snapshot, whose keys then are known. */
  async #keptSets(): Promise<ReadonlyMap<string, KeySet> | undefined> {
    const repositories = this.stored.map(({ repository }) => repository)
      .filter(({ revision }) => revision !== undefined);
    if (this.#folder === undefined || repositories.length === 0) return undefined;
    this.#snapshot = Snapshot.of(this.#folder, repositories, this.#minKeys);
    if (this.space.size > 0) return undefined; // a job was named before the first look
    const kept = await this.#snapshot?.read(this.space);
    this.#kept = new Set(kept?.keys());
    return kept;
  }

  async #keepSets(): Promise<void> {
    const sets = new Map<string, KeySet>();
    for (const { revision, set } of this.stored) {
      if (revision !== undefined) sets.set(revision, set);
    }
    if ([...sets.keys()].every((revision) => this.#kept.has(revision))) return;
    try {
      await this.#snapshot?.write(this.space, sets);
    } catch (error) {
      warn(`Cannot keep for the next start what was listed: ${headline(error)}`);
    }
  }

  #make(repository: Repository): View {
    if (repository instanceof AggregateAndRepository) {
      return new AndView(repository, this.#children(repository.children));
    }
    if (repository instanceof AggregateOrRepository) {
      return new OrView(repository, this.#children(repository.children));
    }
    if (repository instanceof BlockingRepository) return this.#blocking(repository);
    if (repository instanceof MapRepository) {
      const base = this.view(repository.base);
      const { filter } = repository;
      return filter === undefined
        ? base
        : new FilteredView(repository, base, filter, this.space, this.#pending);
    }
    if (isRelatedItem(repository)) {
      const [base, translator] = [this.view(repository.base), this.view(repository.translator)];
      return new RelatedView(repository, base, translator, this.space, this.#stats, this.#pending);
    }
    return new StoredView(repository, this.space, this.#stats, this.#elapsed);
  }

  #children(children: Readonly<Record<string, Repository>>): View[] {
    return Object.values(children).map((child) => this.view(child));
  }

  #blocking(repository: BlockingRepository): View {
    const source = this.view(repository.source);
    const { unless } = repository;
    if (repository.enumerateUnless) {
      return new BlockingView(repository, [source, this.view(unless)]);
    }
    const free = async (job: string): Promise<boolean> => {
      this.#stats.reads++;
      return !(unless.isValidJobId(job) && await unless.contains(job));
    };
    const view = new FilteredView(repository, source, free, this.space, this.#pending);
    this.#hear(unless, (job) => {
      for (const id of job === undefined ? source.set : [this.space.intern(job)]) view.evaluate(id);
    });
    return view;
  }

  /** Calls `listener` with each key that changes in the stores beneath; undefined, if it may be under another name. */
  #hear(repository: Repository, listener: (job: string | undefined) => void): void {
    const beneath = sourcesOf(repository);
    if (isRelatedItem(repository)) {
      this.#hear(repository.base, () => listener(undefined));
      this.#hear(repository.translator, listener);
    } else if (beneath.length > 0) { for (const each of beneath) this.#hear(each, listener); }
    else {
      this.#subscriptions.push(repository.subscribe((change) => {
        if (change.type !== "relist") listener(change.job);
      }));
    }
  }
}
