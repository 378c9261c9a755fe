/**
 * A store in memory that counts what it is asked, and fails or hesitates when it is told to.
 *
 * @module
 */

import { StoreError } from "../../../lib/errors.ts";
import { JOB_ID_RULE, type JobIdRule } from "../../../lib/job_id.ts";
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

/** A store that tells of changes made behind its back, when a test says so. */
export class WatchedStore<Data = unknown> extends MemoryStore<Data> {
  #tell: ((change: RepositoryChange | Error) => void) | undefined;

  /** Tells those who watch. */
  tell(change: RepositoryChange | Error): void {
    this.#tell?.(change);
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
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
