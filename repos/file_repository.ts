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

/** How many bytes a stream gives at once: large enough to be fast, and small enough to be collected while it is young. */
const CHUNK = 32 * 1024;

/** Where small files are read to before they are copied or decoded, which happens in the same turn. */
let scratch: Uint8Array<ArrayBuffer> | undefined;

let decoder: TextDecoder | undefined;

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
    this.#folder = new Folder(this, "file", basedir, extensionOrOptions);
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

  /** Proves that the keys are still the same, where the file system keeps the times of folders. */
  override revision(): Promise<string | undefined> {
    return Promise.try(() => this.#folder.revision());
  }

  /** Tells of changes in the folder, by whomever. */
  override watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    return this.#folder.watch(signal);
  }

  /** Whether the file of a key is there. A folder of that name is none. */
  override contains(job: string): Promise<boolean> {
    return Promise.try(() => {
      this.check(job);
      return this.#folder.holds(job, `look for "${job}" in ${this}`);
    });
  }

  /** The absolute path of the file of a key, or where it would be. */
  override info(job: string): Promise<string> {
    return Promise.try(() => this.fullpath(job));
  }

  /** Removes the file of a key, or the symbolic link that leads to it. */
  override delete(job: string): Promise<void> {
    return Promise.try(() => {
      this.check(job);
      const doing = `delete "${job}" from ${this}`;
      let deleted = false;
      for (const path of this.#folder.pathsOf(job)) {
        if (this.#folder.stat(path, doing)?.isDirectory) continue; // no value of ours
        try {
          Deno.removeSync(path);
          deleted = true;
        } catch (error) {
          if (!isNotFound(error)) throw fileError(doing, path, error);
        }
      }
      if (deleted) this.changed({ type: "delete", job });
    });
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

  /** The file of a key as a stream. */
  override readable(job: string): Promise<ReadableStream<Uint8Array>> {
    return Promise.try(() => {
      const { head, rest } = this.#begin(job);
      return this.#stream(job, head, rest);
    });
  }

  /** Replaces the file of a key by what is written. */
  override writable(job: string): Promise<WritableStream<Uint8Array>> {
    return Promise.try(() => {
      const path = this.fullpath(job);
      let file: AtomicFile;
      try {
        file = new AtomicFile(path);
      } catch (error) {
        throw this.#writeError(job, error);
      }
      return new WritableStream({
        write: async (chunk) => {
          try {
            await file.write(chunk);
          } catch (error) {
            throw this.#writeError(job, error);
          }
        },
        close: () => {
          try {
            file.commit();
          } catch (error) {
            throw this.#writeError(job, error);
          }
          this.changed({ type: "put", job });
        },
        abort: () => file.discard(),
      });
    });
  }

  /** The file of a key. */
  override async readBytes(job: string): Promise<Uint8Array<ArrayBuffer>> {
    const { head, rest } = this.#begin(job);
    return rest === undefined
      ? head.slice()
      : concat(await Array.fromAsync(this.#stream(job, head, rest)));
  }

  /** The file of a key as text, decoded as UTF-8. What is no UTF-8 becomes U+FFFD. */
  override async readText(job: string): Promise<string> {
    const { head, rest } = this.#begin(job);
    const bytes = rest === undefined
      ? head
      : concat(await Array.fromAsync(this.#stream(job, head, rest)));
    decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(bytes);
  }

  /** Replaces the file of a key. */
  override async writeBytes(job: string, data: Uint8Array): Promise<void> {
    if (data.length > SMALL) await super.writeBytes(job, data);
    else this.#write(job, data);
  }

  /** Replaces the file of a key by text, as UTF-8. */
  override async writeText(job: string, text: string): Promise<void> {
    if (text.length > SMALL) await super.writeText(job, text);
    else this.#write(job, text);
  }

  /** Its class, its folder and its extension. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#folder}>`;
  }

  #write(job: string, data: string | Uint8Array): void {
    const path = this.fullpath(job);
    try {
      writeFileAtomicSync(path, data);
    } catch (error) {
      throw this.#writeError(job, error);
    }
    this.changed({ type: "put", job });
  }

  /**
   * Reads the beginning of a file without leaving the thread, which for a small file is all.
   *
   * @param job The key.
   * @returns The first bytes, valid until the end of the turn; and the open file, if there may be more.
   */
  #begin(
    job: string,
  ): { readonly head: Uint8Array<ArrayBuffer>; readonly rest: Deno.FsFile | undefined } {
    const path = this.fullpath(job);
    const space = scratch ??= new Uint8Array(SMALL);
    let file: Deno.FsFile | undefined;
    try {
      file = Deno.openSync(path);
      let size = 0;
      for (let read; size < SMALL && (read = file.readSync(space.subarray(size))) !== null;) {
        size += read;
      }
      const head = space.subarray(0, size);
      if (size === SMALL) return { head, rest: file };
      file.close();
      return { head, rest: undefined };
    } catch (error) {
      file?.close();
      throw this.#readError(job, error);
    }
  }

  #stream(
    job: string,
    head: Uint8Array,
    rest: Deno.FsFile | undefined,
  ): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start(controller) {
        if (head.length > 0) controller.enqueue(head.slice());
        if (rest === undefined) controller.close();
      },
      pull: async (controller) => {
        if (rest === undefined) return;
        try {
          const buffer = new Uint8Array(CHUNK);
          const size = await rest.read(buffer);
          if (size !== null) return controller.enqueue(buffer.subarray(0, size));
        } catch (error) {
          rest.close();
          throw this.#readError(job, error);
        }
        rest.close();
        controller.close();
      },
      cancel: () => rest?.close(),
    }, { highWaterMark: 0 });
  }

  #readError(job: string, error: unknown): unknown {
    const doing = `read "${job}" from ${this}`;
    if (!isNotFound(error)) return fileError(doing, this.fullpath(job), error);
    this.#folder.require(doing);
    return new NotFoundError(job, String(this), { cause: error });
  }

  #writeError(job: string, error: unknown): unknown {
    // What can be missing when a file is written is only the folder.
    return fileError(
      `write "${job}" to ${this}`,
      isNotFound(error) ? this.basedir : this.fullpath(job),
      error,
    );
  }
}
