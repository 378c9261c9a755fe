/**
 * What a process manager knows of its jobs, and does for them.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { headline } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";
import { JobBook } from "./job_book.ts";
import { JobFolders, type KeptFolder } from "./job_folders.ts";
import { MAX_ARGUMENT, startLine } from "./job_wrapper.ts";
import { writeLine } from "./journal.ts";
import { findProcess, groupOf, type ProcessStat } from "./process_identity.ts";
import { ProcessJob } from "./process_job.ts";
import type {
  AbstractProcessManager,
  JobStart,
  MachineView,
  ProcessLaunch,
  Uptime,
} from "./process_manager.ts";
import { interpreterOf, isPlain } from "./script_interpreter.ts";

/** Milliseconds between two looks for jobs whose end nobody has written down: the first, and the longest. */
const FIRST_LOOK = 50;
const LONGEST_LOOK = 5_000;

/** By how many milliseconds a clock is corrected without that it counts as set. */
const CLOCK_SLACK = 1_000;

/** The size in bytes at which a journal is followed by another. */
const MAX_JOURNAL = 16 * 1024 * 1024;

/** What only the manager itself may do, or knows: as its protected members of the same names. */
export interface BookedMachine {
  /** The clock, timers and fault points. */
  readonly env: Env;
  /** How many folders of jobs that have ended stay. */
  readonly keptFolders: number;
  /** Whether the manager is open, or about to be. */
  isOpen(): boolean;
  /** Looks at the machine. */
  look(
    offsets: ReadonlyMap<string, number>,
    processes?: readonly number[],
  ): Promise<MachineView>;
  /** Appends whole lines to a journal. */
  append(journal: string, lines: string): Promise<void>;
  /** Removes journals. */
  removeJournals(journals: readonly string[]): Promise<void>;
  /** Marks the folder of a job that failed. */
  markFailed(folder: string): Promise<void>;
  /** The folders of jobs. */
  listFolders(): Promise<ReadonlyMap<string, KeptFolder>>;
  /** For how long the machine has been up. */
  uptime(): Promise<Uptime>;
  /** Tells a shell on the machine to run lines. */
  send(lines: string): Promise<void>;
  /** Hands jobs to the machine. */
  dispatch(starts: readonly JobStart[]): Promise<void>;
  /** Sends a signal to a process or a process group. */
  signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean>;
  /** Called when jobs run. */
  onBusy(): void;
  /** Called when jobs of an earlier program run. */
  onAdopted(): void;
  /** Called when no job runs any more. */
  onIdle(): void;
}

/** Keeps the journals of a process manager, and what they say, while that is open; reads them, while it is not. */
export class ProcessBooks {
  /** The folders of jobs that have ended. */
  readonly folders: JobFolders;

  readonly #manager: AbstractProcessManager;
  readonly #machine: BookedMachine;
  /** With what the nonces begin of all jobs that are started until it is closed. */
  #session = "";
  #book = this.#newBook();
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
  /** A look without a lock that is about to begin. */
  #observing: Promise<JobBook> | undefined;
  /** How many jobs have not ended. */
  #live = 0;
  #lookDelay = FIRST_LOOK;
  #lookTimer: Disposable | undefined;

