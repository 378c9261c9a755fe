/**
 * The folder from which the runtime imports: a graph of modules as files that import each other.
 *
 * Its name is the hash of all that is in it, so that it never changes, and each file is compared before it is used.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { CONTEXT_HOLE } from "./emit.ts";
import { sha256 } from "./integrity.ts";
import type { ModuleCache } from "./module_cache.ts";
import type { ModuleNode } from "./module_graph.ts";
import { CONTEXT_MODULE } from "./own_package.ts";
import { Semaphore } from "./semaphore.ts";

/** Which modules a folder holds: the names of its files, by the keys of their modules. */
interface Index {
  readonly files: Readonly<Record<string, string>>;
  /** The folders that its modules import from. */
  readonly imports: readonly string[];
}

/** A file of a mirror, yet to be written. */
interface MirrorFile {
  readonly name: string;
  readonly text: string;
}

const INDEX = "modules.json";

/** Files that are handled at the same time. */
const FILES = 64;

/** Where the modules of a process are. */
export class Mirror {
  readonly #cache: ModuleCache;
  /** The folder and the name of the file of each module, by its key. */
  readonly #places = new Map<string, { readonly folder: string; readonly name: string }>();
  readonly #known = new Set<string>();
  readonly #files = new Semaphore(FILES);
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Makes a mirror.
   *
   * @param cache Where its folders are.
   */
  constructor(cache: ModuleCache) {
    this.#cache = cache;
  }

  /**
   * Puts a module, and all that it imports, where it can be imported from.
   *
   * @param entry The module.
   * @returns The URL of its file.
   */
  async place(entry: ModuleNode): Promise<string> {
    // One after the other, so that no module comes to be in two places.
    const placed = this.#turn.then(() => this.#place(entry));
    this.#turn = placed.catch(() => {});
    return await placed;
  }

