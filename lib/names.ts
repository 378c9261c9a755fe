/**
 * Names in bulk, as `Repository.bulkIter` gives them.
 *
 * @module
 */

/** How many names a chunk holds: as many as V8 joins and encodes best. */
const NAMES = 1024;

const encoder = new TextEncoder();

/**
 * The bytes of many names.
 *
 * @param names The names. A NUL character in one becomes U+FFFD, which is no more valid in a job id.
 * @returns Chunks of UTF-8 of whole names, each name followed by a NUL byte.
 */
export function* nameChunks(names: readonly string[]): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < names.length; at += NAMES) {
    const some = names.slice(at, at + NAMES);
    const clean = some.map((name) => name.includes("\0") ? name.replaceAll("\0", "\ufffd") : name);
    yield encoder.encode(clean.join("\0") + "\0");
  }
}
