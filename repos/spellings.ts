/**
 * Extensions of names whose case does not matter.
 *
 * @module
 */

/** How many letters an extension may have: each spelling is looked for by itself. */
const MAX_LETTERS = 12;

/**
 * An extension in all ways to spell it.
 *
 * @param extension The extension.
 * @returns The spellings, the given one first.
 * @throws {TypeError} If there are too many.
 */
export function spellings(extension: string): string[] {
  let all = [""];
  for (const char of extension) {
    const cases = new Set(
      [char, char.toLowerCase(), char.toUpperCase()].filter((c) => c.length === char.length),
    );
    all = all.flatMap((start) => [...cases].map((end) => start + end));
    if (all.length > 2 ** MAX_LETTERS) {
      throw new TypeError(
        `Cannot ignore the case of ${JSON.stringify(extension)}: ` +
          `an extension has at most ${MAX_LETTERS} letters then; use a shorter one or caseInsensitive: false`,
      );
    }
  }
  return all;
}
