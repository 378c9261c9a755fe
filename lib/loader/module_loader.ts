/**
 * Loads modules from the network, and TypeScript from this machine, into a running program, also into a compiled one.
 *
 * All that a module imports is fetched, checked against what the user pinned, translated to JavaScript, and put as
 * files into a folder from which the runtime imports it. So nothing runs that was not checked, a second run needs no
 * network, and workers and subprocesses import the same files.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { environment } from "../environment.ts";
import { parseAuthTokens } from "./auth_tokens.ts";
import { FetchPolicy } from "./fetch_policy.ts";
import { ImportMap } from "./import_map.ts";
import type { LoaderSettings } from "./loader_settings.ts";
import { LockFile } from "./lock_file.ts";
import { Mirror } from "./mirror.ts";
import { ModuleCache } from "./module_cache.ts";
import { ModuleError } from "./module_error.ts";
import { ModuleGraph, type ModuleRequest } from "./module_graph.ts";
import { ModuleStore } from "./module_store.ts";
import { originalPlace, type Place } from "./source_map.ts";

/** Seconds that a server has to answer, if nobody says otherwise. */
const PATIENCE = 20;

/** The most bytes that a module may have. */
const MAX_BYTES = 16 * 2 ** 20;

/** A module that can be imported. */
export interface ReadyModule {
  /** Its URL. */
  readonly url: string;
  /** The URL of its file, which the runtime can import in any thread or process. */
  readonly file: string;
}

/** Loads modules. */
export class ModuleLoader {
  readonly #graph: ModuleGraph;
  readonly #mirror: Mirror;
  readonly #store: ModuleStore;
  readonly #policy: FetchPolicy;

  private constructor(
    { cache: folder, cachedOnly = false, reload = false, patience = PATIENCE, allowHosts = [] }:
      LoaderSettings,
    lock: LockFile | undefined,
    importMap: ImportMap,
    given: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ) {
    const cache = new ModuleCache(folder);
    this.#policy = new FetchPolicy(allowHosts);
    const context = {
      policy: this.#policy,
      tokens: parseAuthTokens(environment("DENO_AUTH_TOKENS") ?? ""),
      patience,
      maxBytes: MAX_BYTES,
    };
    this.#store = new ModuleStore({ cache, context, lock, given, cachedOnly, reload });
    this.#graph = new ModuleGraph({ store: this.#store, cache, importMap, lock });
    this.#mirror = new Mirror(cache);
  }

  /**
   * Makes a loader.
   *
   * @param settings How to load.
   * @param pipeline The URL of the pipeline, if it is known.
   * @param given Modules that are given as they are, by URL.
   * @returns The loader.
   * @throws {ModuleError} If the lock file cannot be used.
   */
  static async create(
    settings: LoaderSettings,
    pipeline?: string,
    given: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map(),
  ): Promise<ModuleLoader> {
    const lock = settings.lock === undefined ? undefined : await LockFile.read(settings.lock);
    const local = pipeline?.startsWith("file:") === true;
    const loader = new ModuleLoader(
      settings,
      lock,
      local ? await ImportMap.find(pipeline!) : new ImportMap(),
      given,
    );
    if (pipeline !== undefined && !local) loader.#policy.allowPipeline(new URL(pipeline));
    return loader;
  }

  /** Where URLs led, and the hash of each module from the network: what a lock file says. */
  get found(): {
    readonly redirects: ReadonlyMap<string, string>;
    readonly modules: ReadonlyMap<string, string>;
  } {
    return { redirects: this.#store.redirects, modules: this.#store.hashes };
  }

  /**
   * Loads a module and all that it imports, without running any of it.
   *
   * @param request The module.
   * @param dynamic Whether to load also what is imported by an `import()` of a constant.
   * @returns Where it is.
   * @throws {ModuleError} If one of them cannot be used.
   * @throws {UnreachableModuleError} If one of them cannot be had.
   */
  async load(request: ModuleRequest, dynamic: boolean = false): Promise<ReadyModule> {
    const node = await this.#graph.load(request, undefined, dynamic);
    return { url: node.url, file: await this.#mirror.place(node) };
  }

  /**
   * Does what an `import()` in a module does.
   *
   * @param specifier What is imported.
   * @param referrer The URL of the module.
   * @param type The `type` among the attributes.
   * @returns The module's namespace.
   * @throws {ModuleError} If it cannot be used.
   * @throws {UnreachableModuleError} If it cannot be had.
   */
  async import(specifier: string, referrer: string, type?: string): Promise<unknown> {
    const chain = { place: referrer, parent: undefined };
    const request = await this.#graph.resolve(specifier, referrer, type, chain);
    if (typeof request === "string") return await this.run(request);
    const node = await this.#graph.load(request, chain);
    return await this.run(await this.#mirror.place(node));
  }

  /**
   * Runs a module that is ready.
   *
   * @param file The URL of its file.
   * @returns Its namespace.
   */
  async run(file: string): Promise<unknown> {
    try {
      return await import(file);
    } catch (error) {
      throw await this.explain(error);
    }
  }

  /**
   * Puts the URLs of modules in the places of their files' in what is said of an error.
   *
   * @param error What was thrown.
   * @returns The same error; one that says more, if modules do not fit together.
   */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof Error) || error instanceof ModuleError) return error;
    const { message, stack } = error;
    const [, happened, file, line, column] = /^(.*) at (\S+):(\d+):(\d+)$/s.exec(message) ?? [];
    if (error instanceof SyntaxError && happened !== undefined && file !== undefined) {
      const place = await sourcePlace(file, { line: Number(line), column: Number(column) });
      return new ModuleError(
        this.#mirror.explain(`${file}:${place.line}:${place.column}`),
        `${linkText(this.#mirror.explain(happened))}; correct it`,
      );
    }
    if ("code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
      return new ModuleError(
        "what the modules import",
        `${stripVTControlCharacters(this.#mirror.explain(message))}; correct it`,
      );
    }
    const explained = {
      message: this.#mirror.explain(message),
      stack: this.#mirror.explain(stack ?? ""),
    };
    for (const [name, value] of Object.entries(explained)) {
      if (Object.isExtensible(error)) {
        Object.defineProperty(error, name, { value, configurable: true, writable: true });
      }
    }
    return error;
  }

  /**
   * Learns which modules run already, because the program that started this worker or process loaded them.
   *
   * @param file The URL of the file of one of them.
   */
  async adopt(file: string): Promise<void> {
    await this.#mirror.adopt(file);
  }
}

/** Where a place is in the module, if the runtime tells it of the file. */
async function sourcePlace(file: string, place: Place): Promise<Place> {
  if (!file.startsWith("file:")) return place;
  const code = await Deno.readTextFile(new URL(file)).catch(() => "");
  return originalPlace(code, place) ?? place;
}

/** What the runtime says of modules that do not fit together, so that it is known which one lacks what. */
function linkText(message: string): string {
  const [, module, name] =
    /^The requested module '(.*)' does not provide an export named '(.*)'$/.exec(message) ?? [];
  return module === undefined
    ? message
    : `it imports "${name}" from ${module}, which has no such export`;
}
