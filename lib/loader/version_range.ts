/**
 * Version ranges as imports have them: `1`, `1.2`, `1.2.3`, `^1.2`, `~1.2.3`, `*`.
 *
 * @module
 */

type Numbers = readonly [number, number, number];

/**
 * Whether a range admits a version.
 *
 * @param version Three numbers; a pre-release is admitted only where the range names it in full.
 * @param range The range; the empty one admits all.
 * @returns False also for ranges in words that are not known here.
 */
export function satisfies(version: string, range: string): boolean {
  const wanted = range.trim();
  if (wanted === version || wanted === `=${version}`) return true;
  if (!/^\d+\.\d+\.\d+$/.test(version)) return false;
  if (wanted === "" || wanted === "*" || wanted === "latest") return true;
  const match = /^([\^~]?)(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?$/.exec(wanted);
  if (match === null) return false;
  const [, operator = "", ...texts] = match;
  const [major = 0, minor, patch] = texts.map((text) =>
    text === undefined || text === "x" || text === "*" ? undefined : Number(text)
  );
  const least: Numbers = [major, minor ?? 0, patch ?? 0];
  return compareVersions(version, least.join(".")) >= 0 &&
    compareNumbers(numbersOf(version), firstBeyond(operator, major, minor, patch)) < 0;
}

function firstBeyond(operator: string, major: number, minor?: number, patch?: number): Numbers {
  if (minor === undefined) return [major + 1, 0, 0];
  if (operator === "^" && major > 0) return [major + 1, 0, 0];
  if (operator === "^" && minor === 0 && patch !== undefined) return [0, 0, patch + 1];
  if (operator === "" && patch !== undefined) return [major, minor, patch + 1];
  return [major, minor + 1, 0];
}

/**
 * Compares versions by their numbers.
 *
 * @param a A version.
 * @param b Another.
 * @returns Negative if `a` is the older one, positive if it is the newer one, 0 if neither is.
 */
export function compareVersions(a: string, b: string): number {
  return compareNumbers(numbersOf(a), numbersOf(b));
}

function numbersOf(version: string): Numbers {
  const [major = 0, minor = 0, patch = 0] = version.split("-", 1)[0]!.split(".").map(Number);
  return [major, minor, patch];
}

function compareNumbers(a: Numbers, b: Numbers): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
