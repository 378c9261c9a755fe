/**
 * Which folders of jobs that have ended are kept.
 *
 * @module
 */

import { headline } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";

/** Milliseconds after which a folder is removed, however few there are: 30 days. */
const MAX_AGE = 30 * 24 * 3600 * 1000;

/** The part of what may stay by which it is exceeded before many are removed together. */
const SLACK = 0.1;

/** What is needed of the machine. */
export interface FolderKeeper {
  /** The time, in milliseconds since 1970 UTC. */
  now(): number;
  /** The folders that are there, and when they were made, likewise. */
  list(): Promise<ReadonlyMap<string, number>>;
  /** The folders of jobs whose end nobody has taken in. */
  inUse(): ReadonlySet<string>;
  /** Removes a folder; none is fine. */
  remove(folder: string): Promise<void>;
}

/** The folders of jobs that have ended: the latest stay, so that somebody can look into them. */
export class JobFolders {
  readonly #limit: number;
  readonly #keeper: FolderKeeper;
  /** The folders of ended jobs and since when they are that, the oldest first. */
  #ended = new Map<string, number>();
  /** Whether those of earlier programs are among them. */
  #listed = false;
  readonly #busy = new Set<string>();
  #removing: { readonly folder: string; readonly done: Promise<void> } | undefined;
  #pruning: Promise<void> | undefined;

  /** Makes the keeper of at most so many folders; nothing is listed yet. */
  constructor(limit: number, keeper: FolderKeeper) {
    this.#limit = limit;
    this.#keeper = keeper;
  }

  /** Takes note that a folder is about to be made anew, and resolves when nobody removes it. */
  async reuse(folder: string): Promise<void> {
    this.#busy.add(folder);
    this.#ended.delete(folder);
    if (this.#removing?.folder === folder) await this.#removing.done;
  }

  /** Takes note that the job of a folder has ended, and removes old ones once there are many. */
  release(folder: string): void {
    this.#busy.delete(folder);
    this.#ended.delete(folder);
    this.#ended.set(folder, this.#keeper.now());
    if (this.#pruning !== undefined) return;
    if (this.#listed && this.#ended.size <= this.#limit * (1 + SLACK)) return;
    this.#pruning = this.#prune()
      .catch((error) => warn(`Folders of ended jobs cannot be removed: ${headline(error)}`))
      .finally(() => this.#pruning = undefined);
  }

  /** Resolves when nothing is being removed; what is known is forgotten. */
  async close(): Promise<void> {
    await this.#pruning;
    this.#ended.clear();
    this.#listed = false;
    this.#busy.clear();
  }

  async #prune(): Promise<void> {
    if (!this.#listed) {
      const found = [...await this.#keeper.list()].sort(([, a], [, b]) => a - b)
        .filter(([folder]) => !this.#busy.has(folder) && !this.#ended.has(folder));
      this.#ended = new Map([...found, ...this.#ended]);
      this.#listed = true;
    }
    const inUse = this.#keeper.inUse();
    const expired = this.#keeper.now() - MAX_AGE;
    for (const [folder, since] of this.#ended) { // also those that are added meanwhile
      if (this.#ended.size <= this.#limit && since >= expired) return;
      this.#ended.delete(folder);
      if (inUse.has(folder) || this.#busy.has(folder)) continue;
      this.#removing = { folder, done: this.#keeper.remove(folder) };
      await this.#removing.done;
      this.#removing = undefined;
    }
  }
}
