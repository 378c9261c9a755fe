/**
 * The kinds of repository that show values under other keys: one for each kind of base.
 *
 * @module
 */

import { BlobRepository } from "./blob_repository.ts";
import { DataError, NotFoundError } from "./errors.ts";
import { MetadataRepository, Repository, type ValidateOptions } from "./repository.ts";

/** A repository of which `info` says to which key of another repository a job is related: none, if it says nothing. */
export type Translator = Repository<string | null | undefined>;

/** Options of a `RelatedItemRepository`. */
export interface RelatedItemOptions {
  /**
   * Whether `delete` reaches the base; otherwise it does nothing.
   *
   * @default {false}
   */
  readonly allowDeletes?: boolean;
  /**
   * Whether a listing, and a look of a pipeline, reads all translations at once, by the translator's `infoAll`. `false`
   * asks for one after the other. Whatever concerns a single job asks for its translation alone, each time.
   *
   * @default {true}
   */
  readonly prefetchLookup?: boolean;
}

/** What every `RelatedItemRepository` has, whatever its base is. */
export interface RelatedItem {
  /** Where the values are. */
  readonly base: Repository;
  /** Says under which key of the base the value of a job is. */
  readonly translator: Translator;
  /** Whether a listing reads all translations at once. */
  readonly prefetchLookup: boolean;
  /**
   * The key of the base that a job is related to.
   *
   * @param job The job.
   * @returns The key, which the base may hold or not; `undefined` if the job is related to none.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If the translator gives something that is no job id to the base.
   * @throws {StoreError} If the translator cannot tell.
   */
  translate(job: string): Promise<string | undefined>;
}

/**
 * Whether something is a `RelatedItemRepository`, whatever its base is.
 *
 * @param value Anything.
 * @returns True if it is.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, isRelatedItem, RelatedItemRepository } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const base = new InProcessMetadataRepository();
 * const translator = new InProcessMetadataRepository<string>();
 * strictEqual(isRelatedItem(new RelatedItemRepository(base, translator)), true);
 * strictEqual(isRelatedItem(base), false);
 * ```
 */
export function isRelatedItem(value: unknown): value is Repository & RelatedItem {
  return value instanceof RelatedKeys || value instanceof RelatedMetadata ||
    value instanceof RelatedBlobs;
}

/** A view of keys, and what views of values are made of. */
export class RelatedKeys<Info, Base extends Repository<Info> = Repository<Info>>
  extends Repository<Info>
  implements RelatedItem {
  readonly base: Base;
  readonly translator: Translator;
  readonly prefetchLookup: boolean;
  readonly #allowDeletes: boolean;

  constructor(base: Base, translator: Translator, options: RelatedItemOptions) {
    super();
    this.base = base;
    this.translator = translator;
    this.prefetchLookup = options.prefetchLookup ?? true;
    this.#allowDeletes = options.allowDeletes ?? false;
  }

  async translate(job: string): Promise<string | undefined> {
    this.check(job);
    return this.#keyOf(job, await this.translator.info(job));
  }

  /** The key of the base, for those who need one. */
  async related(job: string): Promise<string> {
    const key = await this.translate(job);
    if (key !== undefined) return key;
    throw new NotFoundError(job, `${this} (${this.translator} relates it to no key)`);
  }

  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const held = new Set(await Array.fromAsync(this.base));
    for await (const [job, key] of this.#relations()) if (held.has(key)) yield job;
  }

  override async contains(job: string): Promise<boolean> {
    const key = await this.translate(job);
    // A translator may say something of a job that it does not hold, which is not listed.
    return key !== undefined && await this.base.contains(key) &&
      await this.translator.contains(job);
  }

  override async info(job: string): Promise<Info> {
    return await this.base.info(await this.related(job));
  }

  override async infoAll(): Promise<Map<string, Info>> {
    const held = new Map<string, { readonly info: Info }>();
    for (const [key, info] of await this.base.infoAll()) held.set(key, { info });
    const all = new Map<string, Info>();
    for await (const [job, key] of this.#relations()) {
      const value = held.get(key);
      if (value !== undefined) all.set(job, value.info);
    }
    return all;
  }

  override async delete(job: string): Promise<void> {
    this.check(job);
    if (!this.#allowDeletes) return;
    const key = await this.translate(job);
    if (key !== undefined) await this.base.delete(key);
  }

  override async validate(options?: ValidateOptions): Promise<void> {
    await this.base.validate(options);
    await this.translator.validate(options);
  }

  override isValidJobId(job: string): boolean {
    return this.translator.isValidJobId(job);
  }

  override toString(): string {
    return `<RelatedItemRepository of ${this.base} by ${this.translator}>`;
  }

  /** Every job that is related to a key, with the key, as the translator has it now. */
  async *#relations(): AsyncGenerator<[job: string, key: string], void, undefined> {
    if (this.prefetchLookup) {
      for (const [job, to] of await this.translator.infoAll()) {
        const key = this.#keyOf(job, to);
        if (key !== undefined) yield [job, key];
      }
      return;
    }
    for await (const job of this.translator) {
      const key = await this.translate(job);
      if (key !== undefined) yield [job, key];
    }
  }

  #keyOf(job: string, to: string | null | undefined): string | undefined {
    if (to === undefined || to === null) return undefined;
    if (typeof to === "string" && this.base.isValidJobId(to)) return to;
    throw new DataError(
      `Cannot translate "${job}" by ${this.translator}: ${
        JSON.stringify(to)
      } is not a valid job id of ${this.base}; give the key as a string, or null where there is none`,
    );
  }
}

