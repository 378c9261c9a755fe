/**
 * The processes of jobs on this machine, and the shells that start them.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { headline } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";
import type { JobShell } from "./job_shell.ts";
import { JobSlot } from "./job_slot.ts";
import { oneAtATime, prologue } from "./job_wrapper.ts";
import { Orphans } from "./orphans.ts";
import {
  isAlive,
  type NotedProcess,
  parseStat,
  type ProcessStat,
  type ProcessTable,
} from "./process_identity.ts";
import type { ProcessJob } from "./process_job.ts";
import type { AbstractProcessManager, JobStart, Uptime } from "./process_manager.ts";

/** How many shells there are that run one job at a time. Further jobs at the same time are started by another one. */
const MAX_SLOTS = 16;

/** Half of the least page that a machine has, in bytes. */
const HALF_PAGE = 2048;

/** How the signal KILL is shown among those that a process is about to get. */
const KILL_MASK = 1n << 8n;

/** The length in bytes of a part of a file. */
const MAX_READ = 64 * 1024;

/** What only the manager itself may do: mostly as its protected members of the same names. */
export interface ShellOwner {
  /** The clock, timers and fault points. */
  readonly env: Env;
  /** Called when a shell says something: a job may have ended. */
  onNotice(): void;
  /** Hands jobs to one shell that starts many, by {@linkcode LocalProcesses.send}, and looks for them now and then. */
  startMany(starts: readonly JobStart[]): Promise<void>;
  /** Takes note of a shell that will start jobs. */
  noteShell(pid: number, start: number): Promise<void>;
  /** Takes note that a shell has ended. */
  forgetShell(pid: number): void;
  /** Looks soon for jobs whose ends nobody tells of. */
  lookSoon(): void;
  /** Sends a signal to a process or a process group. */
  signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean>;
}

/** Starts jobs on this machine, while the folder of their manager is taken, and sees what is there of them. */
export class LocalProcesses {
  readonly #manager: AbstractProcessManager;
  readonly #owner: ShellOwner;
  /** The shell that starts many jobs, and what tells it from others. */
  #shell: JobShell | undefined;
  #starter: ProcessJob["shell"];
  /** All shells that were started, of which wrappers may be left. */
  readonly #shells = new Set<JobShell>();
  /** The shells that run one job at a time, and of these those that run none. */
  readonly #slots = new Set<JobSlot>();
  #idle: JobSlot[] = [];
  /** The numbers of their process groups. */
  readonly #groups = new Set<number>();
  /** The job that each of the others runs. */
  readonly #running = new Map<JobSlot, ProcessJob>();
  /** How many of them are being started. */
  #starting = 0;
  /** Tells what jobs leave in their sessions. */
  #orphans: { readonly found: Orphans; readonly parent: number; close(): void } | undefined;
  /** Jobs that have ended, and what they left is being ended. */
  readonly #clearing = new Map<ProcessJob, Promise<void>>();

  /** Makes it; nothing is started. */
  constructor(manager: AbstractProcessManager, owner: ShellOwner) {
    this.#manager = manager;
    this.#owner = owner;
  }

  /** Which processes there are: of those that are given, or of all. */
  table(pids?: readonly number[]): ProcessTable {
    return readTable(pids);
  }

  /** Which boot of this machine this is, and how long it has been up. */
  uptime(): Uptime {
    const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ", 1)[0]);
    return { boot: bootId(), uptime: uptime * 1000 };
  }

