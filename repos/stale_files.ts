/**
 * What processes that ended left unfinished under temporary names.
 *
 * @module
 */

import { hostName } from "./atomic_file.ts";

/** What `temporaryPathFor` makes names of. */
const TEMPORARY_NAME = /^\.datatask-tmp-(.*)-(\d+)-[0-9a-f]+-\d+$/;
const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;

/**
 * Removes an unfinished file or folder whose writer cannot be there any more: one of this host whose process has ended,
 * after an hour without a change, since a process in a container may not be seen; any other after a week.
 *
 * @param folder The folder.
 * @param name The name of an entry. One that is no temporary name is left alone.
 */
export async function sweepIfStale(folder: string, name: string): Promise<void> {
  const [, host, pid] = TEMPORARY_NAME.exec(name) ?? [];
  if (pid === undefined) return;
  const path = `${folder}/${name}`;
  try {
    const age = Date.now() - (Deno.lstatSync(path).mtime?.getTime() ?? 0);
    const isKnown = host !== "" && host === hostName() && canProbe();
    if (isKnown ? age > HOUR && !await isRunning(Number(pid)) : age > WEEK) {
      await Deno.remove(path, { recursive: true });
    }
  } catch {
    // Swept by another process, or not ours to remove. It is invisible and harms nobody.
  }
}

/** Whether this program may see which processes run, without a question to the user. */
function canProbe(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}

async function isRunning(pid: number): Promise<boolean> {
  const { kill } = await import("node:process"); // which takes longer to load than a small pipeline to run
  try {
    kill(pid, 0);
    return true;
  } catch (error) {
    // Any other error tells of a process that is there but belongs to another user.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
