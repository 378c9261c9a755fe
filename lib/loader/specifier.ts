/**
 * What the specifier of an import means.
 *
 * @module
 */

import { isBuiltin } from "node:module";
import { ImportMap } from "./import_map.ts";
import { parsePin } from "./integrity.ts";
import { type ImportChain, ModuleError } from "./module_error.ts";
import { EMBEDDED_PACKAGES, OWN_EXPORTS, OWN_NAME, OWN_VERSION, ownModule } from "./own_package.ts";
import { satisfies } from "./version_range.ts";

/** What an import means: something that the runtime knows, a package of the registry, or a module to be loaded. */
export type Meaning =
  | { readonly runtime: string }
  | { readonly jsr: string }
  | { readonly url: string; readonly pin?: string };

/** Whether a specifier is relative to the module that imports it. */
const RELATIVE = /^\.{0,2}\//;

const PACKAGE = /^(?:(?:npm|jsr):\/?)?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]*))?(\/.*)?$/;

/**
 * Finds out what a specifier means.
 *
 * @param specifier As it is written.
 * @param referrer The URL of the module that imports it.
 * @param importMap What bare names mean.
 * @param chain The imports that led to it; undefined if the user asked for it.
 * @returns Its meaning.
 * @throws {ModuleError} If it has none here.
 */
export function resolveSpecifier(
  specifier: string,
  referrer: string,
  importMap: ImportMap,
  chain: ImportChain | undefined,
): Meaning {
  if (RELATIVE.test(specifier)) return moduleAt(specifier, referrer, chain);
  const own = ownSpecifier(specifier, chain);
  if (own !== undefined) return own;
  const mapped = importMap.get(specifier) ?? specifier;
  if (mapped !== specifier) return resolveSpecifier(mapped, referrer, NO_MAP, chain);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(specifier)?.[1]?.toLowerCase();
  switch (scheme) {
    case "node":
    case "blob":
      return { runtime: specifier };
    case "data":
      return { url: specifier };
    case "jsr":
      return { jsr: specifier };
    case "npm":
    case undefined:
      return packageFromNpm(specifier, chain);
    default:
      return moduleAt(specifier, referrer, chain);
  }
}

const NO_MAP = new ImportMap();

function moduleAt(specifier: string, referrer: string, chain: ImportChain | undefined): Meaning {
  const url = URL.parse(specifier, referrer);
  if (url === null) {
    throw new ModuleError(specifier, `it is no URL; write one, or the name of a package`, chain);
  }
  const remote = referrer.startsWith("http");
  if (remote && url.protocol === "file:") {
    throw new ModuleError(
      url.href,
      `a module from the network must not import one of this machine; put both in one place`,
      chain,
    );
  }
  if (referrer.startsWith("https:") && url.protocol === "http:") {
    throw new ModuleError(
      url.href,
      `a module that came encrypted must not import one that does not; use https`,
      chain,
    );
  }
  const fragment = url.hash;
  url.hash = "";
  if (!fragment.startsWith("#sha256")) return { url: url.href };
  const pin = parsePin(fragment.slice(1));
  if (pin === undefined) {
    throw new ModuleError(
      url.href,
      `"${fragment}" is no hash; write #sha256= and 64 hexadecimal digits`,
      chain,
    );
  }
  return { url: url.href, pin };
}

function ownSpecifier(specifier: string, chain: ImportChain | undefined): Meaning | undefined {
  if (specifier.startsWith("npm:")) return undefined;
  const [, name, range, path = ""] = PACKAGE.exec(specifier) ?? [];
  if (name !== OWN_NAME) return undefined;
  if (range !== undefined && !satisfies(OWN_VERSION, range)) {
    throw new ModuleError(
      specifier,
      `this program is ${OWN_NAME} ${OWN_VERSION}; get one of a version that the pipeline asks for`,
      chain,
    );
  }
  const module = ownModule(`.${path}`);
  if (module === undefined) {
    throw new ModuleError(
      specifier,
      `${OWN_NAME} has no export ".${path}"; it has ${OWN_EXPORTS.join(", ")}`,
      chain,
    );
  }
  return { runtime: module };
}

function packageFromNpm(specifier: string, chain: ImportChain | undefined): Meaning {
  const [, name = "", range = "", path = ""] = PACKAGE.exec(specifier) ?? [];
  const embedded = EMBEDDED_PACKAGES.get(name);
  if (embedded !== undefined && path === "" && satisfies(embedded.version, range)) {
    return { runtime: embedded.url };
  }
  if (!specifier.startsWith("npm:") && isBuiltin(specifier)) {
    throw new ModuleError(specifier, `it is a part of the runtime; write node:${specifier}`, chain);
  }
  if (!Deno.build.standalone) return { runtime: specifier };
  const carried = [...EMBEDDED_PACKAGES].map(([name, { version }]) => `${name}@${version}`);
  throw new ModuleError(
    specifier,
    `this program is one file and carries no packages from npm but ${carried.join(", ")}; ` +
      `run the pipeline with deno run -A, or import the package as modules from an https URL`,
    chain,
  );
}
