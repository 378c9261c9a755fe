/**
 * Ends of processes that nobody has asked for.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { JobError } from "../lib/errors.ts";

/**
 * Why a process of functions has ended by itself.
 *
 * @param status How it has ended.
 * @param text What it has written to standard error last.
 * @param usedUp Whether memory was short when it ended.
 * @returns The failure of the function that ran in it.
 */
export function exitError(
  { code, signal }: Deno.CommandStatus,
  text: string,
  usedUp: boolean,
): JobError {
  // Signal 5 is how V8 ends a process whose heap is full, 9 how the system does whose memory is, and anyone else.
  const full = /heap out of memory|Fatal JavaScript out of memory|heap limit/i.test(text);
  if (full || (signal === "SIGKILL" && usedUp)) {
    return new JobError("The function needs more memory than it may have", { class: "oom" });
  }
  if (signal === "SIGKILL") {
    return new JobError("The process of the function was killed", { class: "infra" });
  }
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  const last = stripVTControlCharacters(text).trim().split("\n").slice(0, 3).join(" ").slice(
    0,
    500,
  );
  return new JobError(
    `The function has ended its process, ${how}${last === "" ? "" : `: ${last}`}`,
    {
      class: "user",
    },
  );
}
