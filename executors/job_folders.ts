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

/** A folder that is there. */
export interface KeptFolder {
  /** When it was made, in milliseconds since 1970 UTC. */
  readonly since: number;
  /** Whether its job is known to have failed. */
  readonly failed: boolean;
}

/** What is needed of the machine. */
export interface FolderKeeper {
  /** The time, in milliseconds since 1970 UTC. */
  now(): number;
  /** The folders that are there. */
  list(): Promise<ReadonlyMap<string, KeptFolder>>;
  /** The folders of jobs whose end nobody has taken in. */
  inUse(): ReadonlySet<string>;
  /** Removes a folder; none is fine. */
  remove(folder: string): Promise<void>;
}

/**
 * The folders of jobs that have ended: the latest stay, so that somebody can look into them. Those of jobs that failed
 * are what somebody looks for: they go last, as long as they are not more than half of all.
 */
export class JobFolders {
  readonly #limit: number;
  readonly #keeper: FolderKeeper;
  /** The folders of jobs that have succeeded, and when those ended, the oldest first. */
  #succeeded = new Map<string, number>();
  /** Likewise of jobs that have failed. */
  #failed = new Map<string, number>();
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
    this.#drop(folder);
    if (this.#removing?.folder === folder) await this.#removing.done;
  }

  /** Takes note that the job of a folder has ended, and removes old ones once there are many. */
  release(folder: string, failed: boolean): void {
    this.#busy.delete(folder);
    this.#drop(folder);
    (failed ? this.#failed : this.#succeeded).set(folder, this.#keeper.now());
    if (this.#pruning !== undefined) return;
    if (this.#listed && this.#size <= this.#limit * (1 + SLACK)) return;
    this.#pruning = this.#prune()
      .catch((error) => warn(`Folders of ended jobs cannot be removed: ${headline(error)}`))
      .finally(() => this.#pruning = undefined);
  }

  /** Resolves when nothing is being removed; what is known is forgotten. */
  async close(): Promise<void> {
    await this.#pruning;
    this.#succeeded.clear();
    this.#failed.clear();
    this.#listed = false;
    this.#busy.clear();
  }

  get #size(): number {
    return this.#succeeded.size + this.#failed.size;
  }

  #drop(folder: string): void {
    this.#succeeded.delete(folder);
    this.#failed.delete(folder);
  }

  async #prune(): Promise<void> {
    if (!this.#listed) await this.#list();
    const inUse = this.#keeper.inUse();
    const expired = this.#keeper.now() - MAX_AGE;
    for (let folder; (folder = this.#next(expired)) !== undefined;) { // also those that are added meanwhile
      this.#drop(folder);
      if (inUse.has(folder) || this.#busy.has(folder)) continue;
      this.#removing = { folder, done: this.#keeper.remove(folder) };
      await this.#removing.done;
      this.#removing = undefined;
    }
  }

  async #list(): Promise<void> {
    const found = [...await this.#keeper.list()].sort(([, a], [, b]) => a.since - b.since)
      .filter(([folder]) =>
        !this.#busy.has(folder) && !this.#succeeded.has(folder) && !this.#failed.has(folder)
      );
    const of = (which: boolean): [string, number][] =>
      found.filter(([, { failed }]) => failed === which).map(([folder, { since }]) => [
        folder,
        since,
      ]);
    this.#succeeded = new Map([...of(false), ...this.#succeeded]);
    this.#failed = new Map([...of(true), ...this.#failed]);
    this.#listed = true;
  }

  /** The folder to remove next: one that is too old, or one too many. */
  #next(expired: number): string | undefined {
    const oldest = [this.#succeeded, this.#failed].map((folders) => first(folders));
    for (const found of oldest) if (found !== undefined && found[1] < expired) return found[0];
    if (this.#size <= this.#limit) return undefined;
    const [succeeded, failed] = oldest;
    return (this.#failed.size > this.#succeeded.size ? failed : succeeded)?.[0];
  }
}

function first<K, V>(map: ReadonlyMap<K, V>): [K, V] | undefined {
  for (const entry of map) return entry;
}
