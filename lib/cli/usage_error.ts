/**
 * The error of a command line that asks for what there is not.
 *
 * @module
 */

/** A verb, an option, a name or a word of the command line is wrong. Ends the program with code 2. */
export class UsageError extends Error {
  /** `"UsageError"`. */
  override name = "UsageError";
}
