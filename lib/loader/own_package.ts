/**
 * This package: what user's modules get when they import it, and what it brings along.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

/** Its name. */
export const OWN_NAME: string = config.name;

/** Its version. */
export const OWN_VERSION: string = config.version;

/** The URL of the module that mirrored modules import for their context. */
export const CONTEXT_MODULE: string = new URL("./module_context.ts", import.meta.url).href;

/** The names of its exports: `"."`, `"./s3"`. */
export const OWN_EXPORTS: readonly string[] = Object.keys(config.exports);

/** A package from npm that is within this program. */
export interface EmbeddedPackage {
  /** Its version. */
  readonly version: string;
  /** The URL of its only module. */
  readonly url: string;
}

/** The packages from npm that are within this program, by name; none, unless `scripts/compile.ts` has built it. */
export const EMBEDDED_PACKAGES: ReadonlyMap<string, EmbeddedPackage> = new Map(
  Object.entries<string>(config.imports).flatMap(([name, target]) => {
    const version = /^\.\/parts\/.*@([^@]+)\.js$/.exec(target)?.[1];
    return version === undefined ? [] : [[name, { version, url: new URL(target, root).href }]];
  }),
);

/**
 * The running module of an export.
 *
 * @param name The name of the export: `"."`, `"./s3"`.
 * @returns Its URL; undefined if there is no such export.
 */
export function ownModule(name: string): string | undefined {
  const path = Object.entries<string>(config.exports).find(([key]) => key === name)?.[1];
  return path === undefined ? undefined : new URL(path, root).href;
}

/**
 * Whether a module belongs to this package.
 *
 * @param url Its URL.
 * @returns Whether it does.
 */
export function isOwnModule(url: string): boolean {
  return url.startsWith(root.href);
}
