/**
 * The verb `shell`: a prompt at which the pipeline is at hand.
 *
 * @module
 */

import type { Pipeline } from "../pipeline.ts";
import { opened } from "./opened.ts";
import type { Verb } from "./verb.ts";

/**
 * Reads JavaScript from standard input, statement by statement, and writes what each gives to standard output. Opens the
 * pipeline if it is not open.
 *
 * At hand are `pipeline`, its `session`, its `tasks` by name, and each task under its own name, with `_` for `-`, if
 * that does not mean something else. Statements may `await` and `import`, and what they declare stays. An error is shown
 * and ends nothing.
 *
 * On a terminal there is a prompt; Ctrl-C drops what was typed, or waits no longer for what was begun, and Ctrl-D ends.
 *
 * @param pipeline The pipeline.
 */
export async function shell(pipeline: Pipeline): Promise<void> {
  await opened(pipeline, async () => {
    const { converse } = await import("./shell_prompt.ts");
    await converse(pipeline);
  });
}

/** The verb `shell`. */
export const shellVerb: Verb = {
  name: "shell",
  summary: "Start a prompt at which the pipeline is at hand",
  details:
    `Takes JavaScript, with await and import. At hand are pipeline, its session, its tasks by name, and each task under
its own name, with "_" for "-", if that means nothing else: await count.done.info("moby"). Without a terminal,
statements are read from standard input.`,
  run: ({ pipeline }) => shell(pipeline),
};
