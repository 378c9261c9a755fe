/**
 * Places where processes run.
 *
 * @module
 */

import { type Env, systemEnv } from "../lib/env.ts";
import { JobIdError, PipelineError } from "../lib/errors.ts";
import type { ResourceManager } from "../lib/resource_manager.ts";
import type { KeptFolder } from "./job_folders.ts";
import type { ProcessBooks } from "./process_books.ts";
import type { ProcessTable } from "./process_identity.ts";
import type { ProcessJob } from "./process_job.ts";

/** The bit in the mode of a folder that says that its job failed. */
export const FAILED_BIT = 0o1000;

/** A job for a process manager. */
export interface ProcessLaunch {
  /** Its task. */
  readonly task: string;
  /** Its id. */
  readonly job: string;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** When the attempt began, in milliseconds since 1970 UTC. */
  readonly started: number;
  /** The script. Without a `#!` line it is run by `/bin/sh`. */
  readonly script: string;
  /** What is added to the environment. */
  readonly environ: Readonly<Record<string, string>>;
  /** Whether the file `stdin` in its folder is its standard input; otherwise that is empty. */
  readonly stdin: boolean;
  /** Whether its standard error goes where its standard output goes, and not to a file of its own. */
  readonly interleaved: boolean;
}

/** A job that is to be started, and what a shell is told to start it. */
export interface JobStart {
  /** The job. */
  readonly job: ProcessJob;
  /** The lines. */
  readonly line: string;
}

/** What a process manager sees when it looks at its machine. */
export interface MachineView {
  /**
   * The processes, seen before the journals are read: the wrapper of a job that is gone here has written down its end
   * there.
   */
  readonly table: ProcessTable;
  /** What was appended to each journal behind the offset that was asked for. */
  readonly journals: ReadonlyMap<string, Uint8Array>;
}

/** For how long a machine has been up. */
export interface Uptime {
  /** Names the time since it was started. */
  readonly boot: string;
  /** Milliseconds since then, by its own clock that nobody sets. */
  readonly uptime: number;
}

/** Options of every process manager. */
export interface ProcessManagerOptions {
  /** Seconds between TERM and KILL, when a job is ended. @default {5} */
  readonly grace?: number;
  /**
   * How many folders of jobs that have ended stay, so that somebody can look into them; none stays longer than 30 days.
   * Those of jobs that failed are the last to be removed, unless they are more than half of all.
   *
   * @default {2000}
   */
  readonly keptFolders?: number;
  /** The clock, timers and fault points that it uses: for tests. */
  readonly env?: Env;
}

/**
 * A machine on which jobs run as processes that go on without this program.
 *
 * Each job has a folder `<basedir>/<task>/<job>/` with its working directory `cwd`, and the files `stdout`, `stderr`,
 * `stdin` and `exe` as they are needed. The latest stay when their jobs have ended. While it runs, a job has a
 * process group that it shares with no other job. It is ended by TERM to its process group, and KILL when it is still
 * there after the grace time; what it leaves running in its group when it ends by itself is ended in the same way, and
 * only then does the program that has started it take in its end. The signals INT and QUIT are ignored by it, as by all
 * that a shell runs in the background.
 *
 * What was started and how it ended is kept in journals in `basedir`, to which the wrappers of the jobs write, so that
 * it is known whatever becomes of this program. Only one program at a time can start jobs there.
 *
 * A manager for another kind of machine needs the abstract members: how to lock and look, to write and send, to signal,
 * and to read and write files.
 */
export abstract class AbstractProcessManager implements AsyncDisposable {
  /** The absolute path, on the machine, of the folder in which everything is kept. */
  abstract readonly basedir: string;
  /** What the jobs of all tasks that use the manager may take together, unless the tasks say otherwise. */
  abstract readonly resources: ResourceManager;
  /** Seconds between TERM and KILL, when a job is ended. */
  readonly grace: number;

  /** The clock, timers and fault points. */
  protected readonly env: Env;

  readonly #keptFolders: number;
  /** The tasks that need it to be open, by name. */
  readonly #tasks = new Map<string, unknown>();
  /** Whether it was opened for no task. */
  #held = false;
  /** What is known of its jobs, once it is opened or looked at. */
  #loading: Promise<ProcessBooks> | undefined;
  #books: ProcessBooks | undefined;
  #opening: Promise<ProcessBooks> | undefined;
  #closing: Promise<void> | undefined;

