/**
 * The contract of every store: something that can list, test and delete keys.
 *
 * @module
 */

import { JobIdError } from "./errors.ts";
import { JOB_ID_RULE, type JobIdRule } from "./job_id.ts";
import { warn } from "./warnings.ts";

/**
 * What happened to the keys of a repository: one was written (or written over), one was deleted, or it cannot be said
 * which changed, so that all must be listed again.
 */
export type RepositoryChange =
  | { readonly type: "put"; readonly job: string }
  | { readonly type: "delete"; readonly job: string }
  | { readonly type: "relist" };

/** Options of {@linkcode Repository.validate}. */
export interface ValidateOptions {
  /**
   * Whether to make what the store needs and lacks, a folder or a table. A pipeline asks for this only where it will
   * write: a mistyped input is an error, not an empty input.
   *
   * @default {true}
   */
  readonly create?: boolean;
}

/** Options of {@linkcode Repository.map}. */
export interface MapOptions {
  /** Which keys to show. All, if it is not given. */
  readonly filter?: (job: string) => boolean | Promise<boolean>;
  /**
   * Whether `delete` reaches the repository beneath; otherwise it does nothing.
   *
   * @default {false}
   */
  readonly allowDeletes?: boolean;
}

/**
 * A key-value store of which only the keys are known: they can be listed, tested and deleted. What the values are, and
 * how they are read and written, is the business of the classes beneath.
 *
 * A store of your own needs {@linkcode unfilteredIter}, {@linkcode info} and {@linkcode delete}; it should have a
 * {@linkcode contains} that does not list, call {@linkcode changed} after each write and deletion of its own, and pass
 * the tests of `@datatask/datatask/testing`.
 *
 * The contract, for every repository:
 * - a key exists only when its value is complete;
 * - only a definite "no such key" is absence; whatever else goes wrong is thrown;
 * - every method that takes a job refuses what is no job id with {@linkcode JobIdError};
 * - deleting an absent key is no error;
 * - a listing under way tolerates changes: a key that is there all the time is listed exactly once.
 *
 * @typeParam Info What {@linkcode info} gives.
 *
 * @example A store in a few lines
 * ```ts
 * import { Repository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * class StorageRepository extends Repository<string | null> {
 *   constructor(readonly storage: Map<string, string>) {
 *     super();
 *   }
 *   override async *unfilteredIter() {
 *     yield* [...this.storage.keys()];
 *   }
 *   override async info(job: string) {
 *     this.check(job);
 *     return this.storage.get(job) ?? null;
 *   }
 *   override async delete(job: string) {
 *     this.check(job);
 *     if (this.storage.delete(job)) this.changed({ type: "delete", job });
 *   }
 * }
 *
 * const repository = new StorageRepository(new Map([["a", "1"], ["b", "2"]]));
 * await repository.delete("a");
 * deepStrictEqual(await Array.fromAsync(repository), ["b"]);
 * ```
 */
export abstract class Repository<Info = unknown> {
  /** Which strings are ids here. A store that names things differently overrides it. */
  readonly jobIds: JobIdRule = JOB_ID_RULE;

  /**
   * Whether its values are in the memory of this process, so that functions in other threads, processes or pods have to
   * be given them, or cannot have them.
   *
   * @default {false}
   */
  readonly isInMemory: boolean = false;

  readonly #listeners = new Set<(change: RepositoryChange) => void>();
  readonly #warned = new Set<string>();

  /**
   * All names in the store that could be ids, in no particular order.
   *
   * @returns The names; those that are no job ids are skipped by whoever asks for ids.
   * @throws {StoreError} If the store cannot be listed. An empty listing means that it is empty.
   */
  abstract unfilteredIter(): AsyncIterable<string>;

  /**
   * What the store can say of a key, in the form in which templates and functions use it: a path for a file, the data
   * itself for metadata.
   *
   * @param job The key, which may be absent: then what can be said all the same.
   * @returns The information.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If the store cannot tell.
   */
  abstract info(job: string): Promise<Info>;

  /**
   * Deletes a key and its value. An absent key is no error.
   *
   * @param job The key.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If the store cannot delete it, or cannot tell whether it is there.
   */
  abstract delete(job: string): Promise<void>;

