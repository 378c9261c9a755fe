/**
 * Structured data, kept as YAML in a repository of bytes.
 *
 * @module
 */

import type { BlobRepository } from "../lib/blob_repository.ts";
import { NotFoundError } from "../lib/errors.ts";
import type { JobIdRule } from "../lib/job_id.ts";
import {
  MetadataRepository,
  type RepositoryChange,
  type ValidateOptions,
} from "../lib/repository.ts";
import { FileRepository } from "./file_repository.ts";
import type { FolderOptions } from "./folder.ts";

/** What reads and writes YAML: loaded with the first value, which those who only list keys never come to. */
let yaml: typeof import("../lib/yaml.ts") | undefined;

/** How many values {@linkcode YamlMetadataRepository.infoAll} reads at once. */
const BATCH = 32;

/**
 * A repository whose values are YAML documents in a repository of bytes.
 *
 * JSON values are read as they were written, and `NaN` and the infinite numbers as well. Dates are written in ISO format
 * and read as strings; members that are `undefined` are left out; an empty document is `null`. What YAML has no words for
 * in its core schema, written or read, is a `DataError`.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, YamlMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const texts = new InProcessBlobRepository();
 * const books = new YamlMetadataRepository<{ title: string; year: number }>(texts);
 * await books.dump("moby", { title: "Moby Dick", year: 1851 });
 * strictEqual(await texts.readText("moby"), "title: Moby Dick\nyear: 1851\n");
 * deepStrictEqual(await books.info("moby"), { title: "Moby Dick", year: 1851 });
 * strictEqual(await books.info("emma"), undefined);
 * ```
 */
export class YamlMetadataRepository<Data = unknown> extends MetadataRepository<Data> {
  /** Where the documents are. */
  readonly blob: BlobRepository;
  /** As the repository beneath has it. */
  override readonly jobIds: JobIdRule;

  /**
   * Makes a repository.
   *
   * @param blob Where the documents are.
   */
  constructor(blob: BlobRepository) {
    super();
    this.blob = blob;
    this.jobIds = blob.jobIds;
    if (blob.bulkIter !== undefined) this.bulkIter = blob.bulkIter.bind(blob);
    if (blob.revision !== undefined) this.revision = blob.revision.bind(blob);
    if (blob.watch !== undefined) this.watch = blob.watch.bind(blob);
    if (blob.requestCount !== undefined) this.requestCount = blob.requestCount.bind(blob);
  }

  /** The names in the repository beneath. */
  override unfilteredIter(): AsyncIterable<string> {
    return this.blob.unfilteredIter();
  }

  /** Whether the repository beneath holds the key. */
  override contains(job: string): Promise<boolean> {
    return this.blob.contains(job);
  }

  /**
   * The value of a key.
   *
   * @param job The key.
   * @returns The value; `undefined` if there is no such key.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {DataError} If what is there is no YAML of the core schema.
   * @throws {StoreError} If it cannot be read.
   */
  override async info(job: string): Promise<Data | undefined> {
    let text: string;
    try {
      text = await this.blob.readText(job);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
    yaml ??= await import("../lib/yaml.ts");
    return await yaml.parseYaml(text, `"${job}" of ${this}`) as Data;
  }

  /** {@linkcode info} of every key, some at a time. */
  override async infoAll(): Promise<Map<string, Data | undefined>> {
    const jobs = await Array.fromAsync(this);
    const all = new Map<string, Data | undefined>();
    for (let start = 0; start < jobs.length; start += BATCH) {
      const batch = jobs.slice(start, start + BATCH);
      const infos = await Promise.all(batch.map((job) => this.info(job)));
      batch.forEach((job, index) => all.set(job, infos[index]));
    }
    return all;
  }

  /** Stores a value in place of an earlier one, in one step if the repository beneath does. */
  override async dump(job: string, data: Data): Promise<void> {
    this.check(job);
    yaml ??= await import("../lib/yaml.ts");
    await this.blob.writeText(job, await yaml.stringifyYaml(data, `"${job}" for ${this}`));
  }

  /** Deletes beneath. */
  override delete(job: string): Promise<void> {
    return this.blob.delete(job);
  }

  /** Validates the repository beneath. */
  override validate(options?: ValidateOptions): Promise<void> {
    return this.blob.validate(options);
  }

  /** Tells of the changes beneath, which are those of this repository and of any other over the same. */
  override subscribe(listener: (change: RepositoryChange) => void): Disposable {
    return this.blob.subscribe(listener);
  }

  /** As the repository beneath has it. */
  override isValidJobId(job: string): boolean {
    return this.blob.isValidJobId(job);
  }

  /** Its class, and the repository beneath. */
  override toString(): string {
    return `<${this.constructor.name} of ${this.blob}>`;
  }
}

/**
 * A repository whose values are the YAML files of one folder: the key `moby` is the file `moby.yaml`.
 *
 * What {@linkcode YamlMetadataRepository} says of values, and {@linkcode FileRepository} of files, goes for it.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts
 * import { YamlMetadataFileRepository } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * const results = new YamlMetadataFileRepository<{ words: number }>(folder);
 * await results.dump("moby", { words: 209117 });
 * strictEqual(await Deno.readTextFile(`${folder}/moby.yaml`), "words: 209117\n");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class YamlMetadataFileRepository<Data = unknown> extends YamlMetadataRepository<Data> {
  /** Where the files are. */
  declare readonly blob: FileRepository;

  /**
   * Makes a repository; the folder is not touched.
   *
   * @param dir The folder. A relative path is relative to the working directory of now.
   * @param options How the names of the files are made of the keys. The extension is `.yaml` if it is not given.
   * @throws {TypeError} If there can be no such extension.
   */
  constructor(dir: string | URL, options: FolderOptions = {}) {
    super(new FileRepository(dir, { extension: ".yaml", ...options }));
  }
}
