/**
 * Finds all modules that a module imports.
 *
 * @module
 */

import type { Emitted, ImportSite } from "./emit.ts";
import type { ImportMap } from "./import_map.ts";
import { findInRegistry } from "./jsr.ts";
import { type ImportType, importType, translate } from "./loaded_module.ts";
import type { LockFile } from "./lock_file.ts";
import type { ModuleCache } from "./module_cache.ts";
import { type ImportChain, ModuleError } from "./module_error.ts";
import type { ModuleStore } from "./module_store.ts";
import { resolveSpecifier } from "./specifier.ts";

/** The most modules that a pipeline may have. */
const MAX_MODULES = 10_000;

/** A module, and what it imports. */
export interface ModuleNode {
  /** Its URL, and behind `#` what it is imported as if that is not code: what it is known by. */
  readonly key: string;
  /** Its URL. */
  readonly url: string;
  /** Its code. */
  readonly emitted: Emitted;
  /** What its static imports mean, by index: another module, or what the runtime knows. */
  readonly targets: ReadonlyMap<number, ModuleNode | string>;
}

/** What a graph needs. */
export interface ModuleGraphOptions {
  /** Gets modules. */
  readonly store: ModuleStore;
  /** Where code is kept. */
  readonly cache: ModuleCache;
  /** What bare names mean. */
  readonly importMap: ImportMap;
  /** Where packages of the registry have to lead. */
  readonly lock: LockFile | undefined;
}

/** What is to be loaded. */
export interface ModuleRequest {
  /** The URL, without fragment. */
  readonly url: string;
  /** The hash that it must have. */
  readonly pin?: string | undefined;
  /** What it is imported as. */
  readonly type?: ImportType | undefined;
}

/** The modules of a process, each loaded once. */
export class ModuleGraph {
  readonly #options: ModuleGraphOptions;
  /** By the URL that was asked for. */
  readonly #asked = new Map<string, Promise<GrowingNode>>();
  /** By the URL where it was found. */
  readonly #found = new Map<string, Promise<GrowingNode>>();
  readonly #packages = new Map<string, Promise<string>>();

  /**
   * Makes an empty graph.
   *
   * @param options What it needs.
   */
  constructor(options: ModuleGraphOptions) {
    this.#options = options;
  }

  /**
   * Loads a module and all that it imports.
   *
   * @param request What to load.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @param dynamic Whether to load also what is imported by an `import()` of a constant.
   * @returns The module.
   * @throws {ModuleError} If one of them cannot be used.
   * @throws {UnreachableModuleError} If one of them cannot be had.
   */
  async load(
    request: ModuleRequest,
    chain: ImportChain | undefined,
    dynamic: boolean = false,
  ): Promise<ModuleNode> {
    const seen = new Set<GrowingNode>();
    const visit = async (node: GrowingNode, parent: ImportChain | undefined): Promise<void> => {
      if (seen.has(node)) return;
      seen.add(node);
      await Promise.all(node.emitted.imports.map(async (site, index) => {
        if (site.dynamic && !dynamic) return;
        const next: ImportChain = { place: `${node.url}:${site.line}:${site.column}`, parent };
        const target = await this.#target(node.url, site, next);
        if (!site.dynamic) node.targets.set(index, target);
        if (typeof target !== "string") await visit(target, next);
      }));
    };
    const entry = await this.#node(request, chain);
    await visit(entry, chain);
    return entry;
  }

  /**
   * Finds out what an import means.
   *
   * @param specifier As it is written.
   * @param referrer The URL of the module that imports it.
   * @param type The `type` among its attributes.
   * @param chain The imports that led to it.
   * @returns What to load, or what the runtime knows.
   */
  async resolve(
    specifier: string,
    referrer: string,
    type: string | undefined,
    chain: ImportChain | undefined,
  ): Promise<ModuleRequest | string> {
    const { importMap } = this.#options;
    const meaning = resolveSpecifier(specifier, referrer, importMap, chain);
    if ("runtime" in meaning) return meaning.runtime;
    if ("jsr" in meaning) {
      const url = await this.#inRegistry(meaning.jsr, chain);
      return { url, type: importType(type, url, chain) };
    }
    return { ...meaning, type: importType(type, meaning.url, chain) };
  }

  async #target(
    referrer: string,
    { specifier, type }: ImportSite,
    chain: ImportChain,
  ): Promise<GrowingNode | string> {
    const request = await this.resolve(specifier, referrer, type, chain);
    return typeof request === "string" ? request : await this.#node(request, chain);
  }

  async #node(request: ModuleRequest, chain: ImportChain | undefined): Promise<GrowingNode> {
    const key = keyOf(request.url, request.type);
    const node = await once(this.#asked, key, () => this.#find(request, chain));
    checkPin(request, node.hash, chain);
    return node;
  }

  async #find(request: ModuleRequest, chain: ImportChain | undefined): Promise<GrowingNode> {
    const { url, type } = request;
    const source = await this.#options.store.get(url, chain);
    checkPin(request, source.hash, chain); // before it is even parsed
    return await once(this.#found, keyOf(source.url, type), async () => {
      if (this.#found.size > MAX_MODULES) {
        throw new ModuleError(
          url,
          `the pipeline has more than ${MAX_MODULES} modules; bundle it`,
          chain,
        );
      }
      const emitted = await translate(source, type, this.#options.cache, chain);
      const key = keyOf(source.url, type);
      return { key, url: source.url, hash: source.hash, emitted, targets: new Map() };
    });
  }

  async #inRegistry(specifier: string, chain: ImportChain | undefined): Promise<string> {
    const { lock, store } = this.#options;
    const url = lock?.target(specifier) ??
      await once(this.#packages, specifier, () => findInRegistry(specifier, store, chain));
    store.redirects.set(specifier, url);
    return url;
  }
}

interface GrowingNode extends ModuleNode {
  readonly hash: string;
  readonly targets: Map<number, ModuleNode | string>;
}

function checkPin({ url, pin }: ModuleRequest, hash: string, chain: ImportChain | undefined): void {
  if (pin === undefined || pin === hash) return;
  throw new ModuleError(
    url,
    `it is not what it was pinned to: its sha256 is ${hash}, and ${pin} was expected; if you trust it, pin that`,
    chain,
  );
}

function keyOf(url: string, type: ImportType | undefined): string {
  return type === undefined ? url : `${url}#${type}`;
}

/** Does what is asked for by several once; what failed may be tried again. */
async function once<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  const before = known.get(key);
  if (before !== undefined) return await before;
  const made = make();
  known.set(key, made);
  try {
    return await made;
  } catch (error) {
    known.delete(key);
    throw error;
  }
}
