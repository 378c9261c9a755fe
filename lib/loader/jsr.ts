/**
 * Finds the modules of packages in the registry of JavaScript.
 *
 * @module
 */

import { environment } from "../environment.ts";
import { type ImportChain, ModuleError } from "./module_error.ts";
import type { ModuleStore } from "./module_store.ts";
import { compareVersions, satisfies } from "./version_range.ts";

interface Package {
  readonly versions: Readonly<Record<string, { readonly yanked?: boolean }>>;
}

interface Version {
  readonly exports: Readonly<Record<string, string>>;
}

/** The registry that the scheme stands for: at the domain of its name. */
const REGISTRY = `https://${["jsr", "io"].join(".")}/`;

/**
 * Finds a module of a package: the newest version that is wanted.
 *
 * @param specifier `jsr:@scope/name@range/export`.
 * @param store Gets what the registry says.
 * @param chain The imports that led to it; undefined if the user asked for it.
 * @returns The URL of the module.
 * @throws {ModuleError} If there is no such version or export.
 */
export async function findInRegistry(
  specifier: string,
  store: ModuleStore,
  chain: ImportChain | undefined,
): Promise<string> {
  const match = /^jsr:\/?(@[^/]+\/[^/@]+)(?:@([^/]*))?(?:\/(.*))?$/.exec(specifier);
  if (match === null) {
    throw new ModuleError(specifier, `it names no package; write jsr:@SCOPE/NAME@VERSION`, chain);
  }
  const [, name, range = "", path] = match;
  const registry = environment("JSR_URL") || REGISTRY;
  const folder = new URL(`${name}/`, registry.endsWith("/") ? registry : `${registry}/`).href;
  const { versions } = await store.getJson<Package>(`${folder}meta.json`, chain);
  const [version] = Object.keys(versions)
    .filter((version) => versions[version]?.yanked !== true && satisfies(version, range))
    .sort(compareVersions)
    .reverse();
  if (version === undefined) {
    throw new ModuleError(
      specifier,
      `the registry has no such version; it has ${Object.keys(versions).join(", ")}`,
      chain,
    );
  }
  const { exports } = await store.getJson<Version>(`${folder}${version}_meta.json`, chain);
  const file = exports[path === undefined ? "." : `./${path}`];
  if (file === undefined) {
    throw new ModuleError(
      specifier,
      `${name} ${version} has no such export; it has ${Object.keys(exports).join(", ")}`,
      chain,
    );
  }
  return new URL(file, `${folder}${version}/`).href;
}
