/**
 * The keys of repositories that are computed from the sets of others.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import { KeySet } from "./key_set.ts";
import { type Trace, View } from "./view.ts";

/** How a view follows from its sources. */
abstract class CombinedView extends View {
  /** The views it follows from. */
  protected readonly sources: readonly View[];

  constructor(repository: Repository, sources: readonly View[]) {
    super(repository);
    this.sources = sources;
    for (const source of new Set(sources)) {
      source.listen((id) => {
        this.set.set(id, this.holds(id));
        this.emit(id);
      });
    }
  }

  /** The error of the first source that has one. */
  override get error(): unknown {
    return this.sources.find((source) => source.error !== undefined)?.error;
  }

  override errorOf(id: number): unknown {
    return this.sources.map((source) => source.errorOf(id)).find((error) => error !== undefined);
  }

  override refresh(): Promise<void> {
    this.set = this.combine();
    return Promise.resolve();
  }

  override traces(): readonly Trace[] {
    return this.sources.flatMap((source) => source.traces());
  }

  /** Whether a key belongs to the set, by what the sources hold. */
  protected abstract holds(id: number): boolean;

  /** The whole set, by what the sources hold. */
  protected abstract combine(): KeySet;
}

/** The keys that all sources hold. */
export class AndView extends CombinedView {
  protected override holds(id: number): boolean {
    return this.sources.every((source) => source.set.has(id));
  }

  protected override combine(): KeySet {
    const set = this.sources[0]!.set.clone();
    for (const source of this.sources.slice(1)) set.intersect(source.set);
    return set;
  }
}

/** The keys that any source holds. */
export class OrView extends CombinedView {
  protected override holds(id: number): boolean {
    return this.sources.some((source) => source.set.has(id));
  }

  protected override combine(): KeySet {
    const set = new KeySet();
    for (const source of this.sources) set.union(source.set);
    return set;
  }
}

/** The keys that the first source holds and the second does not. */
export class BlockingView extends CombinedView {
  protected override holds(id: number): boolean {
    return this.sources[0]!.set.has(id) && !this.sources[1]!.set.has(id);
  }

  protected override combine(): KeySet {
    return this.sources[0]!.set.clone().subtract(this.sources[1]!.set);
  }

  override traces(): readonly Trace[] {
    return this.sources[0]!.traces();
  }
}
