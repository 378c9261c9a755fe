/**
 * Errors of the machine on which jobs run.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";

/**
 * The error to throw for one that the machine gave.
 *
 * @param doing What was being done and to what, as it goes on from "Cannot".
 * @param error What was thrown.
 * @returns A `StoreError` that says what to do.
 */
export function machineError(doing: string, error: unknown): StoreError {
  const happened = error instanceof Error ? error.message : String(error);
  const next = /os error 28|os error 122|No space/.test(happened)
    ? "free some space and try again"
    : /os error 13|os error 1\b|os error 30/.test(happened)
    ? "give this user access to it, or choose another folder with the option localPath"
    : "see that the machine works, and try again";
  return new StoreError(`Cannot ${doing}: ${happened}; ${next}`, { cause: error });
}
