/**
 * Values that are directories.
 *
 * @module
 */

import { Repository, type RepositoryChange, type ValidateOptions } from "../lib/repository.ts";
import { temporaryPathFor } from "./atomic_file.ts";
import { fileError, isNotFound } from "./file_errors.ts";
import { type FileRepositoryBase, Folder, type FolderOptions } from "./folder.ts";

/** Options of a {@linkcode DirectoryRepository}. */
export interface DirectoryRepositoryOptions extends FolderOptions {
  /**
   * Whether an empty directory counts as none. Such a repository tells of no changes but its own deletions, because what
   * happens inside a directory is not seen from outside.
   *
   * @default {false}
   */
  readonly discardEmpty?: boolean;
}

/**
 * A repository whose values are the subdirectories of one folder: the key `moby` is the directory `moby` plus the
 * extension. What is in them is for the tasks to read and write, by their paths.
 *
 * Files and hidden directories are not its business. A directory counts as soon as it is there, whatever is in it yet:
 * where a task fills it, say in another repository when it is complete, or make it under a hidden name and rename it.
 * Deleting takes it away in one step. Symbolic links to directories are directories; deleting removes the link alone.
 *
 * `info` is the absolute path of the directory, or where it would be.
 *
 * @example Usage
 * ```ts
 * import { DirectoryRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * const scans = new DirectoryRepository(folder, { discardEmpty: true });
 * await scans.mkdir("moby");
 * deepStrictEqual(await Array.fromAsync(scans), []);
 * await Deno.writeTextFile(`${scans.fullpath("moby")}/page-1`, "Call me Ishmael.");
 * deepStrictEqual(await Array.fromAsync(scans), ["moby"]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class DirectoryRepository extends Repository<string> implements FileRepositoryBase {
  /** The absolute path of the folder. */
  readonly basedir: string;
  /** What the name of each directory ends with, behind the key. */
  readonly extension: string;
  /** Whether the extension may be spelled in upper and lower case. */
  readonly caseInsensitive: boolean;
  /** Whether an empty directory counts as none. */
  readonly discardEmpty: boolean;
  readonly #folder: Folder;

  /**
   * Makes a repository; the folder is not touched.
   *
   * @param basedir The folder. A relative path is relative to the working directory of now.
   * @param extensionOrOptions What the name of each directory ends with, behind the key, or all options. Nothing, if it
   * is not given.
   * @throws {TypeError} If there can be no such extension.
   */
  constructor(basedir: string | URL, extensionOrOptions: string | DirectoryRepositoryOptions = {}) {
    super();
    const folder = new Folder(this, "directory", basedir, extensionOrOptions);
    this.#folder = folder;
    this.basedir = folder.path;
    this.extension = folder.extension;
    this.caseInsensitive = folder.caseInsensitive;
    this.discardEmpty = typeof extensionOrOptions !== "string" &&
      (extensionOrOptions.discardEmpty ?? false);
    if (this.discardEmpty) return;
    this.watch = (signal: AbortSignal): AsyncIterable<RepositoryChange> => folder.watch(signal);
    this.revision = (): Promise<string | undefined> => Promise.try(() => folder.revision());
    if (!this.caseInsensitive) this.bulkIter = (): AsyncIterable<Uint8Array> => folder.bulk();
  }

  /**
   * Where the directory of a key is.
   *
   * @param job The key.
   * @returns The absolute path of its directory, or where that would be.
   * @throws {JobIdError} If `job` is no job id.
   */
  fullpath(job: string): string {
    this.check(job);
    return this.#folder.pathOf(job);
  }

  /**
   * Makes the directory of a key. One that is there stays as it is.
   *
   * @param job The key.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If it cannot be made.
   */
  mkdir(job: string): Promise<void> {
    return Promise.try(() => {
      const path = this.fullpath(job);
      const doing = `make "${job}" in ${this}`;
      try {
        Deno.mkdirSync(path);
      } catch (error) {
        if (this.#folder.holds(job, doing)) return;
        throw fileError(doing, path, error);
      }
      if (!this.discardEmpty) this.changed({ type: "put", job });
    });
  }

  /** The names of the directories that have the extension, without it. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    for await (const name of this.#folder.names()) {
      if (!this.discardEmpty || this.#holdsSomething(name, `list ${this}`)) yield name;
    }
  }

  /** Whether the directory of a key is there. A file of that name is none. */
  override contains(job: string): Promise<boolean> {
    return Promise.try(() => {
      this.check(job);
      const doing = `look for "${job}" in ${this}`;
      return this.#folder.holds(job, doing) &&
        (!this.discardEmpty || this.#holdsSomething(job, doing));
    });
  }

  /** The absolute path of the directory of a key, or where it would be. */
  override info(job: string): Promise<string> {
    return Promise.try(() => this.fullpath(job));
  }

  /** Removes the directory of a key with all that is in it, empty or not, or the symbolic link that leads to it. */
  override async delete(job: string): Promise<void> {
    this.check(job);
    const doing = `delete "${job}" from ${this}`;
    const removed: string[] = [];
    for (const path of this.#folder.pathsOf(job)) {
      if (!this.#folder.stat(path, doing)?.isDirectory) continue;
      const grave = temporaryPathFor(path);
      try {
        Deno.renameSync(path, grave);
      } catch (error) {
        throw fileError(doing, path, error);
      }
      removed.push(grave);
    }
    if (removed.length > 0) this.changed({ type: "delete", job });
    for (const path of removed) {
      await Deno.remove(path, { recursive: true }).catch((error) => {
        throw fileError(`${doing} for good`, path, error);
      });
    }
  }

  /**
   * Makes sure that the folder can be used.
   *
   * @param options Whether to make it, and to make sure that it can be written; if not, it has to be there.
   * @throws {StoreError} If it cannot be used.
   */
  override validate(options?: ValidateOptions): Promise<void> {
    return Promise.try(() => this.#folder.validate(options));
  }

  /** Its class, its folder and its extension. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#folder}>`;
  }

  #holdsSomething(name: string, doing: string): boolean {
    const path = this.#folder.pathOf(name);
    try {
      for (const _ of Deno.readDirSync(path)) return true;
      return false;
    } catch (error) {
      if (isNotFound(error)) return false; // deleted meanwhile
      throw fileError(doing, path, error);
    }
  }
}
