/**
 * The `imports` of the `deno.json` that a local pipeline has beside it, or above.
 *
 * @module
 */

const FILES = ["deno.json", "deno.jsonc"];

/** What bare names stand for. */
export class ImportMap {
  readonly #imports: ReadonlyMap<string, string>;
  readonly #base: string;

  /**
   * Makes a map.
   *
   * @param imports What each name stands for.
   * @param base The URL that relative ones of these are relative to.
   */
  constructor(imports: Readonly<Record<string, string>> = {}, base: string = "file:///") {
    this.#imports = new Map(Object.entries(imports));
    this.#base = base;
  }

  /**
   * Finds the map for a module.
   *
   * @param url The URL of a local module.
   * @returns The map; one without names if there is none.
   */
  static async find(url: string): Promise<ImportMap> {
    for (let folder = new URL(".", url);; folder = new URL("..", folder)) {
      for (const name of FILES) {
        const file = new URL(name, folder);
        const text = await Deno.readTextFile(file).catch(() => undefined);
        if (text === undefined) continue;
        const imports = (await parse(text))?.imports;
        return new ImportMap(isStrings(imports) ? imports : {}, file.href);
      }
      if (folder.pathname === new URL("..", folder).pathname) return new ImportMap();
    }
  }

  /**
   * What a specifier stands for.
   *
   * @param specifier As it is written.
   * @returns A URL, or another specifier; undefined if the map does not say.
   */
  get(specifier: string): string | undefined {
    const exact = this.#imports.get(specifier);
    if (exact !== undefined) return this.#absolute(exact);
    let best = "";
    for (const name of this.#imports.keys()) {
      const begins = specifier.startsWith(name.endsWith("/") ? name : `${name}/`);
      if (begins && name.length > best.length) best = name;
    }
    const target = this.#imports.get(best);
    if (target === undefined) return undefined;
    const rest = specifier.slice(best.length);
    if (best.endsWith("/")) return this.#absolute(target + rest);
    return /^(?:jsr|npm):/.test(target) ? target + rest : undefined;
  }

  #absolute(target: string): string {
    return /^\.{0,2}\//.test(target) ? new URL(target, this.#base).href : target;
  }
}

async function parse(text: string): Promise<{ readonly imports?: unknown } | undefined> {
  try {
    return JSON.parse(text);
  } catch { // comments, and commas behind the last entry
    const { default: compiler } = await import("typescript");
    return compiler.parseConfigFileTextToJson("deno.jsonc", text).config;
  }
}

function isStrings(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null &&
    Object.values(value).every((target) => typeof target === "string");
}
