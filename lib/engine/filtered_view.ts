/**
 * The keys of a repository that a function lets through.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import { Evaluations, PENDING } from "./evaluations.ts";
import { KeySet } from "./key_set.ts";
import type { KeySpace } from "./key_space.ts";
import { type Trace, View } from "./view.ts";

/**
 * The keys of another view that a function lets through. It is asked for every key at each look, for it may depend on
 * anything, and for a single key when that changes.
 */
export class FilteredView extends View {
  readonly #base: View;
  readonly #errors = new Map<number, unknown>();
  readonly #verdicts: Evaluations<boolean>;
  /** Where a look collects its answers, so that the set changes in one step. */
  #collecting: KeySet | undefined;

  /** Makes the view. */
  constructor(
    repository: Repository,
    base: View,
    filter: (job: string) => boolean | Promise<boolean>,
    space: KeySpace,
    pending: Set<Promise<void>>,
  ) {
    super(repository);
    this.#base = base;
    this.#verdicts = new Evaluations((id) => filter(space.name(id)), (id, shown, error) => {
      if (error === undefined) this.#errors.delete(id);
      else this.#errors.set(id, error);
      const present = Boolean(shown) && base.set.has(id);
      if (this.#collecting !== undefined) {
        this.#collecting.set(id, present);
        return;
      }
      this.set.set(id, present);
      this.emit(id);
    }, pending);
    base.listen((id) => this.evaluate(id));
  }

  override get error(): unknown {
    return this.#base.error;
  }

  override errorOf(id: number): unknown {
    return this.#base.errorOf(id) ?? (this.#base.set.has(id) ? this.#errors.get(id) : undefined);
  }

  override doubtful(): number[] {
    return [...this.#base.doubtful(), ...this.#errors.keys()];
  }

  override traces(): readonly Trace[] {
    return this.#base.traces();
  }

  override written(): readonly Trace[] {
    return this.#base.written();
  }

  override async refresh(): Promise<void> {
    this.#errors.clear();
    const shown = this.#collecting = new KeySet();
    await this.#verdicts.all([...this.#base.set]);
    this.#collecting = undefined;
    this.set = shown.intersect(this.#base.set);
  }

  /** Asks anew about one key. */
  evaluate(id: number): void {
    this.#verdicts.forget(id);
    this.#errors.delete(id);
    this.#collecting?.delete(id);
    this.set.delete(id);
    if (this.#base.set.has(id)) {
      this.#errors.set(id, PENDING); // until there is an answer, nothing is decided by the last one
      this.#verdicts.one(id);
      if (this.#errors.get(id) !== PENDING) return;
    }
    this.emit(id);
  }
}
