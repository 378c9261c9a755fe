/**
 * Stores in memory that note what is asked of them and fail when they are told to.
 *
 * @module
 */

import { BlobRepository } from "../../lib/blob_repository.ts";
import { NotFoundError, StoreError } from "../../lib/errors.ts";
import { JobIdRule } from "../../lib/job_id.ts";
import { MetadataRepository, type ValidateOptions } from "../../lib/repository.ts";

/** Ids of which a hash sign and a digit are the only characters: none of the usual ones. */
export const HASH_IDS = new JobIdRule({ charset: "#0123456789", charsetStartEnd: "#0123456789" });

/** Structured data by key. */
export class FakeMetadata<Data> extends MetadataRepository<Data> {
  /** What was asked, in order: a method, and the job if there is one. */
  readonly calls: string[] = [];
  /** The methods that fail. */
  readonly failing = new Set<string>();
  readonly data: Map<string, Data>;
  /** Names that the listing gives on top of the keys. */
  readonly extraNames: string[] = [];
  override readonly jobIds: JobIdRule;

  constructor(readonly name: string, data: Iterable<[string, Data]> = [], jobIds?: JobIdRule) {
    super();
    this.data = new Map(data);
    this.jobIds = jobIds ?? new JobIdRule();
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    await this.#asked("list");
    yield* [...this.data.keys(), ...this.extraNames];
  }
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    await this.#asked("contains", job);
    return this.data.has(job);
  }
  override async info(job: string): Promise<Data | undefined> {
    this.check(job);
    await this.#asked("info", job);
    return this.data.get(job);
  }
  override async infoAll(): Promise<Map<string, Data>> {
    await this.#asked("infoAll");
    return new Map(this.data);
  }
  override async delete(job: string): Promise<void> {
    this.check(job);
    await this.#asked("delete", job);
    if (this.data.delete(job)) this.changed({ type: "delete", job });
  }
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    await this.#asked("dump", job);
    this.data.set(job, data);
    this.changed({ type: "put", job });
  }
  override async validate(options: ValidateOptions = {}): Promise<void> {
    await this.#asked(`validate ${options.create ?? true}`);
  }
  override toString(): string {
    return this.name;
  }
  /** Says that everything may have changed. */
  tellRelist(): void {
    this.changed({ type: "relist" });
  }

  async #asked(...call: [method: string, job?: string]): Promise<void> {
    this.calls.push(call.join(" "));
    await Promise.resolve();
    if (this.failing.has(call[0])) throw new StoreError(`${this.name} is out of reach`);
  }
}

/** Bytes by key. `info` is where they would be. */
export class FakeBlobs extends BlobRepository<string> {
  readonly data: Map<string, Uint8Array>;

  constructor(readonly name: string, data: Iterable<[string, string]> = []) {
    super();
    this.data = new Map([...data].map(([job, text]) => [job, new TextEncoder().encode(text)]));
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* [...this.data.keys()];
  }
  override info(job: string): Promise<string> {
    this.check(job);
    return Promise.resolve(`/${this.name}/${job}`);
  }
  override delete(job: string): Promise<void> {
    this.check(job);
    this.data.delete(job);
    return Promise.resolve();
  }
  override readable(job: string): Promise<ReadableStream<Uint8Array>> {
    this.check(job);
    const bytes = this.data.get(job);
    if (bytes === undefined) return Promise.reject(new NotFoundError(job, this.name));
    return Promise.resolve(ReadableStream.from([bytes]));
  }
  override writable(job: string): Promise<WritableStream<Uint8Array>> {
    this.check(job);
    const parts: Uint8Array[] = [];
    return Promise.resolve(
      new WritableStream({
        write: (part) => void parts.push(part),
        close: () => void this.data.set(job, Uint8Array.from(parts.flatMap((part) => [...part]))),
      }),
    );
  }
  override toString(): string {
    return this.name;
  }
}
