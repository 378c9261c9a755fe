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
import type { LocalProcesses } from "./local_processes.ts";
import { machineError } from "./machine_error.ts";
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

/** A name for an application: one part of a path. */
const APP = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** The length in bytes of a part of a file. */
const MAX_READ = 64 * 1024;

/** For how many milliseconds at once it is waited for the number of the process that has taken the folder, at most. */
const LONGEST_WAIT = 64;

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
  /** What works with processes, once they are looked at or the folder is taken. */
  #loading: Promise<LocalProcesses> | undefined;
  #processes: LocalProcesses | undefined;
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
  protected override async lock(): Promise<void> {
    if (this.#processes === undefined) await this.#load();
    const doing = `use the folder ${this.basedir}`;
    const path = `${this.basedir}/.lock`;
    const isTaken = await attempt(doing, () => {
      Deno.mkdirSync(this.basedir, { recursive: true, mode: 0o700 });
      this.#checkOwner();
      const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      this.#lock = file;
      if (!file.tryLockSync(true)) return false;
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
      return true;
    });
    if (isTaken) return;
    let owner: string;
    for (let wait = 1;; wait *= 2) { // who has just taken it is about to write down who he is
      owner = await attempt(doing, () => Deno.readTextFileSync(path).trim());
      if (owner !== "" || wait > LONGEST_WAIT) break;
      await this.pause(wait);
    }
    throw new InUseError(
      `Cannot start jobs in ${this.basedir}: ${
        owner === "" ? "another program" : `process ${owner}`
      } does so; wait until it has ended, or give the manager another name`,
    );
  }

  /** Gives the state back. */
  protected override async unlock(): Promise<void> {
    await this.#processes?.close();
    this.#journal?.file.close();
    this.#journal = undefined;
    this.#lock?.unlockSync(); // a process that is just being started may have the open file as well
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Reads what the journals and the table of processes say. */
  protected override look(
    offsets: ReadonlyMap<string, number>,
    pids?: readonly number[],
  ): Promise<MachineView> {
    const see = (processes: LocalProcesses): Promise<MachineView> =>
      attempt(`look at the jobs in ${this.basedir}`, () => {
        const table = processes.table(pids);
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
    return this.#processes === undefined ? this.#load().then(see) : see(this.#processes);
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
  protected override async uptime(): Promise<Uptime> {
    const processes = this.#processes ?? await this.#load();
    return await attempt("learn when this machine was started", () => processes.uptime());
  }

  /**
   * Hands each job to a shell that runs one at a time; if too many run, to one that starts many. The end of a shell of the
   * first kind is heard of, and then it is looked for its job; before that, no look is needed.
   */
  protected override dispatch(starts: readonly JobStart[]): Promise<void> {
    return this.#processes?.dispatch(starts) ??
      this.#load().then((processes) => processes.dispatch(starts));
  }

  /** Resolves when nothing is left of a job that has ended; undefined if nothing is. */
  override cleared(job: ProcessJob): Promise<void> | undefined {
    return this.#processes?.cleared(job);
  }

  /** Hands lines to the shell that starts jobs. */
  protected override send(lines: string): Promise<void> {
    return this.#processes?.send(lines) ??
      this.#load().then((processes) => processes.send(lines));
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
    this.#processes?.keepAlive(true);
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
    this.#processes?.keepAlive(false);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #refresh(): void {
    this.refresh().catch((error) => warn(headline(error)));
  }

  #load(): Promise<LocalProcesses> {
    return this.#loading ??= import("./local_processes.ts").then(({ LocalProcesses }) =>
      this.#processes = new LocalProcesses(this, {
        env: this.env,
        onNotice: () => this.#refresh(),
        startMany: (starts) => super.dispatch(starts),
        noteShell: (pid, start) => this.noteShell(pid, start),
        forgetShell: (pid) => this.forgetShell(pid),
        lookSoon: () => this.lookSoon(),
        signal: (pid, signal) => this.signal(pid, signal),
      })
    );
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
