/**
 * The job ids and the bytes that the cases use.
 *
 * @module
 */

/** What no rule can make a job id. */
export const NEVER_IDS: readonly string[] = [
  "",
  ".",
  "..",
  "../x",
  "/etc/passwd",
  "a/b",
  "a\\b",
  "a/",
  "a\0b",
  "a\n",
  "a\x1b[2J",
];

/** What the usual rule refuses as well. */
export const REFUSED_IDS: readonly string[] = [
  ...NEVER_IDS,
  "a".repeat(201),
  "a".repeat(10_000),
  "-a",
  ".a",
  "_a",
  "a-",
  "a.",
  "a_",
  "a b",
  " a",
  "a:b",
  "a%2Fb",
  "$(id)",
  "1\uff12", // a full-width digit two
  "\u00e9", // é
  "\ud83d\ude00",
  "\ud800", // half of a surrogate pair
];

/** Ids that mean something to somebody: to JavaScript, to YAML, to Windows, to a store that appends to names. */
export const TELLING_IDS: readonly string[] = [
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "CON",
  "nul",
  "aux.txt",
  "00",
  "0",
  "1e5",
  "0x10",
  "2026-11-25",
  "null",
  "true",
  "no",
  "NaN",
  "undefined",
  "a",
  "a.a",
  "a.txt",
  "a.yaml",
  "a.tmp",
  "a..b",
  "a--b",
  "a__b",
  "a.txt.txt",
  "txt",
  "yaml",
  "xn--a",
];

/** Every character that the usual rule allows. */
export const ID_CHARACTERS: readonly string[] = [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
];

/** Sizes around those of the chunks in which bytes travel. */
export const SIZES: readonly number[] = [0, 1, 2, 65_535, 65_536, 65_537, 1_048_577];

/** How long the pattern of {@linkcode bytes} is: a prime, so that no chunk begins where another one does. */
export const PERIOD = 65_521;

const PATTERN = Uint8Array.from(
  { length: PERIOD },
  (_, at) => Math.imul(at + 1, 2_654_435_761) >>> 24,
);

/**
 * Bytes of all values without a visible order.
 *
 * @param size How many.
 * @param at Where in the endless pattern to begin.
 * @returns An array of its own.
 */
export function bytes(size: number, at = 0): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const part = PATTERN.subarray((at + filled) % PERIOD).subarray(0, size - filled);
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** `count` ids, of which none is a prefix of another. */
export function ids(count: number, stem = "job"): string[] {
  const width = String(count).length;
  return Array.from({ length: count }, (_, at) => `${stem}-${String(at).padStart(width, "0")}`);
}

/** Calls `act` with each item, at most 32 at a time. */
export async function forAll<T>(
  items: Iterable<T>,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await act(next.value);
  };
  await Promise.all(Array.from({ length: 32 }, work));
}
