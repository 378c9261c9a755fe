/**
 * Stores in memory that count what they are asked, and fail or hesitate when they are told to.
 *
 * @module
 */

import { StoreError } from "../../../lib/errors.ts";
import { JOB_ID_RULE, type JobIdRule } from "../../../lib/job_id.ts";
import { nameChunks } from "../../../lib/names.ts";
import { MetadataRepository, type RepositoryChange } from "../../../lib/repository.ts";

/** What a store can be asked. */
type Method = "list" | "contains" | "info" | "infoAll" | "dump" | "delete";

/** Structured data in a `Map`, which tests may change behind the store's back. */
export class MemoryStore<Data = unknown> extends MetadataRepository<Data> {
  /** The values. */
  readonly data: Map<string, Data>;
  /** How often each method was called. */
  readonly calls = new Map<Method, number>();
  /** The methods that fail. */
  readonly broken = new Set<Method>();
  /** What a method waits for between looking at the data and answering. */
  readonly slow = new Map<Method, Promise<void>>();
  override readonly jobIds: JobIdRule;

  constructor(
    readonly name: string = "store",
    data: Iterable<readonly [string, Data]> = [],
    jobIds: JobIdRule = JOB_ID_RULE,
  ) {
    super();
    this.data = new Map(data);
    this.jobIds = jobIds;
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* await this.#answer("list", [...this.data.keys()]);
  }
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.#answer("contains", this.data.has(job));
  }
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    return await this.#answer("info", this.data.get(job));
  }
  override async infoAll(): Promise<Map<string, Data | undefined>> {
    return await this.#answer("infoAll", new Map(this.data));
  }
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    await this.#answer("dump", undefined);
    this.data.set(job, data);
    this.changed({ type: "put", job });
  }
  override async delete(job: string): Promise<void> {
    this.check(job);
    await this.#answer("delete", undefined);
    if (this.data.delete(job)) this.changed({ type: "delete", job });
  }
  override toString(): string {
    return this.name;
  }

  /** How often a method was called. */
  count(method: Method): number {
    return this.calls.get(method) ?? 0;
  }

  /** Says that anything may have changed. */
  tellRelist(): void {
    this.changed({ type: "relist" });
  }

  async #answer<Answer>(method: Method, answer: Answer): Promise<Answer> {
    this.calls.set(method, this.count(method) + 1);
    await this.slow.get(method);
    if (this.broken.has(method)) throw new StoreError(`${this.name} is out of reach`);
    return answer;
  }
}

/** Hands changes on to who watches. */
export class ChangeFeed {
  #tell: ((change: RepositoryChange | Error) => void) | undefined;

  /** Tells those who watch; an error ends the watch. */
  tell(change: RepositoryChange | Error): void {
    this.#tell?.(change);
  }

  /** As `Repository.watch`. */
  async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const queue: (RepositoryChange | Error | undefined)[] = [];
    let wake = (): void => {};
    const push = (change: RepositoryChange | Error | undefined): void => {
      queue.push(change);
      wake();
    };
    this.#tell = push;
    const end = (): void => push(undefined);
    signal.addEventListener("abort", end);
    try {
      for (;;) {
        while (queue.length === 0) await new Promise<void>((resolve) => void (wake = resolve));
        const change = queue.shift();
        if (change === undefined) return;
        if (change instanceof Error) throw change;
        yield change;
      }
    } finally {
      signal.removeEventListener("abort", end);
    }
  }
}

/** A store that tells of changes made behind its back, when a test says so. */
export class WatchedStore<Data = unknown> extends MemoryStore<Data> {
  readonly #feed = new ChangeFeed();

  /** Tells those who watch. */
  tell(change: RepositoryChange | Error): void {
    this.#feed.tell(change);
  }

  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return this.#feed.watch(signal);
  }
}

/** What a store can do besides. */
export interface Abilities {
  /** Whether it proves that its keys are still the same. */
  readonly proves: boolean;
  /** Whether it can be watched. */
  readonly watched: boolean;
}

let stores = 0;

/** A store that is able to prove and to tell, or not. */
export class AbleStore<Data = unknown> extends MemoryStore<Data> {
  override readonly data: CountingMap<Data>;
  /** For who watches, if anybody can. */
  readonly feed = new ChangeFeed();
  /** No other store has had the same, whatever it is called. */
  readonly #number = stores++;

  constructor(
    name: string,
    data: Iterable<readonly [string, Data]>,
    { proves, watched }: Abilities,
  ) {
    super(name);
    this.data = new CountingMap(data);
    if (watched) this.watch = (signal) => this.feed.watch(signal);
    if (!proves) return;
    this.bulkIter = async function* () {
      yield* nameChunks(await Array.fromAsync(this.unfilteredIter()));
    };
    this.revision = () =>
      this.broken.has("list")
        ? Promise.reject(new StoreError(`${name} is out of reach`))
        : Promise.resolve(`${name} ${this.#number} ${this.data.changes}`);
  }
}

/** A map that counts how often a key has appeared or disappeared. */
class CountingMap<Data> extends Map<string, Data> {
  /** How often. */
  changes = 0;

  constructor(data: Iterable<readonly [string, Data]>) {
    super();
    for (const [key, value] of data) this.set(key, value);
  }
  override set(key: string, value: Data): this {
    if (!this.has(key)) this.changes++;
    return super.set(key, value);
  }
  override delete(key: string): boolean {
    if (this.has(key)) this.changes++;
    return super.delete(key);
  }
}