  /** Makes a manager; the machine is not touched. */
  constructor(options: ProcessManagerOptions = {}) {
    this.grace = options.grace ?? 5;
    this.env = options.env ?? systemEnv;
    this.#keptFolders = options.keptFolders ?? 2000;
  }

  /** Makes the folder {@linkcode basedir}, private to this user, and makes sure that no other program starts jobs there. */
  protected abstract lock(): Promise<void>;

  /** Gives up the lock, and whatever else is open. Jobs go on. */
  protected abstract unlock(): Promise<void>;

  /**
   * Looks at the machine: in one round trip, where it is far.
   *
   * @param offsets How much of each journal is known. A journal that is not among them is read from its beginning.
   * @param processes Which processes to look for; all, if it is not given; none need be looked for, if it is empty.
   * @returns What is there. Without a folder, or journals in it, there are no journals.
   */
  protected abstract look(
    offsets: ReadonlyMap<string, number>,
    processes?: readonly number[],
  ): Promise<MachineView>;

  /** Appends whole lines to a journal, at once, making the file if it is not there. */
  protected abstract append(journal: string, lines: string): Promise<void>;

  /** Removes journals. */
  protected abstract removeJournals(journals: readonly string[]): Promise<void>;

  /** Marks the folder of a job that failed, for whoever comes next: by its sticky bit, which costs a list of folders nothing. */
  protected abstract markFailed(folder: string): Promise<void>;

  /** The folders of jobs in {@linkcode basedir}. */
  protected abstract listFolders(): Promise<ReadonlyMap<string, KeptFolder>>;

  /** For how long the machine has been up. */
  protected abstract uptime(): Promise<Uptime>;

  /**
   * Tells a shell on the machine, which is started if none is there, to run lines; and resolves when they are sent. A
   * shell that is started is told the {@linkcode prologue} first, and written to the journal by {@linkcode noteShell}.
   */
  protected abstract send(lines: string): Promise<void>;

  /** Sends a signal to a process, or to a process group if the number is negative; false if there is none. */
  protected abstract signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean>;

  /** Called when jobs run: until {@linkcode onIdle}, the program is to be kept alive. */
  protected abstract onBusy(): void;

  /** Called when jobs of an earlier program run: until {@linkcode onIdle}, {@linkcode refresh} is to be called when journals grow. */
  protected abstract onAdopted(): void;

  /** Called when no job runs any more. */
  protected abstract onIdle(): void;

  /** Makes a folder, and those that lead to it. */
  abstract mkdir(path: string): Promise<void>;

  /** Removes a folder and what is in it; none is fine. */
  abstract rmtree(path: string): Promise<void>;

  /** Opens a file to read it. */
  abstract readable(path: string): Promise<ReadableStream<Uint8Array>>;

  /**
   * Reads some bytes of a file that may still grow.
   *
   * @param path Its path.
   * @param offset How many bytes of it to leave out.
   * @returns What follows, or a part of it; nothing at the end of the file; undefined if there is no such file.
   */
  abstract readAt(path: string, offset: number): Promise<Uint8Array<ArrayBuffer> | undefined>;

  /** Opens a file to write it anew, for this user only. */
  abstract writable(path: string): Promise<WritableStream<Uint8Array>>;

  /**
   * Takes the folder for this program, and takes in what earlier ones have left. Done already, it does nothing.
   *
   * @throws {StoreError} If another program starts jobs there, or the folder cannot be used.
   */
  async open(): Promise<void> {
    this.#held = true;
    await this.#opened();
  }

  /** Gives the folder up. Jobs go on, and are taken in by whoever opens it next. Closing what is closed does nothing. */
  close(): Promise<void> {
    this.#held = false;
    this.#tasks.clear();
    this.#closing ??= this.#close().finally(() => this.#closing = undefined);
    return this.#closing;
  }

  /**
   * Opens it for a task, if it is not open.
   *
   * @param task The task, which is to call {@linkcode release}.
   * @throws {PipelineError} If another task of that name uses it: their jobs could not be told apart.
   * @throws {StoreError} As {@linkcode open}.
   */
  async acquire(task: { readonly name: string }): Promise<void> {
    const user = this.#tasks.get(task.name);
    if (user !== undefined && user !== task) {
      throw new PipelineError([
        `two tasks called "${task.name}" use ${this} at the same time: ` +
        "give one another name, or a process manager of its own",
      ]);
    }
    this.#tasks.set(task.name, task);
    await this.#opened();
  }

