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
    if (this.decided(id)) return undefined;
    return this.sources.map((source) => source.errorOf(id)).find((error) => error !== undefined);
  }

  override doubtful(): number[] {
    return this.sources.flatMap((source) => [...source.doubtful()]);
  }

  override refresh(): Promise<void> {
    this.set = this.combine();
    return Promise.resolve();
  }

  override traces(): readonly Trace[] {
    return this.sources.flatMap((source) => source.traces());
  }

  override written(): readonly Trace[] {
    return this.sources.flatMap((source) => source.written());
  }

  /** Whether a key belongs to the set, by what the sources hold. */
  protected abstract holds(id: number): boolean;

  /** Whether one source alone decides about a key, whatever the others hold. */
  protected abstract decided(id: number): boolean;

  /** The whole set, by what the sources hold. */
  protected abstract combine(): KeySet;
}

/** The keys that all sources hold. */
export class AndView extends CombinedView {
  protected override holds(id: number): boolean {
    return this.sources.every((source) => source.set.has(id));
  }

  protected override decided(id: number): boolean {
    return this.sources.some((source) => lacks(source, id));
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

  protected override decided(id: number): boolean {
    return this.sources.some((source) => has(source, id));
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
    return this.sources[0]!.set.has(id) && lacks(this.sources[1]!, id);
  }

  protected override decided(id: number): boolean {
    return lacks(this.sources[0]!, id) || has(this.sources[1]!, id);
  }

  protected override combine(): KeySet {
    const [source, unless] = [this.sources[0]!, this.sources[1]!];
    const set = source.set.clone().subtract(unless.set);
    for (const id of unless.doubtful()) set.set(id, this.holds(id));
    return set;
  }

  override traces(): readonly Trace[] {
    return this.sources[0]!.traces();
  }

  override written(): readonly Trace[] {
    return this.sources[0]!.written();
  }
}

/** Whether a view definitely holds a key. */
function has(view: View, id: number): boolean {
  return view.set.has(id) && view.errorOf(id) === undefined;
}

/** Whether a view definitely does not hold a key. */
function lacks(view: View, id: number): boolean {
  return !view.set.has(id) && view.errorOf(id) === undefined;
}
