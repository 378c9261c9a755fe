/**
 * Guesses what was meant by a name that does not exist.
 *
 * @module
 */

/** How many letters a word has at least that stands for a name that it begins. */
const BEGINNING = 3;

/**
 * The name that is nearest to a word: by the number of letters to insert, remove, replace or swap with their neighbour
 * (the optimal string alignment distance); or else the first that the word begins.
 *
 * @param word What was given.
 * @param names What there is.
 * @returns The nearest name; undefined if none is near enough to have been meant.
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let begun: string | undefined;
  let limit = Math.max(1, Math.floor(word.length / 3));
  for (const name of names) {
    if (begun === undefined && word.length >= BEGINNING && name.startsWith(word)) begun = name;
    const distance = distanceWithin(word.toLowerCase(), name.toLowerCase(), limit);
    if (distance === undefined) continue;
    best = name;
    if (distance === 0) break;
    limit = distance - 1;
  }
  return best ?? begun;
}

/**
 * The end of a sentence that says that a name does not exist.
 *
 * @param word What was given.
 * @param names What there is.
 * @param kind What the names are, in the plural; if given, a short list of all of them stands in for a guess.
 * @returns Text to be appended: `; did you mean "x"?`, a list of the names, or nothing.
 */
export function didYouMean(word: string, names: Iterable<string>, kind?: string): string {
  const all = kind === undefined ? names : [...names];
  const guess = nearest(word, all);
  if (guess !== undefined) return `; did you mean "${guess}"?`;
  if (kind === undefined || !Array.isArray(all) || all.length === 0) return "";
  return `; the ${kind} are ${all.slice(0, 20).join(", ")}${all.length > 20 ? ", ..." : ""}`;
}

/** The distance of two words; undefined if it is greater than `limit`. */
function distanceWithin(a: string, b: string, limit: number): number | undefined {
  if (Math.abs(a.length - b.length) > limit) return undefined;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      let distance = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1);
      }
      row.push(distance);
      least = Math.min(least, distance);
    }
    // A swap reaches two rows back, so only two rows beyond the limit rule everything out.
    if (least > limit && Math.min(...last) > limit) return undefined;
    beforeLast = last;
    last = row;
  }
  const distance = last[b.length]!;
  return distance <= limit ? distance : undefined;
}
