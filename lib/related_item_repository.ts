/**
 * The values of one repository under the keys of another.
 *
 * @module
 */

import { BlobRepository } from "./blob_repository.ts";
import {
  isRelatedItem,
  RelatedBlobs,
  type RelatedItem,
  type RelatedItemOptions,
  RelatedKeys,
  RelatedMetadata,
  type Translator,
} from "./related_items.ts";
import { MetadataRepository, type Repository } from "./repository.ts";

export { isRelatedItem, type RelatedItem, type RelatedItemOptions, type Translator };

/**
 * A repository that a {@linkcode RelatedItemRepository} of any base is.
 *
 * @typeParam Info What `info` gives.
 */
export type RelatedItemRepository<Info = unknown> = Repository<Info> & RelatedItem;

/** Makes a repository of the kind of the base: see {@linkcode RelatedItemRepository}. */
export interface RelatedItemRepositoryConstructor {
  /**
   * Makes a view of structured data.
   *
   * @typeParam Data What a value is.
   * @param base Where the values are.
   * @param translator Says under which key of the base the value of a job is.
   * @param options How to use them.
   */
  new <Data>(
    base: MetadataRepository<Data>,
    translator: Translator,
    options?: RelatedItemOptions,
  ): MetadataRepository<Data> & RelatedItem;
  /**
   * Makes a view of bytes.
   *
   * @typeParam Info What `info` gives.
   * @param base Where the values are.
   * @param translator Says under which key of the base the value of a job is.
   * @param options How to use them.
   */
  new <Info>(
    base: BlobRepository<Info>,
    translator: Translator,
    options?: RelatedItemOptions,
  ): BlobRepository<Info> & RelatedItem;
  /**
   * Makes a view of keys.
   *
   * @typeParam Info What `info` gives.
   * @param base Where the values are.
   * @param translator Says under which key of the base the value of a job is.
   * @param options How to use them.
   */
  new <Info>(
    base: Repository<Info>,
    translator: Translator,
    options?: RelatedItemOptions,
  ): RelatedItemRepository<Info>;
  /** Any of them. */
  readonly prototype: RelatedItemRepository;
  /**
   * For `instanceof`.
   *
   * @param value Anything.
   * @returns True if it is one of these repositories.
   */
  [Symbol.hasInstance](value: unknown): value is RelatedItemRepository;
}

/** Chooses by what the base is at run time. */
class RelatedItemChooser {
  constructor(base: Repository, translator: Translator, options: RelatedItemOptions = {}) {
    if (base instanceof MetadataRepository) return new RelatedMetadata(base, translator, options);
    if (base instanceof BlobRepository) return new RelatedBlobs(base, translator, options);
    return new RelatedKeys(base, translator, options);
  }

  static [Symbol.hasInstance](value: unknown): value is RelatedItemRepository {
    return isRelatedItem(value);
  }
}

/**
 * The values of a repository, `base`, under other keys: those that a second one, `translator`, relates to its keys. Many
 * jobs can be related to one key: all books, say, to one author's entry.
 *
 * It is a repository of the kind of the base: one of metadata over metadata, of blobs over blobs, of keys alone over
 * others. It shows the keys of the translator whose translations the base holds; listing throws `DataError` where one of
 * these is no job id. Of a job that the translator relates to nothing, `contains` is false, `delete` does nothing, and
 * whatever else needs the value throws `NotFoundError`. Writing writes to the base, and it is the base that tells of it:
 * subscribe there.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, InProcessMetadataRepository, RelatedItemRepository } from "@datatask/datatask";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const lives = new InProcessBlobRepository();
 * await lives.writeText("austen", "Jane Austen was born in 1775.");
 * const authors = new InProcessMetadataRepository(new Map([["emma", "austen"], ["moby", "melville"]]));
 * const livesByBook = new RelatedItemRepository(lives, authors);
 * strictEqual(await livesByBook.readText("emma"), "Jane Austen was born in 1775.");
 * deepStrictEqual(await Array.fromAsync(livesByBook), ["emma"]);
 * ```
 */
export const RelatedItemRepository: RelatedItemRepositoryConstructor =
  // A class cannot say that what it constructs depends on what it is given; its interface can.
  RelatedItemChooser as RelatedItemRepositoryConstructor;
