/**
 * What the journals of a process manager say, taken together.
 *
 * @module
 */

import type { FailureClass } from "../lib/errors.ts";
import { type JournalLine, JournalReader } from "./journal.ts";
import { NO_INTERPRETER, NOT_STARTED } from "./job_wrapper.ts";
import {
  groupOf,
  isAlive,
  type NotedProcess,
  type ProcessStat,
  type ProcessTable,
} from "./process_identity.ts";
import { type ProcessEnd, ProcessJob } from "./process_job.ts";

/** The code of a job that was killed. */
const KILLED = 128 + 9;

/** What one journal says. */
interface Chapter {
  readonly reader: JournalReader;
  /** How many bytes of it are read. */
  offset: number;
  /** The boot in which it was begun, and when that was. */
  boot: string;
  bootedAt: number;
  readonly shells: Pick<ProcessStat, "pid" | "start">[];
  /** How many of its jobs are not forgotten. */
  jobs: number;
}

/** Jobs, and the processes that were known to be theirs. */
export type Suspects = ReadonlyMap<ProcessJob, NotedProcess | undefined>;

/** The jobs of a process manager that nobody has forgotten yet. */
export class JobBook {
  /** The jobs by nonce. */
  readonly jobs: Map<string, ProcessJob> = new Map();
  readonly #chapters = new Map<string, Chapter>();
  /** Jobs that were not to be seen when the processes were last looked at. */
  readonly #doubts = new WeakSet<ProcessJob>();
  /** Jobs that were not seen to run when their own processes were last looked at. */
  #missing: ReadonlySet<ProcessJob> = new Set();
  readonly #own: string | undefined;
  readonly #known: ReadonlyMap<string, ProcessJob> | undefined;
  readonly #onEnd: (() => void) | undefined;

  /**
   * Makes an empty book.
   *
   * @param options With what the nonces of jobs begin that are only ever added by {@linkcode add}; the jobs that an
   * earlier book of this program knew, which somebody may wait for; and what is called when a job's end becomes known.
   */
  constructor(
    options: {
      readonly own?: string;
      readonly known?: ReadonlyMap<string, ProcessJob>;
      readonly onEnd?: () => void;
    } = {},
  ) {
    this.#own = options.own;
    this.#known = options.known;
    this.#onEnd = options.onEnd;
  }

  /** How many bytes of each journal are read. */
  get offsets(): ReadonlyMap<string, number> {
    return new Map([...this.#chapters].map(([journal, { offset }]) => [journal, offset]));
  }

  /** The journals that tell of nothing that anybody needs to know. */
  get spent(): string[] {
    return [...this.#chapters].filter(([, { jobs }]) => jobs === 0).map(([journal]) => journal);
  }

  /** The jobs that have not ended, as far as is known. */
  get live(): ProcessJob[] {
    return [...this.jobs.values()].filter(({ end }) => end === undefined);
  }

  /** Takes a journal out that was removed. */
  drop(journal: string): void {
    this.#chapters.delete(journal);
  }

  /** Takes in a job that is about to be started, before its journal tells of it. */
  add(job: ProcessJob): void {
    this.jobs.set(job.nonce, job);
    this.#chapter(job.journal).jobs++;
  }

  /** Takes a job out whose end was taken in. */
  forget(nonce: string): void {
    const job = this.jobs.get(nonce);
    if (job === undefined) return;
    this.jobs.delete(nonce);
    this.#chapter(job.journal).jobs--;
  }

  /** Takes in what was appended to a journal. */
  read(journal: string, bytes: Uint8Array): void {
    const chapter = this.#chapter(journal);
    chapter.offset += bytes.length;
    for (const line of chapter.reader.read(bytes)) this.#apply(journal, chapter, line);
  }

  /** What is known of the jobs that the machine was told to start and that have not ended: to be judged later. */
  get suspects(): Suspects {
    return new Map(this.live.filter(({ unsent }) => !unsent).map((job) => [job, job.process]));
  }

  /**
   * Whether all processes are to be looked at, and judged: a job was not seen to run twice in turn. Once is what is seen
   * of many that just begin or end.
   *
   * @param table The processes of jobs that have not ended, at least.
   */
  isInDoubt(table: ProcessTable): boolean {
    const before = this.#missing;
    this.#missing = new Set(
      [...this.suspects].filter(([, process]) => process === undefined || !isAlive(table, process))
        .map(([job]) => job),
    );
    return !this.#missing.isDisjointFrom(before);
  }

  /**
   * Concludes that jobs are lost whose processes are gone although the journals, which were read after the table was
   * made, say nothing of their end.
   *
   * @param table All processes of the machine.
   * @param suspects What was known before the table was made. Of a job that was heard of since, it tells nothing.
   * @returns The process groups that outlive the processes which led them: their jobs are lost when they are gone.
   */
  judge(table: ProcessTable, suspects: Suspects): number[] {
    const wrappers = new Set(this.live.map(({ process }) => process?.parent));
    const orphaned: number[] = [];
    for (const [job, process] of suspects) {
      if (job.end !== undefined || job.process !== process) continue;
      const chapter = this.#chapter(job.journal);
      const loss = chapter.boot !== table.boot
        ? "the machine was started anew while it ran"
        : job.process === undefined
        ? maybeStarting(job.shell ? [job.shell] : chapter.shells, table, wrappers) ||
            this.#isNewDoubt(job)
          ? undefined
          : "it was never started"
        : isAlive(table, job.process) || isWrapped(table, job.process)
        ? undefined
        : "its process was ended from outside, together with what waits for its end";
      if (loss === undefined) continue;
      if (process !== undefined && chapter.boot === table.boot && isOrphaned(table, process)) {
        orphaned.push(groupOf(process));
        job.endedWithShell = false; // nobody has killed the group
        continue;
      }
      const at = Date.now();
      // The shell of a job may be in its group, and is killed with it: by who wanted the job to end, or by the job itself.
      if (chapter.boot === table.boot && job.killed !== undefined) {
        this.#conclude(job, { code: KILLED, at, failure: failureOf(job.killed) });
      } else if (chapter.boot === table.boot && job.endedWithShell) {
        this.#conclude(job, { code: KILLED, at });
      } else {
        const failure = { class: job.killed ?? "infra", message: loss };
        this.#conclude(job, { code: undefined, at, failure });
      }
    }
    return orphaned;
  }

  /**
   * Whether this is the first table that shows nothing of a job. A table is not made in an instant: a shell that ends
   * and the wrapper it has just forked can both be missed once, but not when the shell has ended before.
   */
  #isNewDoubt(job: ProcessJob): boolean {
    if (this.#doubts.has(job)) return false;
    this.#doubts.add(job);
    return true;
  }

  #apply(journal: string, chapter: Chapter, line: JournalLine): void {
    switch (line.type) {
      case "boot":
        chapter.boot = line.boot;
        chapter.bootedAt = line.at;
        return;
      case "shell":
        chapter.shells.push(line);
        return;
      case "intent": {
        const job = this.#known?.get(line.nonce) ?? new ProcessJob(line, journal);
        job.startedAt ??= line.started - chapter.bootedAt;
        return this.add(job);
      }
      case "forget":
        return this.forget(line.nonce);
    }
    const job = this.jobs.get(line.nonce);
    if (job === undefined) return;
    if (line.type === "run") job.process = line.process;
    else if (line.type === "kill") job.killed ??= line.class;
    else this.#conclude(job, endOf(job, line.code, chapter.bootedAt + line.at * 1000));
  }

  #conclude(job: ProcessJob, end: ProcessEnd): void {
    if (job.end !== undefined) return;
    job.conclude(end);
    this.#onEnd?.();
  }

