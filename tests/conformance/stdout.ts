/**
 * What goes to standard output.
 *
 * @module
 */

import { Captured } from "../lib/cli/captured.ts";

/** What a function writes to standard output. */
export async function captured(write: () => Promise<unknown>): Promise<string> {
  using output = new Captured();
  await write();
  return output.text;
}
