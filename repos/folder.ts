/**
 * A folder whose entries are the keys of a repository: what the repositories of files and of directories share.
 *
 * @module
 */

import type { Repository, RepositoryChange, ValidateOptions } from "../lib/repository.ts";
import { TEMPORARY_PREFIX, tryToWrite } from "./atomic_file.ts";
import { entriesOf, type EntryType, inBulk, isForChild, MARKS } from "./directory_listing.ts";
import { fileError, isNotFound } from "./file_errors.ts";
import { keepsTimes } from "./file_systems.ts";
import { absolutePath, lastPart } from "./paths.ts";
import { spellings } from "./spellings.ts";

/** How the names of the entries are made of the keys. */
export interface FolderOptions {
  /**
   * What the name of each entry ends with, behind the key. An entry whose name does not is none of the repository's.
   *
   * @default {""}
   */
  readonly extension?: string;
  /**
   * Whether the extension may be spelled in upper and lower case. Keys are told apart by case all the same.
   *
   * @default {false}
   */
  readonly caseInsensitive?: boolean;
}

/** What the repositories whose keys are the entries of one folder have in common. */
export interface FileRepositoryBase extends Repository<string> {
  /** The absolute path of the folder. */
  readonly basedir: string;
  /** What the name of each entry ends with, behind the key. */
  readonly extension: string;
  /** Whether the extension may be spelled in upper and lower case. */
  readonly caseInsensitive: boolean;

  /**
   * Where the entry of a key is.
   *
   * @param job The key.
   * @returns The absolute path of its entry, or where that would be.
   * @throws {JobIdError} If `job` is no job id.
   */
  fullpath(job: string): string;
}

const DOT = ".".charCodeAt(0);

/**
 * Milliseconds since the last change of a folder after which another change shows in its times: the system takes them
 * from a clock that ticks every few milliseconds, and Deno gives whole milliseconds. This is what git calls racy
 * (https://git-scm.com/docs/racy-git).
 */
const SETTLED = 100;

/**
 * Likewise, where a program has set the time of the last change, as those do that copy folders: another change, after which
 * it does so again, shows only in the time that nobody can set, and of that Deno gives whole seconds.
 */
const SETTLED_STATUS = 1000 + SETTLED;

/** The entries of one folder that are keys. */
export class Folder {
  /** The absolute path. */
  readonly path: string;
  /** What the name of each entry ends with. */
  readonly extension: string;
  /** Whether the extension may be spelled in upper and lower case. */
  readonly caseInsensitive: boolean;

  readonly #owner: Repository;
  readonly #type: "file" | "directory";
  readonly #spellings: ReadonlySet<string>;
  #sweeps = false;
  /** Whether the last listing met symbolic links. */
  #metLinks = false;

  /**
   * Makes the object; the folder is not touched.
   *
   * @param owner The repository.
   * @param type What the entries are.
   * @param path The folder.
   * @param extensionOrOptions How the names of the entries are made of the keys.
   * @throws {TypeError} If there can be no such extension.
   */
  constructor(
    owner: Repository,
    type: "file" | "directory",
    path: string | URL,
    extensionOrOptions: string | FolderOptions,
  ) {
    const { extension = "", caseInsensitive = false } = typeof extensionOrOptions === "string"
      ? { extension: extensionOrOptions }
      : extensionOrOptions;
    if (/[/\\\0]/.test(extension)) {
      throw new TypeError(
        `Cannot use the extension ${JSON.stringify(extension)}: it holds a separator of paths`,
      );
    }
    this.path = absolutePath(path);
    this.extension = extension;
    this.caseInsensitive = caseInsensitive;
    this.#owner = owner;
    this.#type = type;
    this.#spellings = new Set(caseInsensitive ? spellings(extension) : [extension]);
  }

  /** As `path/*.extension`. */
  toString(): string {
    return `${this.path}/*${this.extension}`;
  }

  /**
   * Where the entry of a key is.
   *
   * @param job A job id.
   * @returns The path of its entry, or where that would be.
   */
  pathOf(job: string): string {
    const path = `${this.path}/${job}${this.extension}`;
    if (!this.caseInsensitive) return path;
    return this.pathsOf(job).find((each) => entryAt(each) !== undefined) ?? path;
  }

