/**
 * What the engine did, in numbers.
 *
 * @module
 */

/** Counts of what was done since the pipeline was opened. */
export interface Stats {
  /** Repositories listed. */
  listings: number;
  /** Values and single keys read: records of ended jobs, translations, tests of one key. */
  reads: number;
  /** Records of ended jobs written. */
  writes: number;
  /** Events of stores taken in: changes of their keys. */
  events: number;
  /** Attempts started. */
  launches: number;
  /** Milliseconds in looks. */
  looking: number;
}

/** Counts of nothing. */
export function noStats(): Stats {
  return { listings: 0, reads: 0, writes: 0, events: 0, launches: 0, looking: 0 };
}
