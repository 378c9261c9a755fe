/**
 * Processes on this machine.
 *
 * @module
 */

import { InUseError, StoreError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { ResourceManager } from "../lib/resource_manager.ts";
import { Resources } from "../lib/resources.ts";
import { warn } from "../lib/warnings.ts";
import type { KeptFolder } from "./job_folders.ts";
import { JobShell } from "./job_shell.ts";
import { JobSlot } from "./job_slot.ts";
import { oneAtATime, prologue } from "./job_wrapper.ts";
import { machineError } from "./machine_error.ts";
import { Orphans } from "./orphans.ts";
import {
  isAlive,
  type NotedProcess,
  parseStat,
  type ProcessStat,
  type ProcessTable,
} from "./process_identity.ts";
import type { ProcessJob } from "./process_job.ts";
import {
  AbstractProcessManager,
  FAILED_BIT,
  type JobStart,
  type MachineView,
  type ProcessManagerOptions,
  type Uptime,
} from "./process_manager.ts";

/** Options of a {@linkcode LocalLinuxManager}. */
export interface LocalLinuxManagerOptions extends ProcessManagerOptions {
  /**
   * The folder in which the folder of the application is.
   *
   * @default {"$XDG_STATE_HOME/datatask"}
   */
  readonly localPath?: string;
}

/** How many shells there are that run one job at a time. Further jobs at the same time are started by another one. */
const MAX_SLOTS = 16;

/** Half of the least page that a machine has, in bytes. */
const HALF_PAGE = 2048;

/** How the signal KILL is shown among those that a process is about to get. */
const KILL_MASK = 1n << 8n;

/** A name for an application: one part of a path. */
const APP = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** The length in bytes of a part of a file. */
const MAX_READ = 64 * 1024;

/** The name of a journal. */
const JOURNAL = /^\.journal-\d+$/;

/**
 * Runs jobs as processes on this machine, which must be Linux. Everything is kept in `<localPath>/<app>`, which only
 * this user can read.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, InProcessMetadataRepository, LocalLinuxManager, Pipeline, ProcessTask, run } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const localPath = await Deno.makeTempDir();
 * await using manager = new LocalLinuxManager("shout", { localPath });
 * const stdin = new InProcessBlobRepository(new Map([["moby", new TextEncoder().encode("Call me Ishmael.")]]));
 * const stdout = new InProcessBlobRepository();
 * const shout = new ProcessTask("shout", new InProcessMetadataRepository(), {
 *   template: "tr a-z A-Z",
 *   manager,
 *   stdin,
 *   stdout,
 * });
 * await run(new Pipeline([shout]));
 * strictEqual(await stdout.readText("moby"), "CALL ME ISHMAEL.");
 * await manager.close();
 * await Deno.remove(localPath, { recursive: true });
 * ```
 */
export class LocalLinuxManager extends AbstractProcessManager {
  /** The absolute path of the folder in which everything is kept. */
  override readonly basedir: string;
  /** All cores and all memory of this machine, shared by all managers of this kind. */
  override readonly resources: ResourceManager;

  #lock: Deno.FsFile | undefined;
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
  #watcher: Deno.FsWatcher | undefined;
  /** The journal that is appended to. */
  #journal: { readonly name: string; readonly file: Deno.FsFile } | undefined;

  /**
   * Makes a manager; nothing is touched.
   *
   * @param app Names the folder: pipelines that may run at the same time need different names.
   * @param options Where the folder is.
   * @throws {TypeError} If `app` cannot be the name of a folder.
   */
  constructor(app: string, options: LocalLinuxManagerOptions = {}) {
    super(options);
    if (!APP.test(app)) {
      throw new TypeError(
        `Cannot call an application ${JSON.stringify(app)}: use letters, digits, "_", "-" and "."`,
      );
    }
    this.basedir = `${absolute(options.localPath ?? defaultLocalPath())}/${app}`;
    this.resources = thisMachine();
  }

  /** Makes a folder, which only this user can read, and those that lead to it. */
  override mkdir(path: string): Promise<void> {
    return attempt(`make the folder ${path}`, () => {
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    });
  }

  /** Removes a folder and what is in it; none is fine. */
  override async rmtree(path: string): Promise<void> {
    try {
      await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw machineError(`remove ${path}`, error);
    }
  }

  /** Opens a file to read it. */
  override readable(path: string): Promise<ReadableStream<Uint8Array>> {
    return attempt(`read ${path}`, () => Deno.openSync(path).readable);
  }

  /** Reads some bytes of a file that may still grow; undefined if there is no such file. */
  override readAt(path: string, offset: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return attempt(`read ${path}`, () => readFrom(path, offset, MAX_READ));
  }

  /** Opens a file to write it anew, for this user only. */
  override writable(path: string): Promise<WritableStream<Uint8Array>> {
    return attempt(
      `write ${path}`,
      () =>
        Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 }).writable,
    );
  }

  /** Makes a job's folder anew, for this user alone. */
  protected override renew(folder: string): Promise<void> {
    return attempt(`make the folder ${folder}`, () => {
      for (;;) {
        try {
          Deno.mkdirSync(folder, { mode: 0o700 });
          Deno.mkdirSync(`${folder}/cwd`, { mode: 0o700 });
          return;
        } catch (error) {
          if (error instanceof Deno.errors.AlreadyExists) {
            removeTree(folder);
          } else if (error instanceof Deno.errors.NotFound) {
            Deno.mkdirSync(folder.slice(0, folder.lastIndexOf("/")), {
              recursive: true,
              mode: 0o700,
            });
          } else throw error;
        }
      }
    });
  }

  /** Takes the state for this program; refuses if another one that runs has it. */
  protected override lock(): Promise<void> {
    return attempt(`use the folder ${this.basedir}`, () => {
      Deno.mkdirSync(this.basedir, { recursive: true, mode: 0o700 });
      this.#checkOwner();
      const path = `${this.basedir}/.lock`;
      const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      this.#lock = file;
      if (!file.tryLockSync(true)) {
        const owner = Deno.readTextFileSync(path).trim();
        throw new InUseError(
          `Cannot start jobs in ${this.basedir}: process ${
            owner || "of another program"
          } does so; wait until it has ended, or give the manager another name`,
        );
      }
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    });
  }

  /** Gives the state back. */
  protected override async unlock(): Promise<void> {
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
    this.#journal?.file.close();
    this.#journal = undefined;
    this.#lock?.unlockSync(); // a process that is just being started may have the open file as well
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Reads what the journals and the table of processes say. */
  protected override look(
    offsets: ReadonlyMap<string, number>,
    processes?: readonly number[],
  ): Promise<MachineView> {
    return attempt(`look at the jobs in ${this.basedir}`, () => {
      const table = readTable(processes);
      // Only who holds the lock begins journals: then all are known.
      const names = offsets.size > 0 ? offsets.keys() : journalsIn(this.basedir);
      const journals = new Map<string, Uint8Array>();
      for (const name of names) {
        const offset = offsets.get(name) ?? 0;
        const bytes = this.#journal?.name === name
          ? readOn(this.#journal.file, offset)
          : readFrom(`${this.basedir}/${name}`, offset);
        if (bytes !== undefined) journals.set(name, bytes);
      }
      return { table, journals };
    });
  }

  /** Appends lines to a journal, in one write. */
  protected override append(journal: string, lines: string): Promise<void> {
    return attempt(`write to the journal ${this.basedir}/${journal}`, () => {
      const path = `${this.basedir}/${journal}`;
      if (this.#journal?.name === journal) return writeAll(this.#journal.file, lines);
      const file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
      if (this.#lock === undefined) {
        try {
          return writeAll(file, lines);
        } finally {
          file.close();
        }
      }
      this.#journal?.file.close();
      this.#journal = { name: journal, file };
      writeAll(file, lines);
    });
  }

  /** Removes journals that are not needed any more. */
  protected override removeJournals(journals: readonly string[]): Promise<void> {
    return attempt(`remove old journals in ${this.basedir}`, () => {
      for (const journal of journals) removeTree(`${this.basedir}/${journal}`);
    });
  }

  /** Sets the bit. */
  protected override markFailed(folder: string): Promise<void> {
    return attempt(`mark ${folder}`, () => Deno.chmodSync(folder, 0o700 | FAILED_BIT));
  }

  /** Reads the folders of the tasks. */
  protected override listFolders(): Promise<ReadonlyMap<string, KeptFolder>> {
    return attempt(`list the folders in ${this.basedir}`, () => {
      const folders = new Map<string, KeptFolder>();
      for (const task of foldersIn(this.basedir)) {
        for (const path of foldersIn(task)) {
          const { mtime, mode } = Deno.statSync(path);
          folders.set(path, {
            since: mtime?.getTime() ?? 0,
            failed: ((mode ?? 0) & FAILED_BIT) !== 0,
          });
        }
      }
      return folders;
    });
  }

  /** Which boot of the machine this is, and how long it has been up. */
  protected override uptime(): Promise<Uptime> {
    return attempt("learn when this machine was started", () => {
      const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ", 1)[0]);
      return { boot: bootId(), uptime: uptime * 1000 };
    });
  }

  /**
   * Hands each job to a shell that runs one at a time; if too many run, to one that starts many. The end of a shell of the
   * first kind is heard of, and then it is looked for its job; before that, no look is needed.
   */
  protected override async dispatch(starts: readonly JobStart[]): Promise<void> {
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
        await super.dispatch(others);
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
    const slot = await JobSlot.start(() => this.#refresh()).finally(() => this.#starting--);
    if (slot === undefined) return undefined;
    this.#slots.add(slot);
    this.#groups.add(slot.pid);
    slot.ended.catch(() => {}) // it cannot be heard, which is the same
      .then(() => this.#lose(slot)).catch((error) => warn(headline(error)));
    await this.noteShell(slot.pid, slot.start);
    await slot.send(oneAtATime(this.grace));
    return slot;
  }

  /** Looks for the job of a shell that has ended. */
  async #lose(slot: JobSlot): Promise<void> {
    const job = this.#running.get(slot);
    this.#running.delete(slot);
    this.#slots.delete(slot);
    this.#groups.delete(slot.pid);
    this.#idle = this.#idle.filter((other) => other !== slot);
    this.forgetShell(slot.pid);
    if (job === undefined) return;
    try {
      await this.refresh();
      // What kills the group of a job kills that shell, too. What kills the shell alone leaves the job.
      job.endedWithShell = job.process !== undefined && job.end === undefined &&
        isKilled(job.process);
    } finally {
      this.reached("shell lost");
      this.lookSoon();
    }
  }

  /** Resolves when nothing is left of a job that has ended; undefined if nothing is. */
  override cleared(job: ProcessJob): Promise<void> | undefined {
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
    const since = this.env.elapsed();
    for (let wait = 1; this.#isLeft(slot); wait = Math.min(2 * wait, 100)) {
      if (this.env.elapsed() - since >= this.grace * 1000) {
        slot.keepAlive(true);
        await this.signal(-slot.pid, "SIGKILL");
        return await slot.ended;
      }
      await this.pause(wait, slot.ended);
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
  protected override async send(lines: string): Promise<void> {
    if (this.#shell === undefined) {
      const shell = new JobShell(() => this.#refresh());
      this.#shell = shell;
      this.#shells.add(shell);
      shell.ended.then(() => {
        if (this.#shell !== shell) return;
        this.#shell = undefined;
        this.lookSoon();
      });
      this.#starter = { pid: shell.pid, start: parseStat(readProc(shell.pid) ?? "")?.start ?? 0 };
      await this.noteShell(shell.pid, this.#starter.start);
      await shell.send(prologue(this.grace));
    }
    await this.#shell.send(lines);
  }

  /** Sends a signal to the group of a process; false if it is gone. */
  protected override signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    return attempt(`end process ${Math.abs(pid)}`, () => {
      try {
        Deno.kill(pid, signal);
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
  }

  /** Begins to hear of ends, when jobs run. */
  protected override onBusy(): void {
    this.#keepAlive(true);
  }

  /** As the manager of any machine. */
  protected override onAdopted(): void {
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(this.basedir, { recursive: false });
    } catch (error) {
      warn(`${this.basedir} cannot be watched, and is looked at now and then: ${headline(error)}`);
      return;
    }
    this.#watcher = watcher;
    (async () => {
      for await (const _event of watcher) this.#refresh();
    })();
    this.#refresh(); // what came before the watch
  }

  /** Stops to hear of ends, when none runs. */
  protected override onIdle(): void {
    this.#keepAlive(false);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #keepAlive(alive: boolean): void {
    this.#shell?.keepAlive(alive);
    for (const slot of this.#slots) slot.keepAlive(alive);
  }

  #refresh(): void {
    this.refresh().catch((error) => warn(headline(error)));
  }

  /** Another user must not be able to put scripts or results there. */
  #checkOwner(): void {
    const { isSymlink, uid, mode } = Deno.lstatSync(this.basedir);
    if (isSymlink || uid !== Deno.uid()) {
      throw new StoreError(
        `Cannot use the folder ${this.basedir}: it ${
          isSymlink ? "is a symbolic link" : "belongs to another user"
        }; move it away or choose another one with the option localPath`,
      );
    }
    if (((mode ?? 0) & 0o077) !== 0) Deno.chmodSync(this.basedir, 0o700);
  }
}

let machine: ResourceManager | undefined;

function thisMachine(): ResourceManager {
  return machine ??= new ResourceManager(
    Resources.parse(navigator.hardwareConcurrency, Deno.systemMemoryInfo().total),
  );
}

let boot: string | undefined;

function bootId(): string {
  return boot ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

function defaultLocalPath(): string {
  const state = Deno.env.get("XDG_STATE_HOME") || `${Deno.env.get("HOME") ?? "/"}/.local/state`;
  return `${state}/datatask`;
}

function absolute(path: string): string {
  return (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).replace(/\/+$/, "");
}

function attempt<T>(doing: string, action: () => T): Promise<T> {
  return Promise.try(() => {
    try {
      return action();
    } catch (error) {
      throw error instanceof StoreError ? error : machineError(doing, error);
    }
  });
}

function readTable(pids: readonly number[] = allProcesses()): ProcessTable {
  const processes = new Map<number, ProcessStat>();
  for (const pid of pids) {
    const stat = parseStat(readProc(pid) ?? "");
    if (stat !== undefined) processes.set(pid, stat);
  }
  return { boot: bootId(), processes };
}

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

function journalsIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
      JOURNAL.test(name)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function foldersIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => `${folder}/${name}`);
}

/** What is in a file behind an offset, or a part of it; undefined if there is no such file. */
function readFrom(
  path: string,
  offset: number,
  limit = Infinity,
): Uint8Array<ArrayBuffer> | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return readOn(file, offset, limit);
  } finally {
    file.close();
  }
}

function readOn(file: Deno.FsFile, offset: number, limit = Infinity): Uint8Array<ArrayBuffer> {
  file.seekSync(offset, Deno.SeekMode.Start);
  let buffer = new Uint8Array(8192);
  let size = 0;
  for (let read; (read = file.readSync(buffer.subarray(size))) !== null;) {
    size += read;
    if (size < buffer.length || size >= limit) break; // less than is asked for is all there is
    const longer = new Uint8Array(2 * buffer.length);
    longer.set(buffer);
    buffer = longer;
  }
  return buffer.subarray(0, size);
}

function writeAll(file: Deno.FsFile, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