  /**
   * Optional, for stores of very many keys: the names of {@linkcode unfilteredIter} in bulk.
   *
   * @returns Chunks of UTF-8. Each holds whole names, and each name ends with a NUL byte.
   * @throws {StoreError} If the store cannot be listed.
   */
  bulkIter?(): AsyncIterable<Uint8Array>;

  /**
   * Optional, for stores that can prove that their keys are still those of an earlier listing, at a small part of the
   * cost of one: then they are not listed again, not even by another process.
   *
   * @returns A text that names the store, and its state: it is another one after any key has appeared or disappeared,
   * by whomever, since it was asked for. `undefined` if that cannot be promised at the moment, or of what the last
   * listing has shown.
   * @throws {StoreError} If the store cannot tell.
   */
  revision?(): Promise<string | undefined>;

  /**
   * Optional, for stores behind a network: how many requests it has sent so far, for `--stats`.
   *
   * @returns The number since the repository was made.
   */
  requestCount?(): number;

  /**
   * Optional: tells of changes by whomever, this program included, from the moment when the iteration begins. Each
   * change is seen at least once, possibly a little later, possibly as a `relist` for several.
   *
   * @param signal Ends the iteration.
   * @returns The changes. Ends, without an error, when `signal` is aborted.
   * @throws {StoreError} If the store can no longer be watched.
   */
  watch?(signal: AbortSignal): AsyncIterable<RepositoryChange>;

  /**
   * The job ids in the store, in no particular order. A name that is no job id is skipped, with one warning a name.
   *
   * @returns The ids.
   * @throws {StoreError} If the store cannot be listed.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for await (const name of this.unfilteredIter()) {
      if (this.isValidJobId(name)) yield name;
      else this.warnOfName(name);
    }
  }

  /**
   * Whether the store holds a key. Unless overridden, this lists until it is found.
   *
   * @param job The key.
   * @returns True if it is there with a complete value; false only if it definitely is not.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If the store cannot tell.
   */
  async contains(job: string): Promise<boolean> {
    this.check(job);
    for await (const key of this) if (key === job) return true;
    return false;
  }

  /**
   * {@linkcode info} of every key. Unless overridden, this asks for one after the other.
   *
   * @returns The information by key.
   * @throws {StoreError} If the store cannot tell.
   */
  async infoAll(): Promise<Map<string, Info>> {
    const all = new Map<string, Info>();
    for await (const job of this) all.set(job, await this.info(job));
    return all;
  }

  /**
   * Makes sure that the store can be used. A pipeline does this for each of its repositories when it is opened.
   *
   * @param _options Whether to make what is lacking.
   * @throws {StoreError} If it cannot be used.
   */
  validate(_options?: ValidateOptions): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Whether a string is a job id in this repository.
   *
   * @param job Any string.
   * @returns True if it is.
   */
  isValidJobId(job: string): boolean {
    return this.jobIds.accepts(job);
  }

  /**
   * Another view of this repository: its keys, filtered, each with the information that `func` makes of its own.
   *
   * @typeParam To What `func` gives.
   * @param func Makes the information of the view.
   * @param options Which keys to show, and whether they can be deleted.
   * @returns The view. It holds nothing itself.
   *
   * @example Usage
   * ```ts
   * import { InProcessMetadataRepository } from "@datatask/datatask";
   * import { deepStrictEqual } from "node:assert";
   *
   * const sizes = new InProcessMetadataRepository<number>(new Map([["moby", 209], ["emma", 156]]));
   * const long = sizes.map((size) => `${size} kilowords`, { filter: (job) => job !== "emma" });
   * deepStrictEqual(await long.infoAll(), new Map([["moby", "209 kilowords"]]));
   * ```
   */
  map<To>(
    func: (info: Info, job: string) => To | Promise<To>,
    options: MapOptions = {},
  ): MapRepository<Info, To> {
    return new MapRepository(this, func, options);
  }

