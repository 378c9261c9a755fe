/**
 * What `import.meta` and `import()` are in a module that was loaded. The modules of a mirror import this one.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { ImportMap } from "./import_map.ts";
import { resolveSpecifier } from "./specifier.ts";

const NO_MAP = new ImportMap();

/** What a module knows of itself, and how it loads others. */
export interface ModuleContext {
  /** Its `import.meta`. */
  readonly meta: ImportMeta;
  /** Its `import()`. */
  import(specifier: unknown, options?: ImportOptions): Promise<unknown>;
}

/** The second argument of an `import()`. */
export interface ImportOptions {
  /** Its attributes. */
  readonly with?: { readonly type?: string };
}

const contexts = new Map<string, ModuleContext>();
let entry: string | undefined;

/**
 * Says which module is the program that the user runs: for it, `import.meta.main` is true.
 *
 * @param file The URL of its file.
 */
export function setEntry(file: string): void {
  entry = file;
}

/**
 * The context of a module.
 *
 * @param url Its URL.
 * @param file The URL of its file in the mirror.
 * @returns The same one each time.
 */
export function moduleContext(url: string, file: string): ModuleContext {
  const known = contexts.get(file);
  if (known !== undefined) return known;
  const context: ModuleContext = {
    meta: metaOf(url, file),
    async import(specifier, options) {
      const { loaderHere } = await import("./realm.ts"); // not before it is needed: it takes time
      const loader = await loaderHere(file);
      return await loader.import(String(specifier), url, options?.with?.type);
    },
  };
  contexts.set(file, context);
  return context;
}

function metaOf(url: string, file: string): ImportMeta {
  const local = url.startsWith("file:");
  return {
    url,
    main: file === entry,
    ...local && {
      filename: fileURLToPath(url),
      dirname: fileURLToPath(new URL(".", url)).replace(/(?<=.)[/\\]$/, ""),
    },
    resolve(specifier: string): string {
      const meaning = resolveSpecifier(specifier, url, NO_MAP, undefined);
      if ("runtime" in meaning) return import.meta.resolve(meaning.runtime);
      return "jsr" in meaning ? meaning.jsr : meaning.url;
    },
  };
}
