/**
 * Functions on all cores.
 *
 * @module
 */

import type { Attempt } from "../lib/attempt.ts";
import type { BlobRepository } from "../lib/blob_repository.ts";
import type { DoneRecord, DoneRepository } from "../lib/done_record.ts";
import { PipelineError } from "../lib/errors.ts";
import type { LinkType, linkTypes } from "../lib/link_types.ts";
import { importableMainModule } from "../lib/main_module.ts";
import { Resources } from "../lib/resources.ts";
import type { Task, TaskOptions } from "../lib/task.ts";
import type { Executor } from "./executor.ts";
import type { ExecutorJobs } from "./executor_jobs.ts";
import { ExecutorLiveRepo } from "./executor_live_repo.ts";
import { FunctionTask } from "./function_task.ts";
import type { OtherPrograms } from "./live_client.ts";

/** Options of an {@linkcode ExecutorTask}. */
export interface ExecutorTaskOptions extends TaskOptions {
  /**
   * Where what a job writes to its console is kept when it has ended: then it becomes the link `logs`. Otherwise it is
   * written to standard error, unless somebody reads along.
   */
  readonly logs?: BlobRepository;
  /**
   * The module that exports the pipeline, or the task: each thread or process imports it.
   *
   * @default {"the main module of the program"}
   */
  readonly module?: string | URL;
}

/**
 * Runs a function for each job in a thread or a process of its own, so that all cores work, and a function that hangs,
 * leaks or crashes hurts nobody.
 *
 * The function is found again there: each thread or process imports the module that exports the pipeline (or the task),
 * by default the main module of the program; `import.meta.main` is false there. Of the session, only those resources are
 * opened that the repositories need that are linked. Repositories in the memory of this process are reached from there:
 * what is written to them is there when the job has ended. Variables of the module are those of the thread or process.
 *
 * What the function returns is ignored. A job whose function throws has failed, with class `user`, unless it throws a
 * {@linkcode JobError} that says otherwise or a {@linkcode StoreError}, which is class `infra`. After `timeout`, and when
 * a job is cancelled (by `cancel`, or by deleting its key from `live`), the function's `signal` is aborted; two seconds
 * later its thread or process is ended.
 *
 * Threads and processes are used again. A function that ends its thread or process, uses up its memory or keeps it busy
 * beyond the timeout, where others have run before it, is called once more in a new one before it has failed: it may have
 * been something that one of those has left behind.
 *
 * What a function writes to its console is kept while it runs, and longer with the option `logs`. The last line of it is in
 * `live.info(job)`, and the verb `why` shows it: that is the place to say how far the job is.
 *
 * While its jobs run, other programs of this user with the same pipeline see them in `live`, do not start them, can cancel
 * them, and read what they write: by a socket in the folder of state, if the program may read, write and use the net.
 *
 * The record of a job has `success`, `start_time` and `end_time`, and if it failed `class`, `attempts`, `exception`
 * and `traceback`.
 *
 * @example Usage
 * ```ts ignore
 * // pipeline.ts
 * import { ExecutorTask, FileRepository, main, Pipeline, WorkerExecutor, YamlMetadataFileRepository } from "@datatask/datatask";
 *
 * const books = new FileRepository("./books", ".txt");
 * const counts = new YamlMetadataFileRepository<number>("./counts");
 * const count = new ExecutorTask("count", new WorkerExecutor(), new YamlMetadataFileRepository("./done"))
 *   .link("books", books, { isInput: true })
 *   .link("counts", counts, { isOutput: true })
 *   .func(async ({ job, books, counts }) => {
 *     await counts.dump(job, (await books.readText(job)).split(/\s+/).length);
 *   });
 *
 * export const pipeline = new Pipeline([count]);
 * if (import.meta.main) await main(pipeline);
 * ```
 */
export class ExecutorTask extends FunctionTask {
  /** Its links, as the compiler knows them. */
  declare readonly [linkTypes]: {
    readonly done: LinkType<DoneRepository, false>;
    readonly live: LinkType<ExecutorLiveRepo, false>;
  };

  /** What runs the function. */
  readonly executor: Executor;
  /** The jobs that it runs: the link `live`. Deleting a key cancels the job. */
  readonly live: ExecutorLiveRepo;
  readonly #module: string | undefined;
  readonly #logs: BlobRepository | undefined;
  /** What runs its jobs, once it is loaded. */
  #jobs: ExecutorJobs | undefined;
  /** Loads that, for the first job. */
  #loading: Promise<ExecutorJobs> | undefined;
  /** Those that may run jobs of it as well, once it is asked for them. */
  #others: OtherPrograms | undefined;

