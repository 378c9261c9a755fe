/**
 * Patterns of names, as the files of SSH have them.
 *
 * @module
 */

/**
 * Whether a name fits a pattern: `*` stands for any characters, `?` for one.
 *
 * @param pattern The pattern.
 * @param name The name.
 * @returns True if it fits, whatever the case of its letters.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern.replace(
    /[^*?]+|[*?]/g,
    (part) => part === "*" ? ".*" : part === "?" ? "." : RegExp.escape(part),
  );
  return new RegExp(`^${source}$`, "i").test(name);
}

/**
 * Whether a name fits one of several patterns, and none of those that begin with `!`.
 *
 * @param patterns The patterns.
 * @param name The name.
 * @returns True if it fits.
 */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name)) &&
    !patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), name));
}
