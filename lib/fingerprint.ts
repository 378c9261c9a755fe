/**
 * Short names for long texts.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * A name that differs, but for one chance in 2^64, for each text: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv).
 * Not for texts by which somebody may want to deceive.
 *
 * @param text Any text.
 * @returns 16 hexadecimal digits.
 */
export function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of encoder.encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
