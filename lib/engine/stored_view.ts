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

  #error: unknown;
  readonly #space: KeySpace;
  readonly #stats: Stats;
  readonly #subscription: Disposable;
  /** What changed while a listing is under way, which may have missed it. */
  #during: Map<number, boolean> | undefined;

  /** Makes the view, and begins to hear of changes. */
  constructor(repository: Repository, space: KeySpace, stats: Stats) {
    super(repository);
    this.#space = space;
    this.#stats = stats;
    this.#subscription = repository.subscribe((change) => this.apply(change));
  }

  override get error(): unknown {
    return this.#error;
  }

  override traces(): readonly Trace[] {
    return [identity(this.repository)];
  }

  override async refresh(): Promise<void> {
    const during = this.#during = new Map<number, boolean>();
    this.#stats.listings++;
    this.stale = false;
    try {
      const set = await this.#list();
      for (const [id, present] of during) set.set(id, present);
      this.set = set;
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
      this.stale = true;
    } finally {
      this.#during = undefined;
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
    this.#stats.changes++;
    this.#during?.set(id, present);
    this.set.set(id, present);
    this.emit(id);
  }

  /** Stops to hear of changes. */
  close(): void {
    this.#subscription[Symbol.dispose]();
  }

  async #list(): Promise<KeySet> {
    const { repository } = this;
    if (repository.bulkIter !== undefined && repository.jobIds === JOB_ID_RULE) {
      const chunks = await Array.fromAsync(repository.bulkIter());
      return this.#space.load(chunks, (name) => repository.warnOfName(name));
    }
    const set = new KeySet(this.#space.size);
    for await (const job of repository) set.add(this.#space.intern(job));
    return set;
  }
}