  /** Closes it, unless others need it. */
  async release(task: { readonly name: string }): Promise<void> {
    if (this.#tasks.get(task.name) !== task) return;
    this.#tasks.delete(task.name);
    if (this.#tasks.size === 0 && !this.#held) await this.close();
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * The folder of a job.
   *
   * @param task The task.
   * @param job The job.
   * @returns Its path.
   * @throws {JobIdError} If the job's id is none.
   */
  folder(task: string, job: string): string {
    for (const name of [task, job]) {
      if (/^\.*$|[/\0]/.test(name)) throw new JobIdError(name);
    }
    return `${this.basedir}/${task}/${job}`;
  }

  /**
   * Makes the folder of a job anew.
   *
   * @param task The task.
   * @param job The job.
   * @returns Its path.
   * @throws {JobIdError} If the job's id is none.
   * @throws {StoreError} If it cannot be made.
   */
  async prepare(task: string, job: string): Promise<string> {
    const folder = this.folder(task, job);
    const books = await this.#opened();
    await books.folders.reuse(folder);
    await this.renew(folder);
    return folder;
  }

  /** Makes the folder of a job, empty but for `cwd`, in place of one that may be there. */
  protected async renew(folder: string): Promise<void> {
    await this.rmtree(folder);
    await this.mkdir(`${folder}/cwd`);
  }

  /**
   * Starts a job whose folder is prepared. That it is to be started is written down first.
   *
   * @param launch The job.
   * @returns The job, when the machine was told to start it.
   * @throws {TypeError} If the script cannot be run as it is.
   * @throws {StoreError} If the machine cannot be told.
   */
  async spawn(launch: ProcessLaunch): Promise<ProcessJob> {
    return await (await this.#opened()).spawn(launch);
  }

  /**
   * The jobs of a task that nobody has forgotten yet.
   *
   * @param task The task.
   * @returns The jobs that run and those whose end nobody has taken in, in the order in which they were started.
   * @throws {StoreError} If the folder cannot be used.
   */
  async jobs(task: string): Promise<ProcessJob[]> {
    return (await this.#opened()).jobsOf(task);
  }

  /**
   * The jobs of a task that run, whoever has started them; without a lock.
   *
   * @param task The task.
   * @returns The jobs.
   * @throws {StoreError} If the machine cannot be looked at.
   */
  async running(task: string): Promise<ProcessJob[]> {
    return (await this.unforgotten(task)).filter(({ end }) => end === undefined);
  }

  /**
   * As {@linkcode jobs}, whoever has started them; without a lock.
   *
   * @param task The task.
   * @returns The jobs, in the order in which they were started.
   * @throws {StoreError} If the machine cannot be looked at.
   */
  async unforgotten(task: string): Promise<ProcessJob[]> {
    if (this.#opening === undefined) return await (await this.#load()).observe(task);
    const books = await this.#opening;
    await this.refresh();
    return books.jobsOf(task);
  }

  /**
   * Ends a job: TERM to its process group, and KILL if it is still there after the grace time.
   *
   * @param job The job.
   * @param failure As what it counts.
   * @returns When it has ended, and what it left as well.
   * @throws {StoreError} If the machine cannot be told.
   */
  async kill(job: ProcessJob, failure: "timeout" | "cancelled"): Promise<void> {
    if (job.end === undefined) await (this.#books ?? await this.#load()).kill(job, failure);
    await this.cleared(job);
  }

  /**
   * Ends the job of a task and an id that runs, if one does, whoever has started it.
   *
   * @param task The task.
   * @param job The job.
   * @returns Whether one ran.
   * @throws {StoreError} If the machine cannot be told.
   */
  async cancel(task: string, job: string): Promise<boolean> {
    const running = (await this.running(task)).filter((running) => running.job === job);
    for (const process of running) await this.kill(process, "cancelled");
    return running.length > 0;
  }

  /**
   * Whether a job still runs, whoever has started it; without a lock.
   *
   * @param job The job.
   * @returns False when it has ended, or is known to be lost.
   * @throws {StoreError} If the machine cannot be looked at.
   */
  async isRunning(job: ProcessJob): Promise<boolean> {
    if (job.end !== undefined) return false;
    const current = await (this.#books ?? await this.#load()).current(job);
    return current !== undefined && current.end === undefined;
  }

  /**
   * For how long jobs have run that have not ended, by a clock that nobody sets.
   *
   * @param jobs The jobs.
   * @returns Milliseconds; nothing of a job of which that is not known.
   * @throws {StoreError} If the machine cannot be asked.
   */
  async runTimes(jobs: readonly ProcessJob[]): Promise<ReadonlyMap<ProcessJob, number>> {
    const known = jobs.filter(({ startedAt }) => startedAt !== undefined);
    if (known.length === 0) return new Map();
    const { uptime } = await this.uptime();
    return new Map(known.map((job) => [job, Math.max(0, uptime - job.startedAt!)]));
  }

  /**
   * Waits until the process of a job is known, or it has ended.
   *
   * @param job The job.
   */
  async identified(job: ProcessJob): Promise<void> {
    for (let wait = 1;; wait = Math.min(2 * wait, 100)) {
      await this.refresh();
      if (job.process !== undefined || job.end !== undefined) return;
      await this.pause(wait, job.ended);
    }
  }

  /**
   * For managers that know the end of a job before that of what it left in its group.
   *
   * @param _job A job that has ended.
   * @returns When nothing is left of it; undefined if nothing is.
   */
  cleared(_job: ProcessJob): Promise<void> | undefined {
    return undefined;
  }

  /** Takes note that the end of a job was taken in, so that nobody needs to know of it any more. */
  async forget(job: ProcessJob): Promise<void> {
    await (await this.#opened()).forget(job);
  }

  /** Reads what was appended to the journals since. */
  refresh(): Promise<void> {
    return this.#books?.refresh() ?? this.#load().then((books) => books.refresh());
  }

  /**
   * Hands jobs to the machine: to the latest shell that was noted, here. From then on it is looked now and then whether
   * they are there, since their ends may come to be known in no other way. Who needs no such look for a job hands it to the
   * machine himself.
   *
   * @param starts Each job, with what a shell is to be told to start it.
   * @throws {StoreError} If the machine cannot be told, or only in part.
   */
  protected async dispatch(starts: readonly JobStart[]): Promise<void> {
    const books = this.#books ?? await this.#load();
    await books.dispatch(starts);
  }

  /** For {@linkcode send}: takes note of a shell that will start jobs. */
  protected async noteShell(pid: number, start: number): Promise<void> {
    const books = this.#books ?? await this.#load();
    await books.noteShell(pid, start);
  }

  /** Takes note that a shell has ended. */
  protected forgetShell(pid: number): void {
    this.#books?.forgetShell(pid);
  }

  /** Looks soon for jobs whose ends nobody tells of: those of a shell that has ended, and may not have started them. */
  protected lookSoon(): void {
    this.#books?.lookSoon();
  }

  #opened(): Promise<ProcessBooks> {
    if (this.#closing !== undefined) return this.#closing.then(() => this.#opened());
    this.#opening ??= this.#open().catch(async (error) => {
      this.#opening = undefined;
      await this.unlock();
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<ProcessBooks> {
    const loading = this.#load();
    loading.catch(() => {}); // told below
    await this.lock();
    const books = await loading;
    await books.open();
    return books;
  }

  async #close(): Promise<void> {
    if (this.#opening === undefined) return;
    const books = await this.#opening;
    try {
      await books.close();
    } finally {
      await this.unlock();
      this.#opening = undefined;
    }
  }

  #load(): Promise<ProcessBooks> {
    return this.#loading ??= import("./process_books.ts").then(({ ProcessBooks }) =>
      this.#books = new ProcessBooks(this, {
        env: this.env,
        keptFolders: this.#keptFolders,
        isOpen: () => this.#opening !== undefined,
        look: (offsets, processes) => this.look(offsets, processes),
        append: (journal, lines) => this.append(journal, lines),
        removeJournals: (journals) => this.removeJournals(journals),
        markFailed: (folder) => this.markFailed(folder),
        listFolders: () => this.listFolders(),
        uptime: () => this.uptime(),
        send: (lines) => this.send(lines),
        dispatch: (starts) => this.dispatch(starts),
        signal: (pid, signal) => this.signal(pid, signal),
        onBusy: () => this.onBusy(),
        onAdopted: () => this.onAdopted(),
        onIdle: () => this.onIdle(),
      })
    );
  }

  /** For tests: a step is done between which a crash must do no harm. */
  reached(point: string): void {
    this.env.fault?.(point);
  }

  /** Resolves after some milliseconds, or before, when something else does. */
  async pause(delay: number, ...events: readonly Promise<unknown>[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.env.schedule(resolve, delay);
    await Promise.race([promise, ...events]);
  }

  /** Its class and its folder. */
  toString(): string {
    return `<${this.constructor.name} ${this.basedir}>`;
  }
}
