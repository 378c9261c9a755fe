/**
 * Files that appear complete or not at all: written under a temporary name in their own folder, then renamed.
 *
 * Nothing is forced to the disk: a rename survives the death of the process at any instant, and a loss of power can
 * take back the last seconds.
 *
 * @module
 */

/** What the names of unfinished files begin with. No job id does, so that they are never taken for keys. */
export const TEMPORARY_PREFIX = ".datatask-tmp-";

/** Up to how many bytes are read or written at once without leaving the thread, which costs a fraction. */
export const SMALL = 64 * 1024;

let made = 0;
let ours: string | undefined;

/**
 * A name that nothing has, in the same folder as `path`.
 *
 * @param path Where the file will be, an absolute path.
 * @returns The path of the temporary file: its name tells which process made it, on which host.
 */
export function temporaryPathFor(path: string): string {
  ours ??= `${TEMPORARY_PREFIX}${hostName()}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}-`;
  return `${path.slice(0, path.lastIndexOf("/"))}/${ours}${made++}`;
}

/**
 * Makes a file and removes it: only that tells whether one can be made.
 *
 * @param folder The folder.
 * @throws {Error} What `Deno.openSync` or `Deno.removeSync` throws.
 */
export function tryToWrite(folder: string): void {
  const temporary = temporaryPathFor(`${folder}/x`);
  Deno.openSync(temporary, { write: true, createNew: true }).close();
  Deno.removeSync(temporary);
}

/**
 * Writes a whole file in one step, without leaving the thread.
 *
 * @param path The file. One that is there is replaced.
 * @param data What it will hold; text as UTF-8.
 */
export function writeFileAtomicSync(path: string, data: string | Uint8Array): void {
  const temporary = temporaryPathFor(path);
  try {
    if (typeof data === "string") Deno.writeTextFileSync(temporary, data, { createNew: true });
    else Deno.writeFileSync(temporary, data, { createNew: true });
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

/** A file that is being written. It appears when it is committed; whatever else ends it leaves nothing behind. */
export class AtomicFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;

  /**
   * Begins to write.
   *
   * @param path Where the file will be. One that is there is replaced by {@linkcode commit}.
   */
  constructor(path: string) {
    this.#path = path;
    this.#temporary = temporaryPathFor(path);
    this.#file = Deno.openSync(this.#temporary, { write: true, createNew: true });
  }

  /**
   * Writes on. If this fails, the file is discarded.
   *
   * @param data All of it is written.
   */
  async write(data: Uint8Array): Promise<void> {
    try {
      for (let rest = data; rest.length > 0;) {
        rest = rest.subarray(
          rest.length <= SMALL ? this.#file.writeSync(rest) : await this.#file.write(rest),
        );
      }
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Makes the file appear, with all that was written. If this fails, the file is discarded. */
  commit(): void {
    try {
      this.#file.close();
      Deno.renameSync(this.#temporary, this.#path);
    } catch (error) {
      removeIfThere(this.#temporary);
      throw error;
    }
  }

  /** Forgets what was written. */
  discard(): void {
    this.#file.close();
    removeIfThere(this.#temporary);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Never made, or it cannot be removed: then a later sweep will.
  }
}

/** The name of this host; empty where the program may not know it, without a question to the user. */
export function hostName(): string {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
  return state === "granted" ? Deno.hostname().slice(0, 64) : "";
}