  /**
   * All places where the entry of a key can be.
   *
   * @param job A job id.
   * @returns The paths, the one for a new entry first.
   */
  pathsOf(job: string): string[] {
    return [...this.#spellings].map((extension) => `${this.path}/${job}${extension}`);
  }

  /**
   * What is at a path in the folder, behind symbolic links.
   *
   * @param path The path.
   * @param doing What it is wanted for, as it goes on from "Cannot".
   * @returns What is there; nothing only if there definitely is nothing.
   * @throws {StoreError} If it cannot be told.
   */
  stat(path: string, doing: string): Deno.FileInfo | undefined {
    try {
      return Deno.statSync(path);
    } catch (error) {
      if (!isNotFound(error)) throw fileError(doing, path, error);
      this.require(doing);
      return undefined;
    }
  }

  /**
   * Tells the absence of an entry from that of the whole folder.
   *
   * @param doing What was being done, as it goes on from "Cannot".
   * @throws {StoreError} If the folder is not there, or no folder.
   */
  require(doing: string): void {
    try {
      Deno.statSync(`${this.path}/.`);
    } catch (error) {
      throw fileError(doing, this.path, error);
    }
  }

  /**
   * Makes sure that the folder can be used.
   *
   * @param options Whether to make it.
   * @throws {StoreError} If it cannot.
   */
  validate({ create = true }: ValidateOptions = {}): void {
    const doing = `use ${this.#owner}`;
    try {
      if (create) {
        Deno.mkdirSync(this.path, { recursive: true });
        checkWritable(this.path);
      }
    } catch (error) {
      throw fileError(doing, this.path, error);
    }
    this.require(doing);
    this.#sweeps = create;
  }

  /**
   * Whether the entry of a key is there.
   *
   * @param job A job id.
   * @param doing What it is wanted for, as it goes on from "Cannot".
   * @returns True if it is; what is no entry of this type does not count.
   * @throws {StoreError} If it cannot be told.
   */
  holds(job: string, doing: string): boolean {
    return this.#isOne(this.pathOf(job), doing);
  }

  /**
   * The keys, and the names with the extension that are no keys. Once the folder was validated for writing, what was
   * left unfinished by processes that ended is removed on the way.
   *
   * @returns The names without the extension.
   * @throws {StoreError} If the folder cannot be listed.
   */
  async *names(): AsyncGenerator<string, void, undefined> {
    const seen = new Set<string>();
    let metLinks = false;
    try {
      for await (const entry of entriesOf(this.path)) {
        const job = this.#jobOf(entry.name);
        if (job === undefined) {
          if (this.#sweepsName(entry.name)) await this.#sweep(entry.name);
          continue;
        }
        const type = typeOf(entry);
        metLinks ||= type === "link";
        if (this.#takes(entry.name, type) && !seen.has(job)) {
          if (this.caseInsensitive) seen.add(job);
          yield job;
        }
      }
      this.#metLinks = metLinks;
    } catch (error) {
      throw fileError(this.#listing, this.path, error);
    }
  }

  /**
   * {@linkcode names} in bulk, for an extension with one spelling.
   *
   * @returns Chunks of UTF-8. Each holds whole names, and each name ends with a NUL byte.
   * @throws {StoreError} If the folder cannot be listed.
   */
  async *bulk(): AsyncGenerator<Uint8Array, void, undefined> {
    if (!this.#isForChild() || !(yield* this.#bulkByChild())) yield* inBulk(this.names());
  }

  /**
   * What the folder looks like from outside: by its times, which the system sets when an entry is made or removed.
   *
   * @returns A text that is another one after any such change; undefined if that is not sure: on file systems that keep
   * no such times, or keep them elsewhere; while the last change is so recent that another could leave the same times;
   * and if the last listing met symbolic links, which depend on what they lead to.
   * @throws {StoreError} If it cannot be told.
   */
  revision(): string | undefined {
    const doing = `look at ${this.#owner}`;
    try {
      const { dev, ino, size, mtime, ctime } = Deno.statSync(this.path);
      const times = [mtime, ctime].map((time) => time?.getTime() ?? NaN);
      const [seconds, statusSeconds] = times.map((time) => Math.floor(time / 1000));
      const delay = seconds === statusSeconds ? SETTLED : SETTLED_STATUS;
      const isSettled = times.every((time) => Date.now() - time >= delay);
      if (this.#metLinks || !isSettled || !keepsTimes(dev)) return undefined;
      return JSON.stringify([this.#type, this.path, this.extension, dev, ino, size, ...times]);
    } catch (error) {
      throw fileError(doing, this.path, error);
    }
  }

  /**
   * Tells of changes of the entries.
   *
   * @param signal Ends the iteration.
   * @returns The changes, from the first call of `next`.
   * @throws {StoreError} If the folder can no longer be watched.
   */
  async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const doing = `watch ${this.#owner}`;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      this.require(doing);
      using watcher = this.#watcher(doing);
      using _ = onAbort(signal, () => watcher.close());
      if (!isFirst) yield { type: "relist" };
      for await (const { kind, paths, flag } of watcher) {
        if (flag === "rescan") yield { type: "relist" };
        else if (kind !== "access") yield* this.#changes(paths, doing);
        // Removed or moved away, which ends the watching; what may be there now is another folder.
        if ((kind === "remove" || kind === "rename") && paths.includes(this.path)) break;
      }
    }
  }

  async *#bulkByChild(): AsyncGenerator<Uint8Array, boolean, undefined> {
    const { listByChild, selectNames } = await import("./child_listing.ts");
    const suffix = new TextEncoder().encode(this.extension);
    const unfinished: string[] = [];
    const links = new Set<string>();
    const decide = (name: string, type: EntryType): boolean => {
      if (this.#jobOf(name) !== undefined) {
        // The child's list has the same words for the link "a" and for a file that is called "a@".
        if (type === "link" && (links.has(name) || !entryAt(`${this.path}/${name}`)?.isSymlink)) {
          return false;
        }
        if (type === "link") links.add(name);
        return this.#takes(name, type);
      }
      if (this.#sweepsName(name)) unfinished.push(name);
      return false;
    };
    const done = yield* listByChild(
      this.path,
      (chunk) => selectNames(chunk, this.#type, suffix, decide),
    );
    this.#metLinks = links.size > 0;
    for (const name of unfinished) await this.#sweep(name);
    return done;
  }

  #isForChild(): boolean {
    // A name that may itself end like a mark of its type cannot be read back from the child's list.
    const isClear = this.extension === ""
      ? [...MARKS].every((mark) => (this.#owner.jobIds.ascii[mark.charCodeAt(0)]! & 2) === 0)
      : !MARKS.includes(this.extension.at(-1)!);
    try {
      return isClear && isForChild(this.path);
    } catch (error) {
      throw fileError(this.#listing, this.path, error);
    }
  }

  get #listing(): string {
    return `list ${this.#owner}`;
  }

  #watcher(doing: string): Deno.FsWatcher {
    try {
      return Deno.watchFs(this.path, { recursive: false });
    } catch (error) {
      throw fileError(doing, this.path, error);
    }
  }

  *#changes(paths: readonly string[], doing: string): Generator<RepositoryChange, void, undefined> {
    for (const path of paths) {
      const job = path === this.path ? undefined : this.#jobOf(lastPart(path));
      if (job === undefined || !this.#owner.isValidJobId(job)) continue;
      yield { type: this.holds(job, doing) ? "put" : "delete", job };
    }
  }

  /** The key of which a name is made; nothing if it is hidden or has another extension. */
  #jobOf(name: string): string | undefined {
    if (name.startsWith(".") && this.#hides(name)) return undefined;
    const at = name.length - this.extension.length;
    return at > 0 && this.#spellings.has(name.slice(at)) ? name.slice(0, at) : undefined;
  }

  /** Whether a name that begins with a dot is hidden: all are, unless a key may begin so. */
  #hides(name: string): boolean {
    return (this.#owner.jobIds.ascii[DOT]! & 2) === 0 || name.startsWith(TEMPORARY_PREFIX);
  }

  #sweepsName(name: string): boolean {
    return this.#sweeps && name.startsWith(TEMPORARY_PREFIX);
  }

  async #sweep(name: string): Promise<void> {
    const { sweepIfStale } = await import("./stale_files.ts");
    await sweepIfStale(this.path, name);
  }

  #takes(name: string, type: EntryType): boolean {
    return type === this.#type ||
      type === "link" && this.#isOne(`${this.path}/${name}`, this.#listing);
  }

  #isOne(path: string, doing: string): boolean {
    const info = this.stat(path, doing);
    return info !== undefined && (this.#type === "file" ? info.isFile : info.isDirectory);
  }
}

function typeOf(entry: Deno.DirEntry): EntryType {
  if (entry.isFile) return "file";
  if (entry.isDirectory) return "directory";
  return entry.isSymlink ? "link" : "other";
}

function onAbort(signal: AbortSignal, action: () => void): Disposable {
  signal.addEventListener("abort", action);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", action) };
}

/** What is at a path itself; nothing if that cannot be told: what is done with the path will say what is wrong. */
function entryAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that entries can be made in a folder. An attempt, which alone can tell, changes the times of the folder and
 * so its revision; whoever owns the folder is told by its mode.
 */
function checkWritable(folder: string): void {
  const { mode, uid } = Deno.statSync(folder);
  const mayAsk = Deno.permissions.querySync({ name: "sys", kind: "uid" }).state === "granted";
  const isOurs = mayAsk && mode !== null && uid === Deno.uid() && (mode & 0o300) === 0o300;
  if (!isOurs) tryToWrite(folder);
}