/** A view of structured data. */
export class RelatedMetadata<Data> extends MetadataRepository<Data> implements RelatedItem {
  readonly #keys: RelatedKeys<Data | undefined, MetadataRepository<Data>>;

  constructor(base: MetadataRepository<Data>, translator: Translator, options: RelatedItemOptions) {
    super();
    this.#keys = new RelatedKeys(base, translator, options);
  }

  override async dump(job: string, data: Data): Promise<void> {
    await this.base.dump(await this.#keys.related(job), data);
  }

  get base(): MetadataRepository<Data> {
    return this.#keys.base;
  }
  get translator(): Translator {
    return this.#keys.translator;
  }
  get prefetchLookup(): boolean {
    return this.#keys.prefetchLookup;
  }
  translate(job: string): Promise<string | undefined> {
    return this.#keys.translate(job);
  }
  override unfilteredIter(): AsyncIterable<string> {
    return this.#keys.unfilteredIter();
  }
  override contains(job: string): Promise<boolean> {
    return this.#keys.contains(job);
  }
  override info(job: string): Promise<Data | undefined> {
    return this.#keys.info(job);
  }
  override infoAll(): Promise<Map<string, Data | undefined>> {
    return this.#keys.infoAll();
  }
  override delete(job: string): Promise<void> {
    return this.#keys.delete(job);
  }
  override validate(options?: ValidateOptions): Promise<void> {
    return this.#keys.validate(options);
  }
  override isValidJobId(job: string): boolean {
    return this.#keys.isValidJobId(job);
  }
  override toString(): string {
    return this.#keys.toString();
  }
}

/** A view of bytes. */
export class RelatedBlobs<Info> extends BlobRepository<Info> implements RelatedItem {
  readonly #keys: RelatedKeys<Info, BlobRepository<Info>>;

  constructor(base: BlobRepository<Info>, translator: Translator, options: RelatedItemOptions) {
    super();
    this.#keys = new RelatedKeys(base, translator, options);
  }

  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    return await this.base.readable(await this.#keys.related(job));
  }
  override async writable(job: string): Promise<WritableStream<Uint8Array>> {
    return await this.base.writable(await this.#keys.related(job));
  }
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    return await this.base.readBytes(await this.#keys.related(job));
  }
  override async readText(job: string): Promise<string> {
    return await this.base.readText(await this.#keys.related(job));
  }
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    await this.base.writeBytes(await this.#keys.related(job), data);
  }
  override async writeText(job: string, text: string): Promise<void> {
    await this.base.writeText(await this.#keys.related(job), text);
  }

  get base(): BlobRepository<Info> {
    return this.#keys.base;
  }
  get translator(): Translator {
    return this.#keys.translator;
  }
  get prefetchLookup(): boolean {
    return this.#keys.prefetchLookup;
  }
  translate(job: string): Promise<string | undefined> {
    return this.#keys.translate(job);
  }
  override unfilteredIter(): AsyncIterable<string> {
    return this.#keys.unfilteredIter();
  }
  override contains(job: string): Promise<boolean> {
    return this.#keys.contains(job);
  }
  override info(job: string): Promise<Info> {
    return this.#keys.info(job);
  }
  override infoAll(): Promise<Map<string, Info>> {
    return this.#keys.infoAll();
  }
  override delete(job: string): Promise<void> {
    return this.#keys.delete(job);
  }
  override validate(options?: ValidateOptions): Promise<void> {
    return this.#keys.validate(options);
  }
  override isValidJobId(job: string): boolean {
    return this.#keys.isValidJobId(job);
  }
  override toString(): string {
    return this.#keys.toString();
  }
}