  /**
   * Calls `listener` at once, in the same turn, with each change that is made through this object. Changes by others
   * are told by {@linkcode watch}.
   *
   * @param listener Called with each change.
   * @returns Stops it.
   */
  subscribe(listener: (change: RepositoryChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /**
   * For stores to call when they have written or deleted something, and no earlier: tells those who subscribed.
   *
   * @param change What changed.
   */
  protected changed(change: RepositoryChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /**
   * For stores to call first in every method that takes a job: the one place where ids are checked.
   *
   * @param job What was given as a job.
   * @throws {JobIdError} If it is no job id.
   */
  protected check(job: string): void {
    if (typeof job !== "string" || !this.isValidJobId(job)) throw new JobIdError(String(job));
  }

  /**
   * Warns, once a name, that a name in the store is skipped because it is no job id.
   *
   * @param name The name.
   */
  warnOfName(name: string): void {
    if (this.#warned.has(name)) return;
    if (this.#warned.size === MAX_WARNINGS) return;
    this.#warned.add(name);
    const more = this.#warned.size === MAX_WARNINGS ? " (further ones are not mentioned)" : "";
    warn(`${this} skips ${JSON.stringify(name)}, which is not a valid job id${more}`);
  }

  /**
   * How the repository names itself in messages.
   *
   * @returns Its class, and where it keeps its data.
   */
  toString(): string {
    return `<${this.constructor.name}>`;
  }
}

/** How many names a repository warns of: a folder of a million foreign files is one mistake, not a million. */
const MAX_WARNINGS = 20;

/**
 * The view that {@linkcode Repository.map} makes.
 *
 * @typeParam From What the repository beneath says of a key.
 * @typeParam To What the view says of it.
 */
export class MapRepository<From = unknown, To = unknown> extends Repository<To> {
  /** The repository beneath. */
  readonly base: Repository<From>;
  /** Which keys are shown; all, if there is none. */
  readonly filter: ((job: string) => boolean | Promise<boolean>) | undefined;
  /** As a method, so that a repository of something particular is assignable to one of anything, its views included. */
  readonly #mapper: { map(info: From, job: string): To | Promise<To> };
  readonly #allowDeletes: boolean;

  /**
   * Makes the view.
   *
   * @param base The repository beneath.
   * @param func Makes the information of the view.
   * @param options Which keys to show, and whether they can be deleted.
   */
  constructor(
    base: Repository<From>,
    func: (info: From, job: string) => To | Promise<To>,
    options: MapOptions = {},
  ) {
    super();
    this.base = base;
    this.filter = options.filter;
    this.#mapper = { map: func };
    this.#allowDeletes = options.allowDeletes ?? false;
  }

  /** The keys of the repository beneath that pass the filter. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    for await (const job of this.base) if (await this.#shows(job)) yield job;
  }

  /** Whether the key passes the filter and the repository beneath holds it. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.#shows(job) && await this.base.contains(job);
  }

  /** What the function makes of the information beneath, also for keys that are absent or not shown. */
  override async info(job: string): Promise<To> {
    this.check(job);
    return await this.#mapper.map(await this.base.info(job), job);
  }

  /** {@linkcode info} of every key that is shown, from one `infoAll` beneath. */
  override async infoAll(): Promise<Map<string, To>> {
    const all = new Map<string, To>();
    for (const [job, info] of await this.base.infoAll()) {
      if (await this.#shows(job)) all.set(job, await this.#mapper.map(info, job));
    }
    return all;
  }

  /** Deletes beneath, shown or not, if deleting was allowed; otherwise does nothing. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    if (!this.#allowDeletes) return;
    await this.base.delete(job);
    this.changed({ type: "delete", job });
  }

  /** Validates the repository beneath. */
  override validate(options?: ValidateOptions): Promise<void> {
    return this.base.validate(options);
  }

  /** As the repository beneath has it. */
  override isValidJobId(job: string): boolean {
    return this.base.isValidJobId(job);
  }

  /** Names the repository beneath. */
  override toString(): string {
    return `<MapRepository of ${this.base}>`;
  }

  #shows(job: string): boolean | Promise<boolean> {
    return this.filter === undefined || this.filter(job);
  }
}

/**
 * A repository whose values are structured data, read and written whole.
 *
 * Reading a missing key gives `undefined`. Values are copies: changing one that was read or written does not change
 * what is stored.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 */
export abstract class MetadataRepository<Data = unknown> extends Repository<Data | undefined> {
  /**
   * Stores a value, in place of an earlier one, in one step: whoever reads gets the old value or the new one.
   *
   * @param job The key.
   * @param data The value.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If the store has no words for the value.
   * @throws {StoreError} If it cannot be stored; then nothing has changed.
   */
  abstract dump(job: string, data: Data): Promise<void>;
}