  /**
   * Puts the URLs of modules in the places of those of their files.
   *
   * @param text What the runtime says.
   * @returns The text that means the same to who knows nothing of the mirror.
   */
  explain(text: string): string {
    let explained = text;
    for (const [key, place] of this.#places) {
      const { folder, name } = place;
      if (!explained.includes(name)) continue;
      for (const written of [this.#url(place), `../../${folder}/${name}`, `../${name}`]) {
        explained = explained.replaceAll(written, key.replace(/#.*$/, ""));
      }
    }
    return explained;
  }

  /**
   * Learns which modules this process runs already, because another placed them.
   *
   * @param file The URL of the file of one of them.
   */
  async adopt(file: string): Promise<void> {
    const base = pathToFileURL(join(this.#cache.folder, "mirror", "/")).href;
    if (!file.startsWith(base)) return;
    const todo = [file.slice(base.length).split("/", 1)[0]!];
    for (const folder of todo) {
      if (this.#known.has(folder)) continue;
      this.#known.add(folder);
      const text = await Deno.readTextFile(join(this.#cache.folder, "mirror", folder, INDEX));
      const { files, imports }: Index = JSON.parse(text);
      for (const [key, name] of Object.entries(files)) this.#places.set(key, { folder, name });
      todo.push(...imports);
    }
  }

  #url({ folder, name }: { readonly folder: string; readonly name: string }): string {
    return pathToFileURL(join(this.#cache.folder, "mirror", folder, name)).href;
  }

  async #place(entry: ModuleNode): Promise<string> {
    const before = this.#places.get(entry.key);
    if (before !== undefined) return this.#url(before);
    const nodes = this.#unplaced(entry);
    const names = new Map<string, string>();
    for (const node of nodes) names.set(node.key, await fileName(node));
    const imports = new Set<string>();
    const texts = nodes.map((node) => this.#text(node, names, imports));
    const files: MirrorFile[] = nodes.map(({ key }, at) => ({
      name: names.get(key)!,
      text: texts[at]!,
    }));
    const index: Index = { files: Object.fromEntries(names), imports: [...imports].sort() };
    files.push({ name: INDEX, text: JSON.stringify(index) });
    const hashes = await Promise.all(
      files.map(async ({ name, text }) => `${name} ${await sha256(text)}`),
    );
    const folder = (await sha256(hashes.join("\n"))).slice(0, 32);
    if (!await this.#holds(folder, files)) await this.#write(folder, files);
    for (const [key, name] of names) this.#places.set(key, { folder, name });
    this.#known.add(folder);
    return this.#url(this.#places.get(entry.key)!);
  }

  /** The modules that a module needs and that have no place yet, in an order that does not depend on the network. */
  #unplaced(entry: ModuleNode): ModuleNode[] {
    const nodes = new Map<string, ModuleNode>();
    const todo = [entry];
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      if (nodes.has(node.key) || this.#places.has(node.key)) continue;
      nodes.set(node.key, node);
      for (const target of node.targets.values()) if (typeof target !== "string") todo.push(target);
    }
    return [...nodes.values()].sort((a, b) => a.key < b.key ? -1 : 1);
  }

  /** The text of a file: the code, with the holes filled. */
  #text(node: ModuleNode, names: ReadonlyMap<string, string>, imports: Set<string>): string {
    const { code, hole } = node.emitted;
    if (hole === "") return code;
    return code.replaceAll(new RegExp(`(["'])${hole}(-?\\d+)\\1`, "g"), (_, _quote, number) => {
      const index = Number(number);
      const target = index === CONTEXT_HOLE ? CONTEXT_MODULE : node.targets.get(index)!;
      if (typeof target === "string") return JSON.stringify(target);
      const place = this.#places.get(target.key);
      if (place === undefined) return JSON.stringify(`../${names.get(target.key)}`);
      imports.add(place.folder);
      return JSON.stringify(`../../${place.folder}/${place.name}`);
    });
  }

  async #holds(folder: string, files: readonly MirrorFile[]): Promise<boolean> {
    const same = await Promise.all(files.map(({ name, text }) =>
      this.#files.use(async () => {
        const path = join(this.#cache.folder, "mirror", folder, name);
        return await Deno.readTextFile(path).catch(() => undefined) === text;
      })
    ));
    return same.every(Boolean);
  }

  async #write(folder: string, files: readonly MirrorFile[]): Promise<void> {
    const path = join("mirror", folder);
    try {
      await this.#writeNew(path, files);
    } catch (error) {
      if (await this.#holds(folder, files)) return; // another process was first
      // What is there is damaged.
      const removed = await Deno.remove(join(this.#cache.folder, path), { recursive: true })
        .then(() => true, () => false);
      if (!removed) throw error;
      await this.#writeNew(path, files);
    }
  }

  async #writeNew(path: string, files: readonly MirrorFile[]): Promise<void> {
    await this.#cache.place(path, async (unfinished) => {
      const folders = new Set(files.map(({ name }) => dirname(name)));
      for (const name of folders) await Deno.mkdir(join(unfinished, name), { recursive: true });
      await Promise.all(
        files.map(({ name, text }) =>
          this.#files.use(() => Deno.writeTextFile(join(unfinished, name), text))
        ),
      );
    });
  }
}

/** Letters that a file name keeps of a URL. */
const KEPT = 100;

/** A name that a person recognizes, and that no other module has: `HOST/PATH.HASH.js`. */
async function fileName({ key, url }: ModuleNode): Promise<string> {
  const { host, pathname, search } = new URL(url);
  const plain = (text: string): string =>
    text.replaceAll(/[^A-Za-z0-9._-]+/g, "~").replace(/^[.~-]+/, "");
  const name = plain((pathname + search).slice(1)).slice(-KEPT) || "module";
  return `${plain(host.replace(":", "_")) || "file"}/${name}.${
    (await sha256(key)).slice(0, 12)
  }.js`;
}
