/**
 * Places where processes run.
 *
 * @module
 */

import { type Env, systemEnv } from "../lib/env.ts";
import { JobIdError, PipelineError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import type { ResourceManager } from "../lib/resource_manager.ts";
import { warn } from "../lib/warnings.ts";
import { JobBook } from "./job_book.ts";
import { JobFolders, type KeptFolder } from "./job_folders.ts";
import { MAX_ARGUMENT, startLine } from "./job_wrapper.ts";
import { writeLine } from "./journal.ts";
import { findProcess, groupOf, type ProcessStat, type ProcessTable } from "./process_identity.ts";
import { isPlain } from "./plain_script.ts";
import { ProcessJob } from "./process_job.ts";
import { interpreterOf } from "./shebang.ts";

/** Milliseconds between two looks for jobs whose end nobody has written down: the first, and the longest. */
const FIRST_LOOK = 50;
const LONGEST_LOOK = 5_000;

/** By how many milliseconds a clock is corrected without that it counts as set. */
const CLOCK_SLACK = 1_000;

/** The size in bytes at which a journal is followed by another. */
const MAX_JOURNAL = 16 * 1024 * 1024;

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

  readonly #folders: JobFolders;
  /** The tasks that need it to be open, by name. */
  readonly #tasks = new Map<string, unknown>();
  /** Whether it was opened for no task. */
  #held = false;
  /** With what the nonces begin of all jobs that are started until it is closed. */
  #session = "";
  #book = this.#newBook();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #journal = "";
  #journalSize = 0;
  #journals = 0;
  /** When the machine was started by the wall clock, and what that was ahead of the clock that nobody sets. */
  #bootedAt = 0;
  #clock = 0;
  #nonces = 0;
  /** The shells that start jobs, the latest at the end. */
  #shells: Pick<ProcessStat, "pid" | "start">[] = [];
  /** Jobs to be started together, once what is being sent is sent. */
  #queue: { readonly job: ProcessJob; readonly intent: string; readonly line: string }[] = [];
  #nextSent: Promise<void> | undefined;
  #lastSent: Promise<void> = Promise.resolve();
  /** Lines that can wait for others to be written with. */
  #forgotten = "";
  #reading: Promise<void> | undefined;
  /** Whether to look once more when what is being looked at is seen; and whether at the processes, too. */
  #again = false;
  #judging = false;
  /** How many jobs have not ended. */
  #live = 0;
  #lookDelay = FIRST_LOOK;
  #lookTimer: Disposable | undefined;

  /** Makes a manager; the machine is not touched. */
  constructor(options: ProcessManagerOptions = {}) {
    this.grace = options.grace ?? 5;
    this.env = options.env ?? systemEnv;
    this.#folders = new JobFolders(options.keptFolders ?? 2000, {
      now: () => this.env.now(),
      list: () => this.listFolders(),
      inUse: () =>
        new Set([...this.#book.jobs.values()].map(({ task, job }) => this.folder(task, job))),
      remove: (folder) => this.rmtree(folder),
    });
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
    await this.#opened();
    await this.#folders.reuse(folder);
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
    await this.#opened();
    const folder = this.folder(launch.task, launch.job);
    const { command, interpreter } = await this.#commandOf(launch.script, folder);
    const nonce = `${this.#session}-${(this.#nonces++).toString(36)}`;
    const job = new ProcessJob({ ...launch, nonce, interpreter }, this.#journal);
    job.unsent = true;
    this.#book.add(job);
    this.#tally(1);
    this.#queue.push({
      job,
      intent: writeLine({ type: "intent", ...launch, nonce, interpreter }),
      line: startLine({
        journal: `${this.basedir}/${this.#journal}`,
        nonce,
        folder,
        stdin: launch.stdin ? "../stdin" : "/dev/null",
        interleaved: launch.interleaved,
        interpreter,
        environ: launch.environ,
        command,
      }),
    });
    if (this.#nextSent === undefined) {
      this.#nextSent = this.#lastSent.then(() => this.#flush());
      this.#lastSent = this.#nextSent.catch(() => {}); // told to those who wait for it
    }
    try {
      await this.#nextSent;
    } catch (error) {
      this.#book.forget(nonce);
      this.#tally(-1);
      throw error;
    } finally {
      job.unsent = false;
    }
    return job;
  }

  /**
   * The jobs of a task that nobody has forgotten yet.
   *
   * @param task The task.
   * @returns The jobs that run and those whose end nobody has taken in, in the order in which they were started.
   * @throws {StoreError} If the folder cannot be used.
   */
  async jobs(task: string): Promise<ProcessJob[]> {
    await this.#opened();
    return [...this.#book.jobs.values()].filter((job) => job.task === task);
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
    let book = this.#book;
    if (this.#opening !== undefined) {
      await this.#opening;
      await this.refresh();
    } else {
      book = await this.#observe();
    }
    return [...book.jobs.values()].filter((job) => job.task === task);
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
    if (job.end === undefined) await this.#kill(job, failure);
    await this.cleared(job);
  }

  async #kill(job: ProcessJob, failure: "timeout" | "cancelled"): Promise<void> {
    await this.append(job.journal, writeLine({ type: "kill", nonce: job.nonce, class: failure }));
    job.killed ??= failure;
    const began = this.env.elapsed();
    let signalled = 0;
    for (let wait = 5; job.end === undefined; wait = Math.min(2 * wait, 100)) {
      const current = await this.#current(job);
      if (current === undefined || current.end !== undefined) return;
      const { process } = current;
      if (process !== undefined) {
        const late = this.env.elapsed() - began >= this.grace * 1000;
        if (signalled === 0 || (late && signalled === 1)) {
          const { table } = await this.look(this.#book.offsets, [process.pid]);
          if (findProcess(table, process) !== undefined) {
            const signal = signalled === 0 ? "SIGTERM" : "SIGKILL";
            // At its very beginning it may lead no group yet.
            await this.signal(-groupOf(process), signal) || await this.signal(process.pid, signal);
          }
          signalled++;
        }
      }
      await this.pause(wait, job.ended);
    }
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
    const current = await this.#current(job);
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
    await this.#opened();
    this.#forgotten += writeLine({ type: "forget", nonce: job.nonce });
    this.#book.forget(job.nonce);
    const folder = this.folder(job.task, job.job);
    const failed = job.end?.code !== 0 || job.end.failure !== undefined;
    // One that cannot be marked is kept as others are, by the next program.
    if (failed) await this.markFailed(folder).catch(() => {});
    this.#folders.release(folder, failed);
    if (this.#book.jobs.size === 0) await this.#writeForgotten();
  }

  /** Reads what was appended to the journals since. */
  refresh(): Promise<void> {
    if (this.#reading !== undefined) this.#again = true;
    else this.#reading = this.#refresh();
    return this.#reading;
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
    try {
      await this.send(starts.map(({ line }) => line).join(""));
    } finally {
      for (const { job } of starts) job.shell = this.#shells.at(-1);
      if (this.#lookTimer === undefined) this.lookSoon();
    }
  }

  /** For {@linkcode send}: takes note of a shell that will start jobs. */
  protected async noteShell(pid: number, start: number): Promise<void> {
    this.#shells.push({ pid, start });
    await this.append(this.#journal, writeLine({ type: "shell", pid, start }));
  }

  /** Takes note that a shell has ended. */
  protected forgetShell(pid: number): void {
    this.#shells = this.#shells.filter((shell) => shell.pid !== pid);
  }

  /** Looks soon for jobs whose ends nobody tells of: those of a shell that has ended, and may not have started them. */
  protected lookSoon(): void {
    if (this.#live === 0) return;
    this.#stopLooking();
    this.#lookDelay = FIRST_LOOK;
    this.#lookLater();
  }

  #newBook(known?: ReadonlyMap<string, ProcessJob>): JobBook {
    this.#session = crypto.randomUUID().slice(0, 8);
    const book = new JobBook({
      own: this.#session,
      ...known !== undefined && { known },
      onEnd: () => {
        if (book === this.#book) this.#tally(-1);
      },
    });
    return book;
  }

  async #opened(): Promise<void> {
    while (this.#closing !== undefined) await this.#closing;
    this.#opening ??= this.#open().catch(async (error) => {
      this.#opening = undefined;
      await this.unlock();
      throw error;
    });
    await this.#opening;
  }

  async #close(): Promise<void> {
    if (this.#opening === undefined) return;
    await this.#opening;
    try {
      await this.#lastSent;
      this.#stopLooking();
      await this.#reading?.catch(() => {}); // told to those who wait for it
      await this.#writeForgotten();
      await this.#folders.close();
    } finally {
      if (this.#live > 0) this.onIdle();
      this.#live = 0;
      this.#shells = [];
      await this.unlock();
      this.#opening = undefined;
    }
  }

  async #open(): Promise<void> {
    await this.lock();
    const book = this.#newBook(this.#book.jobs);
    await this.#takeIn(book);
    this.#book = book;
    this.#journals = Math.max(0, ...[...book.offsets.keys()].map(numberOf));
    await this.#beginJournal();
    if (book.live.length === 0) return;
    this.#tally(book.live.length);
    this.lookSoon();
    this.onAdopted();
  }

  async #beginJournal(): Promise<void> {
    const { spent } = this.#book;
    await this.removeJournals(spent);
    for (const journal of spent) this.#book.drop(journal);
    this.#journal = `.journal-${++this.#journals}`;
    this.#journalSize = 0;
    const shells = this.#shells.map((shell) => writeLine({ type: "shell", ...shell }));
    await this.append(this.#journal, await this.#bootLine() + shells.join(""));
  }

  /** What tells when the machine was started by the wall clock, as that is set now. */
  async #bootLine(): Promise<string> {
    const { boot, uptime } = await this.uptime();
    const now = this.env.now();
    this.#bootedAt = Math.round(now - uptime);
    this.#clock = now - this.env.elapsed();
    return writeLine({ type: "boot", boot, at: this.#bootedAt });
  }

  /** Whether the wall clock was set since that was told. */
  get #isClockSet(): boolean {
    return Math.abs(this.env.now() - this.env.elapsed() - this.#clock) > CLOCK_SLACK;
  }

  /** Without a lock. */
  async #observe(): Promise<JobBook> {
    const book = new JobBook();
    await this.#takeIn(book);
    return book;
  }

  /** Reads all journals, and then looks whether what they tell of is there. */
  async #takeIn(book: JobBook): Promise<void> {
    const all = await this.look(new Map(), []);
    const ordered = [...all.journals].sort(([a], [b]) => numberOf(a) - numberOf(b));
    for (const [journal, bytes] of ordered) book.read(journal, bytes); // later ones speak of jobs of earlier ones
    const { offsets, suspects } = book;
    if (suspects.size === 0) return;
    const { journals, table } = await this.look(offsets);
    for (const [journal, bytes] of journals) book.read(journal, bytes);
    book.judge(table, suspects);
  }

  async #current(job: ProcessJob): Promise<ProcessJob | undefined> {
    if (this.#opening === undefined) return (await this.#observe()).jobs.get(job.nonce);
    await this.refresh();
    return job;
  }

  async #flush(): Promise<void> {
    const batch = this.#queue;
    this.#queue = [];
    this.#nextSent = undefined;
    const boot = this.#isClockSet ? await this.#bootLine() : "";
    for (const { job } of batch) job.startedAt = job.started - this.#bootedAt;
    const lines = boot + this.#forgotten + batch.map(({ intent }) => intent).join("");
    this.#forgotten = "";
    await this.append(this.#journal, lines);
    this.env.fault?.("intent");
    try {
      await this.dispatch(batch);
    } catch (error) { // it may have been heard all the same: what has not started is found out
      warn(`${this} may not have started ${batch.length} jobs, and looks: ${headline(error)}`);
      this.lookSoon();
    }
    this.env.fault?.("sent");
    this.#journalSize += 4 * lines.length; // with what the wrappers will add
    if (this.#journalSize > MAX_JOURNAL) await this.#beginJournal();
  }

  async #commandOf(
    script: string,
    folder: string,
  ): Promise<{ readonly command: readonly string[]; readonly interpreter?: string | undefined }> {
    const interpreter = interpreterOf(script);
    if (interpreter === undefined && new TextEncoder().encode(script).length <= MAX_ARGUMENT) {
      return {
        command: ["/bin/sh", "-c", script, "sh"],
        interpreter: isPlain(script) ? undefined : "/bin/sh",
      };
    }
    const exe = `${folder}/exe`;
    const writer = (await this.writable(exe)).getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    return interpreter === undefined
      ? { command: ["/bin/sh", exe], interpreter: "/bin/sh" }
      : { command: [...interpreter, exe], interpreter: interpreter[0] };
  }

  async #writeForgotten(): Promise<void> {
    const lines = this.#forgotten;
    this.#forgotten = "";
    if (lines !== "") await this.append(this.#journal, lines);
  }

  async #refresh(): Promise<void> {
    try {
      do {
        const judging = this.#judging;
        this.#again = this.#judging = false;
        const { offsets } = this.#book;
        const processes = judging
          ? [...this.#book.suspects.values()].map((process) => process?.pid)
          : [];
        const view = await this.look(offsets, processes.filter((pid) => pid !== undefined));
        for (const [journal, bytes] of view.journals) this.#book.read(journal, bytes);
        if (judging && this.#book.isInDoubt(view.table)) await this.#judge();
      } while (this.#again);
    } finally {
      this.#reading = undefined; // in the turn of the last question whether to look again
    }
  }

  /** Looks at all processes, and finds out what has become of jobs that are not seen to run. */
  async #judge(): Promise<void> {
    const { offsets, suspects } = this.#book;
    const view = await this.look(offsets);
    for (const [journal, bytes] of view.journals) this.#book.read(journal, bytes);
    const orphaned = this.#book.judge(view.table, suspects);
    for (const group of orphaned) await this.signal(-group, "SIGKILL");
    if (orphaned.length > 0) this.#lookDelay = FIRST_LOOK;
  }

  /** Counts jobs that have begun or ended. */
  #tally(change: number): void {
    const before = this.#live;
    this.#live += change;
    if (before === 0 && this.#live > 0) {
      this.onBusy();
    } else if (before > 0 && this.#live === 0) {
      this.#stopLooking();
      this.onIdle();
    }
  }

  #lookLater(): void {
    this.#lookTimer = this.env.schedule(async () => {
      this.#lookTimer = undefined;
      try {
        this.#judging = true;
        await this.refresh();
      } catch (error) {
        warn(`${this} cannot be looked at, and is asked again later: ${headline(error)}`);
      }
      this.#lookDelay = Math.min(2 * this.#lookDelay, LONGEST_LOOK);
      if (this.#live > 0 && this.#lookTimer === undefined) this.#lookLater();
    }, this.#lookDelay);
  }

  #stopLooking(): void {
    this.#lookTimer?.[Symbol.dispose]();
    this.#lookTimer = undefined;
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

function numberOf(journal: string): number {
  return Number(journal.slice(".journal-".length));
}
