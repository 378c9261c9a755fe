/**
 * The folder where modules are kept, so that they are fetched, and translated, once.
 *
 * Nothing in it is believed: each file holds the hash of what is in it, and one that does not agree is as good as
 * absent. Files come into being by renaming, so that programs may share the folder. It may be deleted at any time.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { sha256 } from "./integrity.ts";
import { UnreachableModuleError } from "./module_error.ts";

/** Hexadecimal digits of a hash, and the line end behind them. */
const HEAD = 65;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A folder of files that are checked when they are read. */
export class ModuleCache {
  /** The folder. */
  readonly folder: string;

  /**
   * Makes a cache.
   *
   * @param folder Where its files are; made when it is needed.
   */
  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Reads a file.
   *
   * @param name Its name.
   * @returns What was written; undefined if it was not, or if that is damaged.
   */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let file: Uint8Array<ArrayBuffer>;
    try {
      file = await Deno.readFile(join(this.folder, name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw this.#unusable("read", error);
    }
    const content = file.subarray(HEAD);
    return decoder.decode(file.subarray(0, HEAD - 1)) === await sha256(content)
      ? content
      : undefined;
  }

  /**
   * Writes a file, in the place of the one that may be there.
   *
   * @param name Its name.
   * @param content What is to be in it.
   */
  async write(name: string, content: Uint8Array<ArrayBuffer>): Promise<void> {
    const file = new Uint8Array(HEAD + content.length);
    file.set(encoder.encode(`${await sha256(content)}\n`));
    file.set(content, HEAD);
    await this.place(name, (path) => Deno.writeFile(path, file, { createNew: true }));
  }

  /**
   * Reads a value.
   *
   * @param name The name of its file.
   * @returns What was written; undefined if it was not, or if that is damaged.
   */
  async readValue<Value>(name: string): Promise<Value | undefined> {
    const content = await this.read(name);
    return content && JSON.parse(decoder.decode(content));
  }

  /**
   * Writes a value, as JSON.
   *
   * @param name The name of its file.
   * @param value The value.
   */
  async writeValue(name: string, value: unknown): Promise<void> {
    await this.write(name, encoder.encode(JSON.stringify(value)));
  }

  /**
   * Makes a file or a folder under another name, and gives it its own when it is complete.
   *
   * @param name Its name.
   * @param make Makes it at the path that it is given.
   */
  async place(name: string, make: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.folder, name);
    const unfinished = `${path}.${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      await make(unfinished);
      await Deno.rename(unfinished, path);
    } catch (error) {
      await Deno.remove(unfinished, { recursive: true }).catch(() => {});
      throw this.#unusable("write", error);
    }
  }

  #unusable(verb: string, error: unknown): UnreachableModuleError {
    const happened = error instanceof Error ? error.message : String(error);
    return new UnreachableModuleError(
      "modules",
      `the cache in ${this.folder} cannot be ${
        verb === "read" ? "read" : "written"
      }: ${happened}; ` +
        `make room there, or name another folder in DATATASK_CACHE`,
      undefined,
      { cause: error },
    );
  }
}
