/**
 * Gets the content of modules: from this machine, from the cache, from the network.
 *
 * @module
 */

import { fetchModule, mediaType } from "./fetch_module.ts";
import type { FetchContext, Fetched } from "./fetch_module.ts";
import { sha256 } from "./integrity.ts";
import type { LockFile } from "./lock_file.ts";
import type { ModuleCache } from "./module_cache.ts";
import { type ImportChain, ModuleError, UnreachableModuleError } from "./module_error.ts";
import { Semaphore } from "./semaphore.ts";

/** Servers that are asked at the same time. */
const FETCHES = 16;

/** Files that are read at the same time. */
const READS = 64;

/** A module as it was found. */
export interface ModuleSource {
  /** Where it was, in the end. */
  readonly url: string;
  /** The media type that its server says; empty for modules of this machine. */
  readonly contentType: string;
  /** The SHA-256 of its content. */
  readonly hash: string;
  /** Its content. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** What the cache knows of a URL: what is there, or where it leads. */
type Entry = { readonly contentType: string; readonly hash: string } | { readonly target: string };

/** What a store of modules needs. */
export interface ModuleStoreOptions {
  /** Where modules are kept. */
  readonly cache: ModuleCache;
  /** What is needed to fetch them. */
  readonly context: FetchContext;
  /** What they have to be. */
  readonly lock: LockFile | undefined;
  /** Modules that are given as they are, by URL. */
  readonly given: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Whether the network is not to be asked. */
  readonly cachedOnly: boolean;
  /** Whether all are fetched anew. */
  readonly reload: boolean;
}

/** Gets modules, each checked against the lock file. */
export class ModuleStore {
  /** Where URLs led. */
  readonly redirects: Map<string, string> = new Map();
  /** The hash of each module from the network, by URL. */
  readonly hashes: Map<string, string> = new Map();
  readonly #options: ModuleStoreOptions;
  readonly #fetches = new Semaphore(FETCHES);
  readonly #reads = new Semaphore(READS);

  /**
   * Makes a store.
   *
   * @param options What it needs.
   */
  constructor(options: ModuleStoreOptions) {
    this.#options = options;
  }

  /**
   * Gets a module.
   *
   * @param href Its URL, without fragment.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @returns What is there.
   * @throws {ModuleError} If it is not what it has to be.
   * @throws {UnreachableModuleError} If it cannot be had.
   */
  async get(href: string, chain: ImportChain | undefined): Promise<ModuleSource> {
    const given = this.#options.given.get(href);
    if (given !== undefined) return await sourceOf(href, given);
    if (href.startsWith("data:")) return await inline(href, chain);
    if (href.startsWith("file:")) return await this.#reads.use(() => local(href, chain));
    const source = await this.#remote(href, chain);
    this.#options.lock?.check(source.url, source.hash, chain);
    this.hashes.set(source.url, source.hash);
    return source;
  }

  /**
   * Gets a document that is no module, such as the list of versions of a package.
   *
   * @param href Its URL.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @returns What is there, read as JSON.
   */
  async getJson<Value>(href: string, chain: ImportChain | undefined): Promise<Value> {
    const source = await this.#remote(href, chain);
    try {
      return JSON.parse(new TextDecoder().decode(await source.read()));
    } catch (error) {
      throw new ModuleError(href, `it is no JSON; check the registry`, chain, { cause: error });
    }
  }

