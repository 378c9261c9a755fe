/**
 * What `/proc` says of this machine and its processes.
 *
 * @module
 */

import { parseStat, type ProcessStat, type ProcessTable } from "./process_identity.ts";

let boot: string | undefined;

/** Names the time since this machine was started. */
export function bootId(): string {
  return boot ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/**
 * The processes of this machine.
 *
 * @param pids Which ones; all, if it is not given.
 * @returns Those of them that are there.
 */
export function readTable(pids: readonly number[] = allProcesses()): ProcessTable {
  const processes = new Map<number, ProcessStat>();
  for (const pid of pids) {
    const stat = parseStat(readProc(pid) ?? "");
    if (stat !== undefined) processes.set(pid, stat);
  }
  return { boot: bootId(), processes };
}

/** All processes of this machine. */
export function allProcesses(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

/** What a file of `/proc/PID` says; undefined if there is no such process. */
export function readProc(pid: number, file: "stat" | "status" = "stat"): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error && error.message.includes("os error 3")) return undefined;
    throw error;
  }
}
