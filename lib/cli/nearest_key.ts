/**
 * Guesses which key was meant.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import { didYouMean } from "./suggest.ts";

/** How many keys are looked at: a guess is not worth the listing of millions. */
const MAX_KEYS = 20_000;

/**
 * The end of a sentence that says that there is no such key.
 *
 * @param job What was given.
 * @param repositories Where it was looked for.
 * @returns Text to be appended: `; did you mean "x"?`, or nothing, also if the repositories cannot be listed.
 */
export async function nearestKey(job: string, repositories: Iterable<Repository>): Promise<string> {
  const keys = new Set<string>();
  for (const repository of repositories) {
    try {
      for await (const key of repository) {
        if (keys.add(key).size === MAX_KEYS) return didYouMean(job, keys);
      }
    } catch {
      // that the key is missing is what there is to tell
    }
  }
  return didYouMean(job, keys);
}
