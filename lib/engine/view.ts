/**
 * Repositories as sets of keys.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import { KeySet } from "./key_set.ts";

/** How the ids of a view correspond to those of a repository that lies beneath it. */
export interface Trace {
  /** The repository beneath. */
  readonly origin: Repository;
  /** The id there of an id here; -1 if there is none. */
  forward(id: number): number;
  /** The ids here of an id there. */
  backward(id: number): Iterable<number>;
}

/** What the engine knows of the keys of a repository: a set that is kept true as changes become known. */
export abstract class View {
  /** The repository. */
  readonly repository: Repository;
  /** Its keys. What it was when it was last known, if there is an {@linkcode error}. */
  set: KeySet = new KeySet();
  readonly #listeners: ((id: number) => void)[] = [];

  /** Makes the view, empty until it is refreshed. */
  constructor(repository: Repository) {
    this.repository = repository;
  }

  /** Why the keys are not known; undefined if they are. */
  abstract get error(): unknown;

  /**
   * Makes the set true again, after those beneath have been. Does not tell the listeners.
   *
   * @param listed Which repositories have been listed in this look.
   */
  abstract refresh(listed: ReadonlySet<Repository>): Promise<void>;

  /** The repositories whose keys make the keys of this one appear. */
  abstract traces(): readonly Trace[];

  /** The repositories in which what is written to this one appears: those that tell its keys, but for mere conditions. */
  written(): readonly Trace[] {
    return this.traces();
  }

  /** Why it cannot be said whether a key is there; undefined if that is known. Unless all are in doubt, such a key is not in the set. */
  errorOf(_id: number): unknown {
    return this.error;
  }

  /** The keys of which it cannot be said whether they are there, though most others are known. */
  doubtful(): Iterable<number> {
    return [];
  }

  /** Why the set may lack keys, or hold too many; undefined if it is true. */
  get doubt(): unknown {
    let doubt = this.error;
    for (const id of this.doubtful()) doubt ??= this.errorOf(id);
    return doubt;
  }

  /** Calls `listener` with each key that appears, disappears, or gets another value. */
  listen(listener: (id: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners of a key. */
  protected emit(id: number): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** The trace of a view whose keys are those of another repository. */
export function identity(origin: Repository): Trace {
  return { origin, forward: (id) => id, backward: (id) => [id] };
}
