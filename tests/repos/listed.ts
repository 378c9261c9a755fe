/**
 * What tests of listings compare.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import type { Repository } from "../../lib/repository.ts";

/** The keys of a repository, sorted. */
export async function keys(repository: Repository): Promise<string[]> {
  return (await Array.fromAsync(repository)).sort();
}

/** The names that a repository gives in bulk, sorted. */
export async function bulkNames(repository: Repository): Promise<string[]> {
  ok(repository.bulkIter);
  const chunks = await Array.fromAsync(repository.bulkIter());
  return chunks.map((chunk) => new TextDecoder().decode(chunk)).join("").split("\0").slice(0, -1)
    .sort();
}
