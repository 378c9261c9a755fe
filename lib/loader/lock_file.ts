/**
 * A file that says what each module of a pipeline has to be.
 *
 * @module
 */

import { type ImportChain, ModuleError, UnreachableModuleError } from "./module_error.ts";

/** The form of the file. */
interface Content {
  readonly version: 1;
  /** The pipelines whose modules it knows, as they were named. */
  readonly pipelines: readonly string[];
  /** Where URLs, and packages of the registry, lead. */
  readonly redirects: Readonly<Record<string, string>>;
  /** The SHA-256 of each module that is not of this machine, by URL. */
  readonly modules: Readonly<Record<string, string>>;
}

/** What each module of some pipelines has to be. */
export class LockFile {
  readonly #path: string;
  readonly #pipelines: ReadonlySet<string>;
  readonly #redirects: ReadonlyMap<string, string>;
  readonly #modules: ReadonlyMap<string, string>;

  private constructor(path: string, { pipelines, redirects, modules }: Content) {
    this.#path = path;
    this.#pipelines = new Set(pipelines);
    this.#redirects = new Map(Object.entries(redirects));
    this.#modules = new Map(Object.entries(modules));
  }

  /**
   * Reads a lock file.
   *
   * @param path Its path.
   * @returns What it says; undefined if there is none.
   * @throws {ModuleError} If it is no lock file.
   */
  static async read(path: string): Promise<LockFile | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw unreadable(path, error);
    }
    try {
      return new LockFile(path, check(JSON.parse(text)));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /**
   * Whether the file knows a pipeline.
   *
   * @param url The pipeline, as the user names it.
   * @returns Whether it binds it.
   */
  knows(url: string): boolean {
    return this.#pipelines.has(url);
  }

  /**
   * Where a URL, or a package of the registry, has to lead.
   *
   * @param from The URL or package.
   * @returns The URL; undefined if the file does not say.
   */
  target(from: string): string | undefined {
    return this.#redirects.get(from);
  }

  /**
   * Checks a module.
   *
   * @param url Its URL.
   * @param hash The SHA-256 of its content.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @throws {ModuleError} If it is not what it was.
   */
  check(url: string, hash: string, chain: ImportChain | undefined): void {
    const expected = this.#modules.get(url);
    if (expected === hash) return;
    throw new ModuleError(
      url,
      expected === undefined
        ? `it is not in the lock file ${this.#path}; if you trust it, run "datatask lock" again`
        : `it has changed: its sha256 is ${hash}, and ${expected} in the lock file ${this.#path}; ` +
          `if you trust it, run "datatask lock" again`,
      chain,
    );
  }

  /**
   * Writes what was found for one pipeline. What the file says of others stays.
   *
   * @param path Its path.
   * @param pipeline The pipeline, as the user names it.
   * @param found Where each URL led, and the hash of each module.
   */
  static async write(
    path: string,
    pipeline: string,
    found: {
      readonly redirects: ReadonlyMap<string, string>;
      readonly modules: ReadonlyMap<string, string>;
    },
  ): Promise<void> {
    const before = await LockFile.read(path);
    const content: Content = {
      version: 1,
      pipelines: [...new Set([...before ? before.#pipelines : [], pipeline])].sort(),
      redirects: sorted([...before ? before.#redirects : [], ...found.redirects]),
      modules: sorted([...before ? before.#modules : [], ...found.modules]),
    };
    const unfinished = `${path}.${crypto.randomUUID()}`;
    try {
      await Deno.writeTextFile(unfinished, `${JSON.stringify(content, undefined, 2)}\n`);
      await Deno.rename(unfinished, path);
    } catch (error) {
      await Deno.remove(unfinished).catch(() => {});
      throw error;
    }
  }
}

function sorted(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries([...new Map(entries)].sort(([a], [b]) => a < b ? -1 : 1));
}

function check(value: unknown): Content {
  const { version, pipelines, redirects, modules } = value as Partial<Content>;
  if (
    version !== 1 || pipelines === undefined || redirects === undefined || modules === undefined
  ) {
    throw new TypeError("it has not the form of version 1");
  }
  return { version, pipelines, redirects, modules };
}

function unreadable(path: string, error: unknown): ModuleError {
  const happened = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return new UnreachableModuleError(`by the lock file ${path}`, `${happened}; allow to read it`);
  }
  return new ModuleError(
    `the lock file ${path}`,
    `${happened}; make it anew with "datatask lock"`,
    undefined,
    { cause: error },
  );
}
