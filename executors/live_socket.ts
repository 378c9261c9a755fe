/**
 * Where programs that run jobs of a task in themselves can be asked about these.
 *
 * @module
 */

import { fingerprint } from "../lib/fingerprint.ts";
import { mainModule } from "../lib/main_module.ts";
import { stateFolder } from "../lib/state_folder.ts";
import type { Task } from "../lib/task.ts";

/** What is asked: one line of JSON, which is answered by another; behind that of `logs`, the text follows. */
export type LiveQuestion =
  /** Which jobs run: when each was started, by job. */
  | { readonly ask: "list" }
  /** To end a job: whether it ran. */
  | { readonly ask: "cancel"; readonly job: string }
  /** What a job has written so far, or until it ends: whether it is known. */
  | { readonly ask: "logs"; readonly job: string; readonly follow: boolean };

/** The sockets of programs that run jobs of one task. */
export interface LivePlace {
  /** The folder of all sockets. */
  readonly folder: string;
  /** How the names of those begin that are for this task. */
  readonly prefix: string;
}

/**
 * Where the programs can be asked that run jobs of a task.
 *
 * Those are the same task that have the same main module, working folder, name, and store for their records.
 *
 * @param task The task.
 * @returns The place; `undefined` where the program may not use it, or the jobs are no others' business, for their records
 * are in memory.
 */
export function livePlace(task: Task): LivePlace | undefined {
  if (task.done.isInMemory || Deno.build.os === "windows") return undefined;
  const state = stateFolder();
  if (state === undefined) return undefined;
  const folder = `${state}/live`;
  const permissions: Deno.PermissionDescriptor[] = [
    { name: "net" },
    { name: "read" },
    { name: "write", path: folder },
  ];
  for (const permission of permissions) { // nobody is asked for what the program can do without
    if (Deno.permissions.querySync(permission).state !== "granted") return undefined;
  }
  const identity = [mainModule(), Deno.cwd(), task.name, String(task.done)];
  return { folder, prefix: `${fingerprint(JSON.stringify(identity))}-` };
}