  /**
   * Makes the task. It works once it has an input and a function.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param executor What runs the function. Several tasks can share one.
   * @param done Where the records of ended jobs are kept.
   * @param options What every task can be told, and where logs go.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(
    name: string,
    executor: Executor,
    done: DoneRepository,
    options: ExecutorTaskOptions = {},
  ) {
    super(name, done, {
      ...options,
      resources: options.resources ?? executor.resources,
      jobResources: options.jobResources ?? new Resources(1),
    });
    this.executor = executor;
    this.live = new ExecutorLiveRepo(name, {
      list: async () => await (await this.#otherPrograms())?.list() ?? new Map(),
      cancel: async (job) => await (await this.#otherPrograms())?.cancel(job) ?? false,
    });
    this.#module = options.module === undefined ? undefined : String(options.module);
    this.#logs = options.logs;
    linkStatus(this, this.live, options.logs);
  }

  /**
   * Checks that there is a function, and that the executor can find it.
   *
   * @throws {PipelineError} If it cannot work like that.
   */
  override validate(): Promise<void> {
    const refusal = this.executor.refusal?.(this.#moduleUrl);
    if (refusal === undefined) return super.validate();
    return Promise.reject(
      new PipelineError([`task "${this.name}" cannot be run: its module ${refusal}`]),
    );
  }

  /** As many as its executor runs at a time. */
  override get defaultMaxConcurrent(): number {
    return this.executor.capacity;
  }

  /** Lets the executor call the function. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    const ending = new AbortController();
    const ended = Promise.withResolvers<void>();
    this.live.begin(job, attempt.started, () => {
      ending.abort(new DOMException("The job was cancelled", "AbortError"));
      return ended.promise;
    }, () => this.#jobs?.console(job)?.lastLine());
    try {
      const jobs = this.#jobs ?? await (this.#loading ??= this.#load());
      return await jobs.execute(job, attempt, this.#moduleUrl, ending.signal);
    } finally {
      this.live.end(job);
      ended.resolve();
    }
  }

  /**
   * Ends a job that this program runs, or another of this user's that has the same pipeline, and waits for that.
   *
   * @param job The job.
   * @returns Whether it ran.
   */
  override async cancel(job: string): Promise<boolean> {
    return await this.live.cancel(job);
  }

  /**
   * What a job has written to its console: one that this program runs, or another of this user's that has the same
   * pipeline; or one whose `logs` are kept.
   *
   * @param job The job.
   * @param options Whether to go on until it has ended; and what stops that.
   * @returns The text; `undefined` if nothing is known of the job.
   */
  override async logs(
    job: string,
    options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const console = (await this.#loading)?.console(job);
    if (console !== undefined) return console.read(options);
    const text = await (await this.#otherPrograms())?.logs(job, options);
    if (text !== undefined) return text;
    if (this.#logs === undefined || !await this.#logs.contains(job)) return undefined;
    return await this.#logs.readable(job);
  }

  /**
   * How a job stands that runs.
   *
   * @param job The job.
   * @returns Since when it runs, and what it has written last; `undefined` if it does not run.
   */
  override async state(job: string): Promise<string | undefined> {
    const info = await this.live.info(job);
    if (info === undefined) return undefined;
    const last = info.last_line === undefined ? "" : `; it has last written: ${info.last_line}`;
    return `has been running since ${info.start_time}${last}`;
  }

  /** Ends the threads or processes of its executor. */
  override async close(): Promise<void> {
    await this.executor.close();
    await (await this.#loading)?.close();
  }

  async #load(): Promise<ExecutorJobs> {
    const { ExecutorJobs } = await import("./executor_jobs.ts");
    return this.#jobs = new ExecutorJobs(this, this.#logs);
  }

  /** Those that may run jobs of it as well; undefined if nobody else can, for its records are in memory. */
  async #otherPrograms(): Promise<OtherPrograms | undefined> {
    if (this.#others !== undefined || this.done.isInMemory) return this.#others;
    const { OtherPrograms } = await import("./live_client.ts");
    return this.#others ??= new OtherPrograms(this, () => this.#jobs?.socket);
  }

  get #moduleUrl(): string {
    return this.#module ?? importableMainModule();
  }
}

/** Links what a task keeps account in. The compiler knows these links by the class of the task. */
function linkStatus(task: Task, live: ExecutorLiveRepo, logs: BlobRepository | undefined): void {
  task.link("live", live, { isStatus: true, inhibitsStart: true, inhibitsOutput: true });
  if (logs !== undefined) task.link("logs", logs, { isStatus: true });
}