  /** Makes empty books; the machine is not touched. */
  constructor(manager: AbstractProcessManager, machine: BookedMachine) {
    this.#manager = manager;
    this.#machine = machine;
    this.folders = new JobFolders(machine.keptFolders, {
      now: () => machine.env.now(),
      list: () => machine.listFolders(),
      inUse: () =>
        new Set([...this.#book.jobs.values()].map(({ task, job }) => manager.folder(task, job))),
      remove: (folder) => manager.rmtree(folder),
    });
  }

  /** Takes in what earlier programs have left, and begins a journal. The folder is locked. */
  async open(): Promise<void> {
    const book = this.#newBook(this.#book.jobs);
    await this.#takeIn(book);
    this.#book = book;
    this.#journals = Math.max(0, ...[...book.offsets.keys()].map(numberOf));
    await this.#beginJournal();
    if (book.live.length === 0) return;
    this.#tally(book.live.length);
    this.lookSoon();
    this.#machine.onAdopted();
  }

  /** Writes down what waits to be, and looks no more. */
  async close(): Promise<void> {
    try {
      await this.#lastSent;
      this.#stopLooking();
      await this.#reading?.catch(() => {}); // told to those who wait for it
      await this.#writeForgotten();
      await this.folders.close();
    } finally {
      if (this.#live > 0) this.#machine.onIdle();
      this.#live = 0;
      this.#shells = [];
    }
  }

  /** The jobs of a task that nobody has forgotten yet, as far as is known. */
  jobsOf(task: string): ProcessJob[] {
    return jobsOf(this.#book, task);
  }

  /** Likewise, as journals and processes tell now; without a lock. Who asks in the same turn for other tasks shares the look. */
  async observe(task: string): Promise<ProcessJob[]> {
    this.#observing ??= Promise.resolve().then(() => {
      this.#observing = undefined; // who asks from now on may know of later jobs
      return this.#observe();
    });
    return jobsOf(await this.#observing, task);
  }

  /** What is known of a job now; undefined if it is forgotten. */
  async current(job: ProcessJob): Promise<ProcessJob | undefined> {
    if (!this.#machine.isOpen()) return (await this.#observe()).jobs.get(job.nonce);
    await this.#manager.refresh();
    return job;
  }

  /** Starts a job whose folder is prepared. That it is to be started is written down first. */
  async spawn(launch: ProcessLaunch): Promise<ProcessJob> {
    const folder = this.#manager.folder(launch.task, launch.job);
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
        journal: `${this.#manager.basedir}/${this.#journal}`,
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

  /** Ends a job that has not ended. */
  async kill(job: ProcessJob, failure: "timeout" | "cancelled"): Promise<void> {
    const machine = this.#machine;
    await machine.append(
      job.journal,
      writeLine({ type: "kill", nonce: job.nonce, class: failure }),
    );
    job.killed ??= failure;
    const began = machine.env.elapsed();
    let signalled = 0;
    for (let wait = 5; job.end === undefined; wait = Math.min(2 * wait, 100)) {
      const current = await this.current(job);
      if (current === undefined || current.end !== undefined) return;
      const { process } = current;
      if (process !== undefined) {
        const late = machine.env.elapsed() - began >= this.#manager.grace * 1000;
        if (signalled === 0 || (late && signalled === 1)) {
          const { table } = await machine.look(this.#book.offsets, [process.pid]);
          if (findProcess(table, process) !== undefined) {
            const signal = signalled === 0 ? "SIGTERM" : "SIGKILL";
            // At its very beginning it may lead no group yet.
            await machine.signal(-groupOf(process), signal) ||
              await machine.signal(process.pid, signal);
          }
          signalled++;
        }
      }
      await this.#manager.pause(wait, job.ended);
    }
  }

  /** Takes note that the end of a job was taken in, so that nobody needs to know of it any more. */
  async forget(job: ProcessJob): Promise<void> {
    this.#forgotten += writeLine({ type: "forget", nonce: job.nonce });
    this.#book.forget(job.nonce);
    const folder = this.#manager.folder(job.task, job.job);
    const failed = job.end?.code !== 0 || job.end.failure !== undefined;
    // One that cannot be marked is kept as others are, by the next program.
    if (failed) await this.#machine.markFailed(folder).catch(() => {});
    this.folders.release(folder, failed);
    if (this.#book.jobs.size === 0) await this.#writeForgotten();
  }

  /** Reads what was appended to the journals since. */
  refresh(): Promise<void> {
    if (this.#reading !== undefined) this.#again = true;
    else this.#reading = this.#refresh();
    return this.#reading;
  }

  /** Hands jobs to the latest shell that was noted, and looks for them now and then. */
  async dispatch(starts: readonly JobStart[]): Promise<void> {
    try {
      await this.#machine.send(starts.map(({ line }) => line).join(""));
    } finally {
      for (const { job } of starts) job.shell = this.#shells.at(-1);
      if (this.#lookTimer === undefined) this.lookSoon();
    }
  }

  /** Takes note of a shell that will start jobs. */
  async noteShell(pid: number, start: number): Promise<void> {
    this.#shells.push({ pid, start });
    await this.#machine.append(this.#journal, writeLine({ type: "shell", pid, start }));
  }

  /** Takes note that a shell has ended. */
  forgetShell(pid: number): void {
    this.#shells = this.#shells.filter((shell) => shell.pid !== pid);
  }

  /** Looks soon for jobs whose ends nobody tells of. */
  lookSoon(): void {
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

  async #beginJournal(): Promise<void> {
    const { spent } = this.#book;
    await this.#machine.removeJournals(spent);
    for (const journal of spent) this.#book.drop(journal);
    this.#journal = `.journal-${++this.#journals}`;
    this.#journalSize = 0;
    const shells = this.#shells.map((shell) => writeLine({ type: "shell", ...shell }));
    await this.#machine.append(this.#journal, await this.#bootLine() + shells.join(""));
  }

  /** What tells when the machine was started by the wall clock, as that is set now. */
  async #bootLine(): Promise<string> {
    const { boot, uptime } = await this.#machine.uptime();
    const now = this.#machine.env.now();
    this.#bootedAt = Math.round(now - uptime);
    this.#clock = now - this.#machine.env.elapsed();
    return writeLine({ type: "boot", boot, at: this.#bootedAt });
  }

  /** Whether the wall clock was set since that was told. */
  get #isClockSet(): boolean {
    return Math.abs(this.#machine.env.now() - this.#machine.env.elapsed() - this.#clock) >
      CLOCK_SLACK;
  }

  /** Without a lock. */
  async #observe(): Promise<JobBook> {
    const book = new JobBook();
    await this.#takeIn(book);
    return book;
  }

  /** Reads all journals, and then looks whether what they tell of is there. */
  async #takeIn(book: JobBook): Promise<void> {
    const all = await this.#machine.look(new Map(), []);
    const ordered = [...all.journals].sort(([a], [b]) => numberOf(a) - numberOf(b));
    for (const [journal, bytes] of ordered) book.read(journal, bytes); // later ones speak of jobs of earlier ones
    const { offsets, suspects } = book;
    if (suspects.size === 0) return;
    const { journals, table } = await this.#machine.look(offsets);
    for (const [journal, bytes] of journals) book.read(journal, bytes);
    book.judge(table, suspects);
  }

  async #flush(): Promise<void> {
    const batch = this.#queue;
    this.#queue = [];
    this.#nextSent = undefined;
    const boot = this.#isClockSet ? await this.#bootLine() : "";
    for (const { job } of batch) job.startedAt = job.started - this.#bootedAt;
    const lines = boot + this.#forgotten + batch.map(({ intent }) => intent).join("");
    this.#forgotten = "";
    await this.#machine.append(this.#journal, lines);
    this.#machine.env.fault?.("intent");
    try {
      await this.#machine.dispatch(batch);
    } catch (error) { // it may have been heard all the same: what has not started is found out
      warn(
        `${this.#manager} may not have started ${batch.length} jobs, and looks: ${headline(error)}`,
      );
      this.lookSoon();
    }
    this.#machine.env.fault?.("sent");
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
    const writer = (await this.#manager.writable(exe)).getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    return interpreter === undefined
      ? { command: ["/bin/sh", exe], interpreter: "/bin/sh" }
      : { command: [...interpreter, exe], interpreter: interpreter[0] };
  }

  async #writeForgotten(): Promise<void> {
    const lines = this.#forgotten;
    this.#forgotten = "";
    if (lines !== "") await this.#machine.append(this.#journal, lines);
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
        const view = await this.#machine.look(
          offsets,
          processes.filter((pid) => pid !== undefined),
        );
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
    const view = await this.#machine.look(offsets);
    for (const [journal, bytes] of view.journals) this.#book.read(journal, bytes);
    const orphaned = this.#book.judge(view.table, suspects);
    for (const group of orphaned) await this.#machine.signal(-group, "SIGKILL");
    if (orphaned.length > 0) this.#lookDelay = FIRST_LOOK;
  }

  /** Counts jobs that have begun or ended. */
  #tally(change: number): void {
    const before = this.#live;
    this.#live += change;
    if (before === 0 && this.#live > 0) {
      this.#machine.onBusy();
    } else if (before > 0 && this.#live === 0) {
      this.#stopLooking();
      this.#machine.onIdle();
    }
  }

  #lookLater(): void {
    this.#lookTimer = this.#machine.env.schedule(async () => {
      this.#lookTimer = undefined;
      try {
        this.#judging = true;
        await this.#manager.refresh();
      } catch (error) {
        warn(`${this.#manager} cannot be looked at, and is asked again later: ${headline(error)}`);
      }
      this.#lookDelay = Math.min(2 * this.#lookDelay, LONGEST_LOOK);
      if (this.#live > 0 && this.#lookTimer === undefined) this.#lookLater();
    }, this.#lookDelay);
  }

  #stopLooking(): void {
    this.#lookTimer?.[Symbol.dispose]();
    this.#lookTimer = undefined;
  }
}

function jobsOf(book: JobBook, task: string): ProcessJob[] {
  return [...book.jobs.values()].filter((job) => job.task === task);
}

function numberOf(journal: string): number {
  return Number(journal.slice(".journal-".length));
}
