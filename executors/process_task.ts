/**
 * Scripts that run as processes.
 *
 * @module
 */

import type { BlobRepository } from "../lib/blob_repository.ts";
import type { DoneRecord, DoneRepository } from "../lib/done_record.ts";
import { JobError, JobIdError, PipelineError, StoreError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import type { MetadataRepository, Repository } from "../lib/repository.ts";
import { Resources } from "../lib/resources.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { Attempt, RecoveredJob } from "../lib/attempt.ts";
import type { LinksOf, LinkType, linkTypes } from "../lib/link_types.ts";
import { Task, type TaskOptions } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import { defaultManager } from "./default_manager.ts";
import type { ProcessEnd, ProcessJob } from "./process_job.ts";
import { AbstractProcessManager } from "./process_manager.ts";
import type { LogSource } from "./process_log.ts";
import { type ProcessInfo, RunningProcesses } from "./running_processes.ts";
import { ScriptSource, type ScriptValues } from "./script_source.ts";
import type { ShellScript } from "./sh.ts";

/** As the option `stderr`: standard error goes where standard output goes. */
export const STDOUT: unique symbol = Symbol("STDOUT");

/**
 * Makes the script of a job. It may be called more than once for a job, and should have no effects.
 *
 * @param values The job, the task, and of each link what its repository says of the job, under the link's name.
 * @returns The script, made with {@linkcode sh}.
 */
export type ScriptFunction<Values = ScriptValues> = (
  values: Values,
) => ShellScript | Promise<ShellScript>;

/** Options of a {@linkcode ProcessTask}. */
export interface ProcessTaskOptions extends TaskOptions {
  /**
   * The script: Jinja text; the URL of a file with such text, or its path, as `{ file: "./count.sh" }`; or a function. It
   * must be given, unless {@linkcode ProcessTask.func} is called.
   */
  readonly template?: string | URL | { readonly file: string | URL } | ScriptFunction;
  /**
   * Where the processes run. On this machine, if it is not given, within its cores and memory, and with a folder that is
   * named after the main module and the place where the records of the task's jobs are kept.
   */
  readonly manager?: Accessor<AbstractProcessManager>;
  /** Where it is kept which jobs run. A view of the manager, if it is not given. */
  readonly pids?: MetadataRepository<ProcessInfo | undefined>;
  /** What each script reads from its standard input. Nothing, if it is not given. */
  readonly stdin?: BlobRepository;
  /** Where what each script writes to its standard output is kept, besides the job's folder. */
  readonly stdout?: BlobRepository;
  /** Likewise for standard error; {@linkcode STDOUT} puts it into the standard output. */
  readonly stderr?: BlobRepository | typeof STDOUT;
  /** What is added to the environment of each script. `JOB` and `TASK` are always there. */
  readonly environ?: Readonly<Record<string, string>>;
}

/** The links of a {@linkcode ProcessTask} that its options make. */
export type ProcessLinks<Options> =
  & {
    readonly done: LinkType<DoneRepository, false>;
    readonly pids: LinkType<Repository<ProcessInfo | undefined>, false>;
  }
  & (Options extends { readonly stdin: infer R extends Repository }
    ? { readonly stdin: LinkType<R, false> }
    : unknown)
  & (Options extends { readonly stdout: infer R extends Repository }
    ? { readonly stdout: LinkType<R, true> }
    : unknown)
  & (Options extends { readonly stderr: infer R extends Repository }
    ? { readonly stderr: LinkType<R, true> }
    : unknown);

/** What the function of a task is given: the job, the task's name, and of each link what it says of the job. */
export type ScriptArguments<T> =
  & {
    readonly [Name in keyof LinksOf<T>]: LinksOf<T>[Name] extends
      { readonly repo: { info(job: string): Promise<infer Info> } } ? Info : never;
  }
  & {
    /** The job. */
    readonly job: string;
    /** The name of the task. */
    readonly task: string;
  };

/** A name of a variable of the environment. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** From which size in bytes on a file is removed, when its job is settled, that is stored elsewhere too. */
const LARGE = 1024 * 1024;

/** Milliseconds between two attempts to store what a job has written: the first, and the longest. */
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 60_000;

/**
 * Runs a script as a process for each job. The processes go on when this program ends, and the next run of it takes in
 * what has become of them: none runs twice at the same time, and none is lost.
 *
 * In a template, the variables are `job`, `task`, and each link's name, which stands for what the link's repository says
 * of the job: a path for a file, the data itself for metadata. What is not defined is an error. The filter `shquote`
 * makes a word of a value; there are also `tojson` and `toyaml`. A script that begins with `#!` is run by what it names
 * there, any other by `/bin/sh`. It runs in a folder of its own.
 *
 * A script that ends with another code than 0 has failed with class `user`; with 126 or 127, by which shells say that a
 * command cannot be executed or is not found, with class `config`. After `timeout` it is ended, with class
 * `timeout`; deleting its key from the link `pids` ends it, with class `cancelled`. A template that cannot be rendered,
 * or an interpreter that is not there, is class `config`; a machine that fails, or a process that vanishes, `infra`. A
 * script that is killed by a signal, be it by its own doing, has ended with 128 plus the number of the signal, as shells say it.
 *
 * The record of a job has `success`, `return_code`, `start_time` and `end_time`, and if it failed `class` and `attempts`;
 * if it is not the script that failed, `exception` as well. What a script wrote is stored as soon as it has ended by
 * itself, with whatever code. While the store is away that is tried again and again, and the job counts as running; when
 * the run is stopped meanwhile, the next one stores it.
 *
 * Unless `jobResources` says otherwise, each job takes one core.
 *
 * @typeParam Options The options that it is made with, from which the compiler knows its links.
 *
 * @example Usage
 * ```ts
 * import { FileRepository, InProcessMetadataRepository, LocalLinuxManager, Pipeline, ProcessTask, run, sh } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.mkdir(`${folder}/books`);
 * await Deno.writeTextFile(`${folder}/books/moby.txt`, "Call me Ishmael.");
 * const counts = new FileRepository(`${folder}/counts`);
 * await using manager = new LocalLinuxManager("example", { localPath: folder });
 *
 * const count = new ProcessTask("count", new InProcessMetadataRepository(), { manager, stdout: counts })
 *   .link("books", new FileRepository(`${folder}/books`, ".txt"), { isInput: true })
 *   .func(({ books }) => sh`wc -w < ${books}`);
 * await run(new Pipeline([count]));
 * strictEqual(await counts.readText("moby"), "3\n");
 * await manager.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class ProcessTask<const Options extends ProcessTaskOptions = ProcessTaskOptions>
  extends Task {
  /** Its links, as the compiler knows them. */
  declare readonly [linkTypes]: ProcessLinks<Options>;

  /** Where the processes run. */
  readonly manager: Accessor<AbstractProcessManager>;
  /** Where it is kept which jobs run: the link `pids`. */
  readonly pids: Repository<ProcessInfo | undefined>;

  readonly #options: ProcessTaskOptions;
  readonly #environ: Readonly<Record<string, string>>;
  #script: ScriptSource | undefined;
  /** The jobs whose end is not settled. */
  readonly #jobs = new Map<string, ProcessJob>();
  /** The jobs that are being started. */
  readonly #starting = new Map<string, Promise<ProcessJob>>();
  /** The ends that are awaited and stored: once each, however many attempts wait for them. */
  readonly #ends = new Map<ProcessJob, Promise<ProcessEnd>>();
  /** Large files of jobs whose end is not settled, which are stored elsewhere, too. */
  readonly #copies = new Map<string, string[]>();
  /** What is being stored. */
  readonly #storing = new Set<Promise<void>>();
  /** Set while what cannot be stored is left to the next run. */
  #closing = false;
  #onClosing: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Whether it was said that a store is away. */
  #isStoreAway = false;
  /** The manager that is to be released. */
  #acquired: AbstractProcessManager | undefined;

  /**
   * Makes the task.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param done Where the records of ended jobs are kept.
   * @param options The script, and where it runs.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(name: string, done: DoneRepository, options: Options) {
    const given: ProcessTaskOptions = options;
    const manager = given.manager ?? defaultManager(done);
    const resources = given.resources ??
      (manager instanceof AbstractProcessManager ? manager.resources : undefined);
    super(name, done, {
      ...given,
      ...resources !== undefined && { resources },
      jobResources: given.jobResources ?? new Resources(1),
    });
    this.#options = given;
    this.manager = manager;
    this.#environ = given.environ ?? {};
    for (const variable of Object.keys(this.#environ)) {
      if (!VARIABLE.test(variable)) {
        throw new PipelineError([
          `task "${name}": ${
            JSON.stringify(variable)
          } is not a name for a variable of the environment`,
        ]);
      }
    }
    if (given.template !== undefined) this.#script = new ScriptSource(this, given.template);
    this.pids = given.pids ?? new RunningProcesses(manager, name);
    linkProcess(this, this.pids, given);
    given.pids?.subscribe((change) => {
      if (change.type === "delete") this.#cancel(change.job);
    });
  }

  /**
   * Gives the task a function that makes its scripts, in place of the option `template`. Unlike there, the compiler knows
   * what the links give.
   *
   * @param func Makes the script of a job.
   * @returns The task itself.
   */
  func(func: ScriptFunction<ScriptArguments<this>>): this {
    // The values are made from the links, which are only ever added by .link and .plug, which tell the compiler.
    this.#script = new ScriptSource(this, func as ScriptFunction);
    return this;
  }

  /** As many as there are cores, if nothing else limits them. */
  override get defaultMaxConcurrent(): number {
    return this.options.resources === undefined ? navigator.hardwareConcurrency : Infinity;
  }

  /**
   * Checks that there is a script, and not the path of one in its place.
   *
   * @throws {PipelineError} If there is none.
   */
  override validate(): Promise<void> {
    const problem = this.#script === undefined
      ? "it has no script: give it one with the option template, or with .func(...)"
      : this.#script.problem;
    if (problem === undefined) return super.validate();
    return Promise.reject(new PipelineError([`task "${this.name}": ${problem}`]));
  }

  /** Starts the script of a job, and waits for its end. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    const starting = this.#start(job, attempt);
    this.#starting.set(job, starting);
    const process = await starting.finally(() => this.#starting.delete(job));
    return await this.#finish(process, attempt);
  }

  async #start(job: string, attempt: Attempt): Promise<ProcessJob> {
    if (this.#script === undefined) throw new PipelineError([`task "${this.name}" has no script`]);
    const script = await this.#script.render(job);
    const manager = await this.#acquire();
    this.#copies.delete(job);
    const folder = await manager.prepare(this.name, job);
    const { stdin, stderr } = this.#options;
    if (stdin !== undefined) {
      await this.#copy(
        job,
        await stdin.readable(job),
        `${folder}/stdin`,
        manager.writable(`${folder}/stdin`),
      );
    }
    const process = await manager.spawn({
      task: this.name,
      job,
      attempt: attempt.number,
      started: attempt.started,
      script,
      environ: { ...this.#environ, JOB: job, TASK: this.name },
      stdin: stdin !== undefined,
      interleaved: stderr === STDOUT,
    }).catch((error) => {
      if (!(error instanceof TypeError)) throw error;
      throw new JobError(`Cannot run the script of "${this.name}" for "${job}": ${error.message}`, {
        cause: error,
        class: "config",
      });
    });
    this.#jobs.set(job, process);
    attempt.detach();
    await this.#tell(process, manager);
    return process;
  }

  /** The jobs that an earlier run of the program has left. */
  override async recover(): Promise<readonly RecoveredJob[]> {
    const manager = await this.#acquire();
    for (const process of await manager.jobs(this.name)) {
      const earlier = this.#jobs.get(process.job);
      this.#jobs.set(process.job, process);
      if (earlier !== undefined && earlier !== process) await manager.forget(earlier);
    }
    if (this.#options.pids !== undefined) {
      for await (const job of this.#options.pids) {
        if (this.#jobs.get(job)?.end !== undefined || !this.#jobs.has(job)) {
          await this.#options.pids.delete(job);
        }
      }
    }
    const running = [...this.#jobs.values()].filter(({ end }) => end === undefined);
    const ran = await manager.runTimes(this.options.timeout === undefined ? [] : running);
    return [...this.#jobs.values()].map((process) => ({
      job: process.job,
      attempt: process.attempt,
      started: process.started,
      ...ran.has(process) && { ran: ran.get(process)! },
      ended: process.end !== undefined,
      resume: (attempt) => this.#finish(process, attempt),
    }));
  }

  /** The jobs that have ended, by whichever program they were started, and that no program has taken in. */
  override async untaken(): Promise<Set<string>> {
    const ended = new Set<string>();
    for (const { job, end } of await access(this.manager).unforgotten(this.name)) {
      if (end === undefined) ended.delete(job); // it was started anew
      else ended.add(job);
    }
    return ended;
  }

  /** Lets the manager forget how a job ended. */
  override async settled(job: string): Promise<void> {
    const process = this.#jobs.get(job);
    if (process === undefined) return;
    const manager = access(this.manager);
    manager.reached("recorded");
    this.#jobs.delete(job);
    for (const path of this.#copies.get(job) ?? []) await manager.rmtree(path);
    this.#copies.delete(job);
    await manager.forget(process);
    manager.reached("settled");
  }

  /** Since when a job runs, and as which process; undefined if it does not run. */
  override async state(job: string): Promise<string | undefined> {
    const info = await this.pids.info(job);
    if (info === undefined) return undefined;
    const process = info.pid === undefined ? "" : `, as process ${info.pid}`;
    return `has been running since ${info.start_time}${process}`;
  }

  /** Ends the process of a job: TERM to its group, and KILL if it is still there after the manager's grace time. */
  override async cancel(job: string): Promise<boolean> {
    if (!this.done.isValidJobId(job)) throw new JobIdError(job);
    await this.#starting.get(job)?.catch(() => {}); // whoever starts it is told
    return await access(this.manager).cancel(this.name, job);
  }

  /**
   * What the script has written to its standard output and standard error: from the job's folder, and when that is gone
   * from where it is stored.
   */
  override async logs(
    job: string,
    { follow = false, signal }: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    if (!this.done.isValidJobId(job)) throw new JobIdError(job);
    await this.#starting.get(job)?.catch(() => {}); // whoever starts it is told
    const manager = access(this.manager);
    // The folder on another machine may not be known before that is asked.
    const running = (await manager.running(this.name)).find((process) => process.job === job);
    const folder = manager.folder(this.name, job);
    const { stdout, stderr } = this.#options;
    const sources: LogSource[] = [{ path: `${folder}/stdout`, repository: stdout }];
    if (stderr !== STDOUT) sources.push({ path: `${folder}/stderr`, repository: stderr });
    const { endedLog, liveLog } = await import("./process_log.ts");
    if (running === undefined) return await endedLog(manager, job, sources);
    return liveLog(manager, running, sources.map(({ path }) => path), { follow, signal });
  }

  /** Gives the manager up, once what has begun to be started is started, and what has ended is stored. */
  override async close(): Promise<void> {
    this.#closing = true;
    this.#onClosing.resolve();
    await Promise.allSettled([...this.#starting.values(), ...this.#storing]);
    this.#closing = false;
    this.#onClosing = Promise.withResolvers();
    this.#isStoreAway = false;
    this.#jobs.clear();
    this.#copies.clear();
    const manager = this.#acquired;
    this.#acquired = undefined;
    await manager?.release(this);
  }

  async #acquire(): Promise<AbstractProcessManager> {
    const manager = access(this.manager);
    await manager.acquire(this);
    this.#acquired = manager;
    return manager;
  }

  /** Waits for the end of a job, and makes its record. */
  async #finish(process: ProcessJob, attempt: Attempt): Promise<DoneRecord> {
    const manager = access(this.manager);
    // A signal costs more than all else here: it is made only where it may be needed.
    const signal = this.options.timeout === undefined ? undefined : attempt.signal;
    const onAbort = (): void => {
      this.#kill(manager.kill(process, "timeout"), process.job);
    };
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    let awaiting = this.#ends.get(process);
    if (awaiting === undefined) {
      awaiting = this.#takeIn(process).finally(() => this.#ends.delete(process));
      this.#ends.set(process, awaiting);
    }
    const end = await awaiting;
    signal?.removeEventListener("abort", onAbort);
    return recordOf(attempt, end, this.options.timeout);
  }

  /** Waits for the end of a job, and stores what it has written. */
  async #takeIn(process: ProcessJob): Promise<ProcessEnd> {
    const manager = access(this.manager);
    const end = await process.ended;
    const clearing = manager.cleared(process);
    if (clearing !== undefined) await clearing;
    manager.reached("ended");
    const storing = this.#store(process.job, end);
    this.#storing.add(storing);
    await storing.finally(() => this.#storing.delete(storing));
    return end;
  }

  /** Stores what a script has written. */
  async #store(job: string, end: ProcessEnd): Promise<void> {
    const manager = access(this.manager);
    const folder = manager.folder(this.name, job);
    const { stdout, stderr } = this.#options;
    if (end.failure === undefined) {
      for (const [name, repository] of [["stdout", stdout], ["stderr", stderr]] as const) {
        if (repository === undefined || repository === STDOUT) continue;
        const path = `${folder}/${name}`;
        await this.#insist(
          job,
          async () => this.#copy(job, await manager.readable(path), path, repository.writable(job)),
          path,
        );
      }
    }
    manager.reached("stored");
    if (this.pids instanceof RunningProcesses) this.pids.tell({ type: "delete", job });
    else await this.#insist(job, () => this.pids.delete(job));
  }

  /**
   * Takes in something of a job that has ended, as often as it needs: a store that is away is no failure of the job, nor a
   * reason to run it again. When the task is closed meanwhile, that is left to the next run.
   *
   * @param job The job.
   * @param action Does it.
   * @param path The file that it reads, without which it cannot be done.
   */
  async #insist(job: string, action: () => Promise<void>, path?: string): Promise<void> {
    const manager = access(this.manager);
    for (let delay = FIRST_DELAY;; delay = Math.min(2 * delay, LONGEST_DELAY)) {
      try {
        await action();
        this.#isStoreAway = false;
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || this.#closing) throw error;
        if (path !== undefined && await isMissing(manager, path)) throw error;
        if (!this.#isStoreAway) {
          this.#isStoreAway = true;
          warn(
            `"${job}" of task "${this.name}" has ended, but that cannot be kept yet: ${
              headline(error)
            }; for this and all its jobs it is tried again while the run goes on, and by the next one`,
          );
        }
        await manager.pause(delay, this.#onClosing.promise);
        if (this.#closing) throw error;
      }
    }
  }

  /** Copies from or to a file in the folder of a job. */
  async #copy(
    job: string,
    source: ReadableStream<Uint8Array>,
    path: string,
    target: Promise<WritableStream<Uint8Array>>,
  ): Promise<void> {
    let size = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        size += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const sink = await target.catch(async (error) => {
      await source.cancel();
      throw error;
    });
    await source.pipeThrough(count).pipeTo(sink);
    if (size >= LARGE) this.#copies.set(job, [...this.#copies.get(job) ?? [], path]);
  }

  /** Makes it known that a job runs. */
  async #tell(process: ProcessJob, manager: AbstractProcessManager): Promise<void> {
    if (this.pids instanceof RunningProcesses) {
      this.pids.tell({ type: "put", job: process.job });
      return;
    }
    const { pids } = this.#options;
    if (pids === undefined) return;
    await manager.identified(process);
    try {
      await pids.dump(process.job, {
        pid: process.process?.pid,
        start_time: new Date(process.started).toISOString(),
      });
    } catch (error) { // it runs all the same
      warn(
        `"${process.job}" of task "${this.name}" runs, but ${pids} does not tell: ${
          headline(error)
        }`,
      );
    }
  }

  #cancel(job: string): void {
    const process = this.#jobs.get(job);
    if (process === undefined || process.end !== undefined) return;
    this.#kill(access(this.manager).kill(process, "cancelled"), job);
  }

  #kill(killing: Promise<void>, job: string): void {
    killing.catch((error) =>
      warn(`"${job}" of task "${this.name}" cannot be ended: ${headline(error)}`)
    );
  }
}