  async #remote(href: string, chain: ImportChain | undefined): Promise<ModuleSource> {
    const { cache, context, cachedOnly, reload } = this.#options;
    context.policy.check(new URL(href), chain);
    const kept = reload ? undefined : await this.#reads.use(() => this.#kept(href, chain));
    if (kept !== undefined) return kept;
    if (cachedOnly) {
      throw new UnreachableModuleError(
        href,
        `it is not in the cache in ${cache.folder}, or damaged there, and --cached-only was given; ` +
          `run once without it`,
        chain,
      );
    }
    return await this.#fetches.use(async () => {
      const fetched = await fetchModule(href, chain, context);
      for (const [from, target] of fetched.redirects) this.#redirected(from, target, chain);
      return await this.#keep(fetched);
    });
  }

  /** What the cache has, when each step of the way there is allowed. */
  async #kept(href: string, chain: ImportChain | undefined): Promise<ModuleSource | undefined> {
    const { cache, context } = this.#options;
    let url = href;
    for (;;) {
      const entry = await cache.readValue<Entry>(await entryName(url));
      if (entry === undefined) return undefined;
      if (!("target" in entry)) return this.#source(url, entry.contentType, entry.hash);
      context.policy.checkRedirect(new URL(url), new URL(entry.target), chain);
      this.#redirected(url, entry.target, chain);
      url = entry.target;
    }
  }

  async #keep({ url, redirects, contentType, bytes }: Fetched): Promise<ModuleSource> {
    const { cache } = this.#options;
    const hash = await sha256(bytes);
    await cache.write(contentName(hash), bytes);
    await cache.writeValue(await entryName(url), { contentType, hash });
    for (const [from, target] of redirects) {
      await cache.writeValue(await entryName(from), { target });
    }
    return { ...this.#source(url, contentType, hash), read: () => Promise.resolve(bytes) };
  }

  #source(url: string, contentType: string, hash: string): ModuleSource {
    return { url, contentType, hash, read: () => this.#content(url, hash) };
  }

  async #content(url: string, hash: string): Promise<Uint8Array<ArrayBuffer>> {
    const { cache, context, cachedOnly } = this.#options;
    const bytes = await this.#reads.use(() => cache.read(contentName(hash)));
    if (bytes !== undefined) return bytes;
    if (cachedOnly) {
      throw new UnreachableModuleError(
        url,
        `what the cache in ${cache.folder} holds of it is damaged, and --cached-only was given; ` +
          `run once without it`,
      );
    }
    const fetched = await this.#fetches.use(() => fetchModule(url, undefined, context));
    const actual = await sha256(fetched.bytes);
    if (actual !== hash) {
      throw new UnreachableModuleError(
        url,
        `what the cache in ${cache.folder} holds of it is damaged, and the server now has another: ` +
          `its sha256 is ${actual}, and was ${hash}; run once with --reload`,
      );
    }
    await cache.write(contentName(hash), fetched.bytes);
    return fetched.bytes;
  }

  #redirected(from: string, target: string, chain: ImportChain | undefined): void {
    const expected = this.#options.lock?.target(from);
    if (expected !== undefined && expected !== target) {
      throw new ModuleError(
        from,
        `the server redirects to ${target}, and to ${expected} in the lock file; ` +
          `if you trust it, run "datatask lock" again`,
        chain,
      );
    }
    this.redirects.set(from, target);
  }
}

async function sourceOf(url: string, bytes: Uint8Array<ArrayBuffer>): Promise<ModuleSource> {
  const hash = await sha256(bytes);
  return { url, contentType: "", hash, read: () => Promise.resolve(bytes) };
}

async function inline(href: string, chain: ImportChain | undefined): Promise<ModuleSource> {
  try {
    const response = await fetch(href);
    const contentType = response.headers.get("content-type") ?? "";
    return { ...await sourceOf(href, await response.bytes()), contentType: mediaType(contentType) };
  } catch (error) {
    throw new ModuleError(href, "it is no data: URL; correct it", chain, { cause: error });
  }
}

async function local(href: string, chain: ImportChain | undefined): Promise<ModuleSource> {
  try {
    return await sourceOf(href, await Deno.readFile(new URL(href)));
  } catch (error) {
    const happened = error instanceof Deno.errors.NotFound
      ? "there is no such file; check its name"
      : `${error instanceof Error ? error.message : error}; it must be a file that may be read`;
    throw new UnreachableModuleError(href, happened, chain, { cause: error });
  }
}

async function entryName(url: string): Promise<string> {
  return spread("urls", await sha256(url));
}

function contentName(hash: string): string {
  return spread("contents", hash);
}

/** Not too many files in a folder. */
function spread(folder: string, hash: string): string {
  return `${folder}/${hash.slice(0, 2)}/${hash.slice(2)}`;
}
