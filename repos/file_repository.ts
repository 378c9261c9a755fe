/**
 * Values that are files.
 *
 * @module
 */

import { BlobRepository } from "../lib/blob_repository.ts";
import { NotFoundError } from "../lib/errors.ts";
import type { RepositoryChange, ValidateOptions } from "../lib/repository.ts";
import { concat } from "../lib/streams.ts";
import { AtomicFile, SMALL, writeFileAtomicSync } from "./atomic_file.ts";
import { fileError, isNotFound } from "./file_errors.ts";
import { type FileRepositoryBase, Folder, type FolderOptions } from "./folder.ts";

export type { FileRepositoryBase, FolderOptions } from "./folder.ts";

/** Where small files are read to before they are copied or decoded, which happens in the same turn. */
const scratch = new Uint8Array(SMALL);

/**
 * A repository whose values are the files of one folder: the key `moby` is the file `moby` plus the extension.
 *
 * Files with another extension, hidden files and subfolders are not its business. A file appears, or is replaced, in one
 * step when its writer is closed; until then it has a name that begins with `.datatask-tmp-`, and what a killed process
 * left under such a name is removed later, when the repository is listed after `validate`. Symbolic links to files are
 * read as files; writing replaces the link.
 *
 * `info` is the absolute path of the file, or where it would be.
 *
 * @example Usage
 * ```ts
 * import { FileRepository } from "@datatask/datatask";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * const reports = new FileRepository(`${folder}/reports`, ".txt");
 * await reports.validate();
 * await reports.writeText("moby", "209 kilowords");
 * deepStrictEqual(await Array.fromAsync(reports), ["moby"]);
 * strictEqual(await Deno.readTextFile(`${folder}/reports/moby.txt`), "209 kilowords");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class FileRepository extends BlobRepository<string> implements FileRepositoryBase {
  /** The absolute path of the folder. */
  readonly basedir: string;
  /** What the name of each file ends with, behind the key. */
  readonly extension: string;
  /** Whether the extension may be spelled in upper and lower case. */
  readonly caseInsensitive: boolean;
  readonly #folder: Folder;

  /**
   * Makes a repository; the folder is not touched.
   *
   * @param basedir The folder. A relative path is relative to the working directory of now.
   * @param extensionOrOptions What the name of each file ends with, behind the key, or all options. Nothing, if it is not
   * given.
   * @throws {TypeError} If there can be no such extension.
   */
  constructor(basedir: string | URL, extensionOrOptions: string | FolderOptions = {}) {
    super();
    const options = typeof extensionOrOptions === "string" ? { extension: extensionOrOptions } : extensionOrOptions;
    this.#folder = new Folder(this, "file", basedir, options);
    this.basedir = this.#folder.path;
    this.extension = this.#folder.extension;
    this.caseInsensitive = this.#folder.caseInsensitive;
    if (!this.caseInsensitive) this.bulkIter = () => this.#folder.bulk();
  }

  /**
   * Where the file of a key is.
   *
   * @param job The key.
   * @returns The absolute path of its file, or where that would be.
   * @throws {JobIdError} If `job` is no job id.
   */
  fullpath(job: string): string {
    this.check(job);
    return this.#folder.pathOf(job);
  }

  /** The names of the files that have the extension, without it. */
  override unfilteredIter(): AsyncGenerator<string, void, undefined> {
    return this.#folder.names();
  }

  /** Tells of changes in the folder, by whomever. */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return this.#folder.watch(signal);
  }

  /** Whether the file of a key is there. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    return await this.#folder.holds(job, `look for "${job}" in ${this}`);
  }

  /** The absolute path of a key's file, or where it would be. */
  override async info(job: string): Promise<string> {
    return await this.fullpath(job);
  }

  /** Removes the file of a key, or the link that leads to it. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const doing = `delete "${job}" from ${this}`;
    let deleted = false;
    for (const path of this.#folder.pathsOf(job)) {
      if (this.#folder.stat(path, doing)?.isDirectory) continue; // not its file
      try {
        await Deno.removeSync(path);
        deleted = true;
      } catch (error) {
        if (!isNotFound(error)) throw fileError(doing, path, error);
      }
    }
    if (deleted) this.changed({ type: "delete", job });
  }

  /**
   * Makes sure that the folder can be used.
   *
   * @param options Whether to make it and to make sure that it can be written; otherwise it has to be there.
   * @throws {StoreError} If it cannot be used.
   */
  override async validate(options?: ValidateOptions): Promise<void> {
    await this.#folder.validate(options);
  }

  /** The file of a key as a stream. */
  override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
    const path = this.fullpath(job);
    return await this.#reading(job, path, () => {
      const file = Deno.openSync(path);
      return new ReadableStream({
        pull: async (controller) => {
          const buffer = new Uint8Array(SMALL);
          const size = await this.#reading
        },
        cancel: () => file.close(),
      }, { highWaterMark: 0 });
    });
  }
}
