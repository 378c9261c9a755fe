/**
 * Errors that scripts may look for in the words of pydatatask.
 *
 * @module
 */

import { EXIT } from "./exit_code.ts";
import { writeMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** What is shown as pydatatask shows it: `Error: ` and the message, to the letter. */
export class OriginalError extends UsageError {
  /** `"OriginalError"`. */
  override name = "OriginalError";
}

/**
 * Shows an {@linkcode OriginalError}, and what lies beneath it before.
 *
 * @param action What may fail with one.
 * @returns The exit code.
 */
export async function showingOriginalErrors(action: Promise<void>): Promise<number> {
  try {
    await action;
    return EXIT.OK;
  } catch (error) {
    if (!(error instanceof OriginalError)) throw error;
    if (error.cause instanceof Error) writeMessage(`${error.cause.message}\n`);
    writeMessage(`Error: ${error.message}\n`);
    return EXIT.USAGE;
  }
}