/** What shells say by the code that they end with. */
const SHELL_CODES: ReadonlyMap<number | undefined, ProcessEnd["failure"]> = new Map([
  [126, { class: "config", message: "it ended with code 126: a command cannot be executed" }],
  [127, { class: "config", message: "it ended with code 127: a command is not found" }],
]);

function recordOf(
  attempt: Attempt,
  end: ProcessEnd,
  timeout: number | undefined,
): DoneRecord {
  const { code, failure = SHELL_CODES.get(code) } = end;
  const success = code === 0 && failure === undefined;
  return {
    success,
    ...code !== undefined && { return_code: code },
    start_time: new Date(attempt.started).toISOString(),
    end_time: new Date(end.at).toISOString(),
    ...!success && { class: failure?.class ?? "user" },
    ...failure !== undefined && {
      exception: failure.class === "timeout" && timeout !== undefined
        ? `it ran longer than ${timeout} s`
        : failure.message,
    },
  };
}

/** Whether it is known that there is no such file. */
async function isMissing(manager: AbstractProcessManager, path: string): Promise<boolean> {
  return await manager.readAt(path, 0).then((bytes) => bytes === undefined, () => false);
}

/** Links what a process uses. The compiler knows these links by the options of the task. */
function linkProcess(
  task: Task,
  pids: Repository,
  { stdin, stdout, stderr }: ProcessTaskOptions,
): void {
  task.link("pids", pids, { isStatus: true, inhibitsStart: true, inhibitsOutput: true });
  if (stdin !== undefined) task.link("stdin", stdin, { isInput: true });
  if (stdout !== undefined) task.link("stdout", stdout, { isOutput: true });
  if (stderr !== undefined && stderr !== STDOUT) task.link("stderr", stderr, { isOutput: true });
}
