/**
 * What has to be changed in what is typed into the shell, and what it can be called there.
 *
 * @module
 */

/** An import declaration at the beginning of a line: default, namespace, names, specifier, attributes. */
const IMPORT =
  /^[ \t]*import\s+(?:([\w$]+)\s*(?:,\s*|\s(?=\s*from)))?(?:\*\s*as\s+([\w$]+)\s+|\{([^}]*)\}\s*)?(?:from\s*)?(["'])([^"'\n]+)\4(?:\s*with\s*(\{[^}]*\}))?[ \t]*;?/gm;

/** An import declaration that has not come to its specifier yet. */
const BEGUN_IMPORT = /^[ \t]*import\s+(?:[\w$*,\s]|\{[^}"']*\}?)*$/m;

/** A call of `import` with a relative specifier. */
const IMPORT_CALL = /\bimport\s*\(\s*(["'])(\.{1,2}\/[^"'\n]*)\1/g;

/**
 * Makes import declarations, which only modules can have, into declarations that anything can have. Relative specifiers
 * are taken to be relative to a folder.
 *
 * @param source What was typed.
 * @param folder The URL of the folder, with a slash at its end.
 * @returns What to evaluate.
 */
export function replaceImports(source: string, folder: string): string {
  const resolve = (specifier: string) =>
    JSON.stringify(/^\.{0,2}\//.test(specifier) ? new URL(specifier, folder).href : specifier);
  return source
    .replaceAll(IMPORT_CALL, (_, _quote, specifier: string) => `import(${resolve(specifier)}`)
    .replaceAll(IMPORT, (
      _,
      byDefault: string | undefined,
      namespace: string | undefined,
      names: string | undefined,
      _quote,
      specifier: string,
      attributes: string | undefined,
    ) => {
      const options = attributes === undefined ? "" : `, { with: ${attributes} }`;
      const loaded = `await import(${resolve(specifier)}${options})`;
      const bound = [
        ...byDefault === undefined ? [] : [`default: ${byDefault}`],
        ...names === undefined ? [] : [names.replaceAll(/\s+as\s+/g, ": ")],
      ];
      const declarations = [
        ...namespace === undefined ? [] : [`const ${namespace} = ${loaded};`],
        ...bound.length === 0 ? [] : [`const { ${bound.join(", ")} } = ${loaded};`],
      ];
      return declarations.length === 0 ? `${loaded};` : declarations.join(" ");
    });
}

/**
 * Whether what was typed ends within an import declaration.
 *
 * @param source What was typed.
 * @returns True if it does.
 */
export function endsInImport(source: string): boolean {
  return BEGUN_IMPORT.test(source);
}

/**
 * What a task can be called in the shell: its name with `_` for `-`.
 *
 * @param name The name.
 * @param taken Whether an identifier means something already.
 * @returns The identifier; undefined if the name cannot be one.
 */
export function identifierOf(
  name: string,
  taken: (identifier: string) => boolean,
): string | undefined {
  const identifier = name.replaceAll("-", "_");
  if (taken(identifier)) return undefined;
  try {
    new Function(`"use strict"; const ${identifier} = 0;`);
    return identifier;
  } catch {
    return undefined;
  }
}
