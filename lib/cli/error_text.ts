/**
 * Errors for people.
 *
 * @module
 */

import { NotFoundError } from "../errors.ts";
import { headline } from "../failure.ts";
import { printable } from "./output.ts";

/**
 * An error as the command line shows it: what lies beneath first, what was being done last, where the eye falls.
 *
 * @param error What was thrown.
 * @param stack Whether to show where it was thrown.
 * @returns Text, with a line end.
 */
export function errorText(error: unknown, stack: boolean): string {
  if (error instanceof SuppressedError) { // closing failed, after what matters more
    return errorText(error.error, stack) + errorText(error.suppressed, stack);
  }
  if (stack) return `${Deno.inspect(error)}\nerror: ${headline(error)}\n`;
  const message = messageOf(error);
  const causes: string[] = [];
  if (error instanceof NotFoundError) return `error: ${inLines(message)}\n`; // its cause says the same once more
  const seen = new Set<unknown>([error]);
  for (let at = causeOf(error); at !== undefined && !seen.has(at); at = causeOf(at)) {
    seen.add(at);
    // Most messages quote their cause already.
    if (!message.includes(messageOf(at))) causes.unshift(`because of ${printable(headline(at))}\n`);
  }
  return `${causes.join("")}error: ${inLines(message)}\n`;
}

function inLines(message: string): string {
  return message.split("\n").map(printable).join("\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : headline(error);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
