/**
 * Why a module cannot be loaded.
 *
 * @module
 */

/** Who asked for a module. */
export interface ImportChain {
  /** The place of the import: `URL:LINE:COLUMN`. */
  readonly place: string;
  /** Who asked for the module of that import; undefined if the user did. */
  readonly parent: ImportChain | undefined;
}

/** A module that cannot be used as it is: it is not code, not what it was pinned to be, or not allowed. */
export class ModuleError extends Error {
  /** `"ModuleError"`. */
  override name = "ModuleError";

  /**
   * Makes the error.
   *
   * @param url The module.
   * @param happened What is the matter with it, and what to do next: `"...; ..."`.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @param options What lies beneath.
   */
  constructor(url: string, happened: string, chain?: ImportChain, options?: ErrorOptions) {
    super(`Cannot load ${url}: ${happened}${shown(chain)}`, options);
  }
}

/** A module, or the place where modules are kept, that is out of reach: to try again later may help. */
export class UnreachableModuleError extends ModuleError {
  /** `"UnreachableModuleError"`. */
  override name = "UnreachableModuleError";
}

/** Imports that are shown of a chain. */
const SHOWN = 8;

function shown(chain: ImportChain | undefined): string {
  let text = "";
  let at = chain;
  for (let count = 0; at !== undefined && count < SHOWN; count++, at = at.parent) {
    text += `\n  imported by ${at.place}`;
  }
  return at === undefined ? text : `${text}\n  and so on`;
}
