/**
 * The keys of a repository that is listed.
 *
 * @module
 */

import { JOB_ID_RULE } from "../job_id.ts";
import type { Repository, RepositoryChange } from "../repository.ts";
import { KeySet } from "./key_set.ts";
import type { KeySpace } from "./key_space.ts";
import type { Stats } from "./stats.ts";
import { identity, type Trace, View } from "./view.ts";

/** The keys of a repository that holds data: listed, and kept true by the changes that it tells. */
export class StoredView extends View {
  /** Called when the store cannot say what changed. */
  onRelist: () => void = () => {};
  /** True when the keys are known to be true no longer, so that the next look has to list them. */
  stale = true;
  /** When it was last found out what the repository holds, and how many milliseconds that took; undefined before. */
  looked: { readonly at: number; readonly took: number } | undefined;

  #error: unknown;
  readonly #space: KeySpace;
  readonly #stats: Stats;
  readonly #elapsed: () => number;
  readonly #subscription: Disposable;
  /** What changed while a listing is under way, which may have missed it. */
  #during: Map<number, boolean> | undefined;
  /** The revision of the repository at which the set is true; undefined if that is not known. */
  #revision: string | undefined;

  /** Makes the view, and begins to hear of changes. */
  constructor(repository: Repository, space: KeySpace, stats: Stats, elapsed: () => number) {
    super(repository);
    this.#space = space;
    this.#stats = stats;
    this.#elapsed = elapsed;
    this.#subscription = repository.subscribe((change) => this.apply(change));
  }

  override get error(): unknown {
    return this.#error;
  }

  override traces(): readonly Trace[] {
    return [identity(this.repository)];
  }

  /** The revision of the repository at which the set was true when it was last asked for; undefined if that is not known. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /**
   * Lists the repository, unless it proves that nothing has changed.
   *
   * @param kept Sets that were true in an earlier process, by revision.
   */
  override async refresh(
    _listed?: ReadonlySet<Repository>,
    kept: ReadonlyMap<string, KeySet> = new Map(),
  ): Promise<void> {
    const during = this.#during = new Map<number, boolean>();
    const began = this.#elapsed();
    this.stale = false;
    try {
      let revision = await this.#askRevision();
      let set: KeySet | undefined;
      if (revision !== undefined) {
        set = revision === this.#revision ? this.set : kept.get(revision)?.clone();
      }
      if (set === undefined) {
        const listing = await this.#list();
        set = listing.set;
        if (!listing.clean || revision !== await this.#askRevision()) revision = undefined;
      }
      for (const [id, present] of during) set.set(id, present);
      this.set = set;
      this.#revision = during.size === 0 ? revision : undefined;
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
      this.#revision = undefined;
      this.stale = true;
    } finally {
      this.#during = undefined;
      const at = this.#elapsed();
      this.looked = { at, took: at - began };
    }
  }

  /** Takes in a change. */
  apply(change: RepositoryChange): void {
    if (change.type === "relist") {
      this.stale = true;
      this.onRelist();
      return;
    }
    const present = change.type === "put";
    // A key that nobody has heard of cannot be deleted here, unless a listing under way has seen it.
    const id = present || this.#during !== undefined
      ? this.#space.intern(change.job)
      : this.#space.find(change.job);
    if (id >= 0) this.put(id, present);
  }

  /** Takes in that a key is there, or is not. */
  put(id: number, present: boolean): void {
    this.#stats.events++;
    this.#revision = undefined;
    this.#during?.set(id, present);
    this.set.set(id, present);
    this.emit(id);
  }

  /** Stops to hear of changes. */
  close(): void {
    this.#subscription[Symbol.dispose]();
  }

  /** Lists the repository; the listing is clean if all names in it were job ids. */
  async #list(): Promise<{ readonly set: KeySet; readonly clean: boolean }> {
    this.#stats.listings++;
    const { repository } = this;
    let clean = true;
    if (repository.bulkIter !== undefined && repository.jobIds === JOB_ID_RULE) {
      const chunks = await Array.fromAsync(repository.bulkIter());
      const set = this.#space.load(chunks, (name) => {
        clean = false;
        repository.warnOfName(name);
      });
      return { set, clean };
    }
    const set = new KeySet(this.#space.size);
    for await (const job of repository) set.add(this.#space.intern(job));
    return { set, clean: false }; // as far as can be told
  }

  /** What proves that nothing has changed; undefined where nothing does. What goes wrong, a listing says as well. */
  async #askRevision(): Promise<string | undefined> {
    const { repository } = this;
    if (repository.bulkIter === undefined || repository.jobIds !== JOB_ID_RULE) return undefined;
    return await repository.revision?.().catch(() => undefined);
  }
}