  /** Keeps the program alive while shells are there, or no longer. */
  keepAlive(alive: boolean): void {
    this.#shell?.keepAlive(alive);
    for (const slot of this.#slots) slot.keepAlive(alive);
  }

  /** Lets the shells end. Jobs go on. */
  async close(): Promise<void> {
    this.#shell = undefined;
    await Promise.all(this.#clearing.values());
    this.#running.clear(); // who comes next looks for them
    const idle = new Set(this.#idle);
    this.#idle = [];
    for (const slot of this.#slots) await (idle.has(slot) ? slot.dismiss() : slot.close());
    this.#orphans?.close();
    this.#orphans = undefined;
    for (const shell of this.#shells) await shell.close();
    this.#shells.clear();
  }

  /**
   * Hands each job to a shell that runs one at a time; if too many run, to one that starts many. The end of a shell of the
   * first kind is heard of, and then it is looked for its job; before that, no look is needed.
   */
  async dispatch(starts: readonly JobStart[]): Promise<void> {
    const others: JobStart[] = [];
    const sent = await Promise.allSettled(starts.map(async (start) => {
      const { job, line } = start;
      const slot = this.#idle.pop() ?? await this.#startSlot();
      if (slot === undefined) {
        others.push(start);
        return;
      }
      job.shell = slot;
      this.#running.set(slot, job);
      job.ended.then(() => this.#vacate(slot, job));
      await slot.send(line);
    }));
    if (others.length > 0) {
      try {
        await this.#owner.startMany(others);
      } finally {
        for (const { job } of others) job.shell = this.#starter;
      }
    }
    for (const result of sent) if (result.status === "rejected") throw result.reason;
  }

  /** Starts a shell that runs one job at a time, unless there are enough, or none can be started. */
  async #startSlot(): Promise<JobSlot | undefined> {
    if (this.#slots.size + this.#starting >= MAX_SLOTS) return undefined;
    this.#starting++;
    const slot = await JobSlot.start(() => this.#owner.onNotice()).finally(() => this.#starting--);
    if (slot === undefined) return undefined;
    this.#slots.add(slot);
    this.#groups.add(slot.pid);
    slot.ended.catch(() => {}) // it cannot be heard, which is the same
      .then(() => this.#lose(slot)).catch((error) => warn(headline(error)));
    await this.#owner.noteShell(slot.pid, slot.start);
    await slot.send(oneAtATime(this.#manager.grace));
    return slot;
  }

  /** Looks for the job of a shell that has ended. */
  async #lose(slot: JobSlot): Promise<void> {
    const job = this.#running.get(slot);
    this.#running.delete(slot);
    this.#slots.delete(slot);
    this.#groups.delete(slot.pid);
    this.#idle = this.#idle.filter((other) => other !== slot);
    this.#owner.forgetShell(slot.pid);
    if (job === undefined) return;
    try {
      await this.#manager.refresh();
      // What kills the group of a job kills that shell, too. What kills the shell alone leaves the job.
      job.endedWithShell = job.process !== undefined && job.end === undefined &&
        isKilled(job.process);
    } finally {
      this.#manager.reached("shell lost");
      this.#owner.lookSoon();
    }
  }

  /** Resolves when nothing is left of a job that has ended; undefined if nothing is. */
  cleared(job: ProcessJob): Promise<void> | undefined {
    return this.#clearing.get(job);
  }

  /** Lets a shell run another job when nothing is left of its last one. */
  #vacate(slot: JobSlot, job: ProcessJob): void {
    this.#running.delete(slot);
    if (!this.#slots.has(slot)) return;
    if (!this.#isLeft(slot)) return this.#reuse(slot, job);
    const clearing = this.#clear(slot).then(
      () => {
        if (this.#slots.has(slot)) this.#reuse(slot, job);
      },
      (error) => {
        warn(`What "${job.job}" of task "${job.task}" left cannot be ended: ${headline(error)}`);
        slot.close();
      },
    ).finally(() => this.#clearing.delete(job));
    this.#clearing.set(job, clearing);
  }

  /** One whose job somebody wanted to end may still be hit by a signal, and is not used again. */
  #reuse(slot: JobSlot, job: ProcessJob): void {
    if (job.killed === undefined && job.end?.code !== undefined) this.#idle.push(slot);
    else slot.dismiss();
  }

  /** Waits for the end of what a job has left, which its shell has told to end; after the grace time ends that and the shell. */
  async #clear(slot: JobSlot): Promise<void> {
    const since = this.#owner.env.elapsed();
    for (let wait = 1; this.#isLeft(slot); wait = Math.min(2 * wait, 100)) {
      if (this.#owner.env.elapsed() - since >= this.#manager.grace * 1000) {
        slot.keepAlive(true);
        await this.#owner.signal(-slot.pid, "SIGKILL");
        return await slot.ended;
      }
      await this.#manager.pause(wait, slot.ended);
      if (!this.#slots.has(slot)) return;
    }
  }

  #isLeft(slot: JobSlot): boolean {
    if (this.#orphans?.parent !== slot.parent) {
      this.#orphans?.close();
      this.#orphans = orphansOf(slot.parent);
    }
    return this.#orphans.found.isLeft(slot.pid, this.#groups);
  }

  /** Hands lines to the shell that starts jobs. */
  async send(lines: string): Promise<void> {
    if (this.#shell === undefined) {
      const { JobShell } = await import("./job_shell.ts"); // few runs have so many jobs at a time
      const shell = new JobShell(() => this.#owner.onNotice());
      this.#shell = shell;
      this.#shells.add(shell);
      shell.ended.then(() => {
        if (this.#shell !== shell) return;
        this.#shell = undefined;
        this.#owner.lookSoon();
      });
      this.#starter = { pid: shell.pid, start: parseStat(readProc(shell.pid) ?? "")?.start ?? 0 };
      await this.#owner.noteShell(shell.pid, this.#starter.start);
      await shell.send(prologue(this.#manager.grace));
    }
    await this.#shell.send(lines);
  }
}

/** Whether a process has ended, or is about to because it was killed. */
function isKilled(process: NotedProcess): boolean {
  if (!isAlive(readTable([process.pid]), process)) return true;
  const status = readProc(process.pid, "status") ?? "";
  const pending = status.matchAll(/^(?:Sig|Shd)Pnd:\s*([0-9a-f]+)$/gm);
  return status === "" || pending.some(([, mask]) => (BigInt(`0x${mask}`) & KILL_MASK) !== 0n);
}

/** What tells of processes that lose their parent, where that process takes them over. */
function orphansOf(parent: number): { found: Orphans; parent: number; close(): void } {
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(`/proc/${parent}/task/${parent}/children`);
  } catch { /* not every kernel has it, and not every user may read it */ }
  const buffer = new Uint8Array(MAX_READ);
  const found = new Orphans({
    children: () => {
      try {
        file?.seekSync(0, Deno.SeekMode.Start);
        let size = 0;
        for (let read: number; (read = file?.readSync(buffer.subarray(size)) ?? 0) > 0;) {
          size += read;
          if (read < HALF_PAGE) break; // what is longer comes in parts of nearly a page
        }
        return buffer.subarray(0, size);
      } catch {
        return undefined; // that process has ended
      }
    },
    group: (pid) => {
      try {
        const stat = parseStat(readProc(pid) ?? "");
        return stat === undefined || stat.state === "Z" ? undefined : stat.group;
      } catch {
        return undefined; // another user's
      }
    },
    all: allProcesses,
  });
  return { found, parent, close: () => file?.close() };
}

let boot: string | undefined;

/** Names the time since this machine was started. */
function bootId(): string {
  return boot ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/**
 * The processes of this machine.
 *
 * @param pids Which ones; all, if it is not given.
 * @returns Those of them that are there.
 */
function readTable(pids: readonly number[] = allProcesses()): ProcessTable {
  const processes = new Map<number, ProcessStat>();
  for (const pid of pids) {
    const stat = parseStat(readProc(pid) ?? "");
    if (stat !== undefined) processes.set(pid, stat);
  }
  return { boot: bootId(), processes };
}

/** All processes of this machine. */
function allProcesses(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

/** What a file of `/proc/PID` says; undefined if there is no such process. */
function readProc(pid: number, file: "stat" | "status" = "stat"): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error && error.message.includes("os error 3")) return undefined;
    throw error;
  }
}