  #chapter(journal: string): Chapter {
    let chapter = this.#chapters.get(journal);
    if (chapter === undefined) {
      chapter = {
        reader: new JournalReader(this.#own),
        offset: 0,
        boot: "",
        bootedAt: 0,
        shells: [],
        jobs: 0,
      };
      this.#chapters.set(journal, chapter);
    }
    return chapter;
  }
}

/** How a job ended whose wrapper has written it down. */
function endOf(job: ProcessJob, code: number, at: number): ProcessEnd {
  const end = { code, at: Math.max(job.started, Math.round(at)) };
  if (job.process === undefined) {
    return {
      ...end,
      code: undefined,
      failure: {
        class: job.killed ?? (code === NO_INTERPRETER ? "config" : "infra"),
        message: `it could not be started: ${reasonOf(job, code)}`,
      },
    };
  }
  if (job.killed === undefined) return end;
  return { ...end, failure: failureOf(job.killed) };
}

/** Why a job was not started whose wrapper ended with a code. */
function reasonOf({ interpreter }: ProcessJob, code: number): string {
  if (code === NO_INTERPRETER && interpreter !== undefined) {
    return `its interpreter ${interpreter} is missing or cannot be executed`;
  }
  return NOT_STARTED.get(code) ?? `its shell ended with code ${code}`;
}

/** How a job failed that somebody has ended. */
function failureOf(reason: FailureClass): NonNullable<ProcessEnd["failure"]> {
  const message = reason === "timeout"
    ? "it ran for too long"
    : reason === "cancelled"
    ? "it was cancelled"
    : "it was ended";
  return { class: reason, message };
}

/**
 * Whether a job of which only the intent is known may still be started: a shell that may have been told of it, or a
 * wrapper that has not written down its job yet, is there.
 */
function maybeStarting(
  shells: Chapter["shells"],
  table: ProcessTable,
  wrappers: ReadonlySet<number | undefined>,
): boolean {
  const sessions = new Set(
    shells.filter(({ pid, start }) => {
      const leader = table.processes.get(pid);
      if (wrappers.has(pid)) return false; // it runs one job at a time, and this is another
      return leader === undefined || leader.start === start; // otherwise another session has the number by now
    }).map(({ pid }) => pid),
  );
  for (const { pid, session, state } of table.processes.values()) {
    // A shell leads no session yet at its very beginning.
    if ((sessions.has(session) || sessions.has(pid)) && !wrappers.has(pid) && state !== "Z") {
      return true;
    }
  }
  return false;
}

/** Whether the wrapper of a job is there, which is about to write down its end. */
function isWrapped(table: ProcessTable, process: NotedProcess): boolean {
  const wrapper = table.processes.get(process.parent);
  return wrapper !== undefined && wrapper.session === process.session && wrapper.state !== "Z";
}

/** Whether there is something left of the group of a process that has ended. Its number is nobody else's until then. */
function isOrphaned(table: ProcessTable, process: NotedProcess): boolean {
  const number = groupOf(process);
  const leader = table.processes.get(number);
  if (leader !== undefined && leader.state !== "Z") return false;
  return table.processes.values().some(({ group, session, state }) =>
    group === number && session === number && state !== "Z"
  );
}
