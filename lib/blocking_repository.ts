/**
 * The keys of one repository less those of another.
 *
 * @module
 */

import { Repository, type ValidateOptions } from "./repository.ts";

/** Options of a {@linkcode BlockingRepository}. */
export interface BlockingOptions {
  /**
   * Whether to list what blocks, rather than to ask it for each key of the source. `false` is for a source of few keys
   * and very many that block.
   *
   * @default {true}
   */
  readonly enumerateUnless?: boolean;
}

/**
 * The keys that `source` holds and `unless` does not.
 *
 * It holds nothing itself and does not pass changes on: subscribe to the repositories beneath.
 *
 * @typeParam Info What the source says of a key.
 *
 * @example Usage
 * ```ts
 * import { BlockingRepository, InProcessMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const books = new InProcessMetadataRepository(new Map([["moby", 635], ["emma", 474]]));
 * const done = new InProcessMetadataRepository(new Map([["emma", true]]));
 * const left = new BlockingRepository(books, done);
 * deepStrictEqual(await Array.fromAsync(left), ["moby"]);
 * ```
 */
export class BlockingRepository<Info = unknown> extends Repository<Info> {
  /** Where the keys come from. */
  readonly source: Repository<Info>;
  /** Which keys are not shown. */
  readonly unless: Repository;
  /** Whether what blocks is listed, rather than asked for each key. */
  readonly enumerateUnless: boolean;

  /**
   * Makes the view.
   *
   * @param source Where the keys come from.
   * @param unless Which keys are not shown.
   * @param options How to find out.
   */
  constructor(source: Repository<Info>, unless: Repository, options: BlockingOptions = {}) {
    super();
    this.source = source;
    this.unless = unless;
    this.enumerateUnless = options.enumerateUnless ?? true;
  }

  /** The keys of the source that are not blocked. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const blocks = await this.#blocker();
    for await (const job of this.source) if (!await blocks(job)) yield job;
  }

  /** Whether the source holds the key and nothing blocks it. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.source.contains(job) && !await this.#blocks(job);
  }

  /** What the source says of the key, blocked or not. */
  override async info(job: string): Promise<Info> {
    this.check(job);
    return await this.source.info(job);
  }

  /** {@linkcode info} of every key that is not blocked, from one `infoAll` of the source. */
  override async infoAll(): Promise<Map<string, Info>> {
    const blocks = await this.#blocker();
    const all = await this.source.infoAll();
    for (const job of all.keys()) if (await blocks(job)) all.delete(job);
    return all;
  }

  /** Deletes from the source, blocked or not. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    await this.source.delete(job);
    this.changed({ type: "delete", job });
  }

  /** Validates both repositories. */
  override async validate(options?: ValidateOptions): Promise<void> {
    await this.source.validate(options);
    await this.unless.validate(options);
  }

  /** As the source has it. */
  override isValidJobId(job: string): boolean {
    return this.source.isValidJobId(job);
  }

  /** Names both repositories. */
  override toString(): string {
    return `<BlockingRepository of ${this.source} unless ${this.unless}>`;
  }

  /** Tells for many keys whether they are blocked. */
  async #blocker(): Promise<(job: string) => boolean | Promise<boolean>> {
    if (!this.enumerateUnless) return (job) => this.#blocks(job);
    const blocked = new Set(await Array.fromAsync(this.unless));
    return (job) => blocked.has(job);
  }

  async #blocks(job: string): Promise<boolean> {
    return this.unless.isValidJobId(job) && await this.unless.contains(job);
  }
}
