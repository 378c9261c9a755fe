/**
 * Tasks: phases of computation, tied to repositories by links.
 *
 * @module
 */

import { AggregateAndRepository, AggregateOrRepository } from "./aggregate_repository.ts";
import type { Attempt, RecoveredJob } from "./attempt.ts";
import { BlockingRepository } from "./blocking_repository.ts";
import type { DoneRecord, DoneRepository } from "./done_record.ts";
import { type FailureClass, PipelineError } from "./errors.ts";
import { type Link, type LinkOptions, makeLink } from "./link.ts";
import type {
  FreeName,
  HasLinks,
  IsOutput,
  LinkType,
  linkTypes,
  OutputsOf,
  Plugged,
  ReservedName,
} from "./link_types.ts";
import { RelatedItemRepository } from "./related_item_repository.ts";
import type { Repository } from "./repository.ts";
import type { ResourceManager } from "./resource_manager.ts";
import type { Resources } from "./resources.ts";

/** Options that every task takes. */
export interface TaskOptions {
  /** Decides alone which jobs are ready, in place of the links. */
  readonly ready?: Repository;
  /**
   * Whether to leave the task out: none of its jobs is started.
   *
   * @default {false}
   */
  readonly disabled?: boolean;
  /**
   * How often a job that failed is tried again: for failures of the classes `user`, `timeout` and `oom` together, or by
   * class. A class that is not named keeps its default: 2 for `infra`, 0 for the rest.
   *
   * @default {0}
   */
  readonly retries?: number | Partial<Record<FailureClass, number>>;
  /**
   * Seconds before the first retry. They double with each further one, to at most five minutes, and are shortened by
   * chance to as little as half, so that jobs that failed together are not tried together again.
   *
   * @default {1}
   */
  readonly backoff?: number;
  /** Seconds after which an attempt is ended and counts as failed. Unlimited, if it is not given. */
  readonly timeout?: number;
  /**
   * Whether tasks that use this one's output go on where it failed, if the output is there.
   *
   * @default {false}
   */
  readonly failureOk?: boolean;
  /** How many of its jobs run at the same time. Each kind of task has a default of its own. */
  readonly maxConcurrent?: number;
  /**
   * Which jobs come first: the greater number, of one task or of several. A function is called once a job.
   *
   * @default {0}
   */
  readonly priority?: number | ((job: string) => number);
  /** Limits what runs at the same time, together with all tasks that share it. */
  readonly resources?: ResourceManager;
  /** What each job takes of `resources` while it runs. */
  readonly jobResources?: Resources;
}

/** Options of {@linkcode Task.plug}. */
export interface PlugOptions<Outputs extends string = string> {
  /** Which outputs become inputs here. All, if it is not given. */
  readonly outputLinks?: readonly Outputs[];
  /**
   * Whether to wait, too, for what says that the other task's results are complete.
   *
   * @default {true}
   */
  readonly meta?: boolean;
  /** Gives for each job here the job of the other task that it belongs to. The same job, if it is not given. */
  readonly translator?: Repository<string | null | undefined>;
  /**
   * Whether deleting through the translated links reaches the other task's repositories.
   *
   * @default {false}
   */
  readonly translateAllowDeletes?: boolean;
  /**
   * Whether the translator is read whole, in place of a look at each job.
   *
   * @default {true}
   */
  readonly translatePrefetchLookup?: boolean;
}

/** Names that functions and templates are given besides the links. */
const RESERVED_NAMES: ReadonlySet<string> = new Set<ReservedName>(["job", "signal", "task"]);

/** A name for a task or a link: no dot, for these two are written `task.link`. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/;

/**
 * One phase of computation. A job of it is ready when every repository that it requires holds the job's key and none
 * that inhibits it does.
 *
 * A kind of task of your own needs {@linkcode execute}.
 *
 * @example A kind of task
 * ```ts
 * import { type Attempt, type DoneRecord, InProcessMetadataRepository, Pipeline, run, Task } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const seen: string[] = [];
 * class NotingTask extends Task {
 *   override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
 *     seen.push(job);
 *     return { success: true, start_time: new Date(attempt.started).toISOString(), end_time: new Date().toISOString() };
 *   }
 * }
 *
 * const names = new InProcessMetadataRepository(new Map([["moby", 1]]));
 * const task = new NotingTask("note", new InProcessMetadataRepository()).link("names", names, { isInput: true });
 * await run(new Pipeline([task]));
 * deepStrictEqual(seen, ["moby"]);
 * ```
 */
export abstract class Task {
  /** Its links, as the compiler knows them. */
  declare readonly [linkTypes]: { readonly done: LinkType<DoneRepository, false> };

  /** Its name, the same to every pipeline. */
  readonly name: string;
  /** Where the records of ended jobs are kept: the link `done`. */
  readonly done: DoneRepository;
  /** The options it was made with. */
  readonly options: TaskOptions;
  /** Whether it is left out: none of its jobs is started. */
  disabled: boolean;
  /** Whether a launch waits until the job has ended, wherever it runs. Set by `Pipeline.settings`. */
  synchronous = false;
  /** Whether records of ended jobs are kept. Set by `Pipeline.settings`. */
  metadata = true;

  readonly #links = new Map<string, Link>();

  /**
   * Makes the task, with one link: `done`, which is a status, inhibits the start, and is required for the output.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param done Where the records of ended jobs are kept.
   * @param options What every task can be told.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(name: string, done: DoneRepository, options: TaskOptions = {}) {
    if (!NAME.test(name)) {
      throw new PipelineError([
        `${
          JSON.stringify(name)
        } is not a name for a task: use letters, digits, "_" and, inside, "-"`,
      ]);
    }
    this.name = name;
    this.done = done;
    this.options = options;
    this.disabled = options.disabled ?? false;
    this.#add("done", done, { isStatus: true, inhibitsStart: true, requiredForOutput: true });
  }

  /**
   * Runs a job once. Called by the engine when the job is ready, and never twice at the same time for one job.
   *
   * @param job The job.
   * @param attempt What is known of the attempt.
   * @returns What happened; also that the job failed. The engine keeps the record, or tries again.
   * @throws {unknown} If it is not the job's fault: the attempt counts as failed with class `infra`.
   */
  abstract execute(job: string, attempt: Attempt): Promise<DoneRecord>;

  /**
   * Optional, for tasks whose jobs go on without this program: what an earlier run of it left. Called by the engine
   * before it starts anything of the task. While it cannot be said, nothing is started.
   *
   * @returns The jobs that still run, and those whose end nobody has taken in.
   * @throws {StoreError} If it cannot be said.
   */
  recover?(): Promise<readonly RecoveredJob[]>;

  /**
   * Optional, for tasks whose jobs can be recovered: which of them have ended without anybody having taken that in.
   * Verbs that only read ask for it, even while another program is at work: it takes no lock, and changes nothing.
   *
   * @returns The jobs.
   * @throws {StoreError} If it cannot be said.
   */
  untaken?(): Promise<Iterable<string>>;

  /**
   * Optional, for tasks whose jobs can be recovered: called when the record that {@linkcode execute} gave is kept, or
   * another attempt arranged, so that what was kept for recovery can go.
   *
   * @param job The job.
   */
  settled?(job: string): Promise<void>;

  /**
   * Optional, for tasks whose jobs can be reached from outside: ends a job that runs, whichever program started it. Its
   * record says that it failed with class `cancelled`; whoever started it makes the record.
   *
   * @param job The job.
   * @returns Whether it ran.
   * @throws {StoreError} If it cannot be said, or the job cannot be ended.
   */
  cancel?(job: string): Promise<boolean>;

  /**
   * Optional, for tasks whose jobs write something to look at: what the latest attempt at a job has written, to its
   * standard output and standard error, or to the console. It stays when the job has ended. The latest attempt may be
   * one that {@linkcode execute} has been called for this moment: there is nothing to be shown of it yet, but there will.
   *
   * @param job The job.
   * @param options Whether to go on as the job writes more, until it has ended; and what stops that.
   * @returns The text, as it was written; `undefined` if nothing is known of the job.
   * @throws {StoreError} If it cannot be said.
   */
  logs?(
    job: string,
    options?: { readonly follow?: boolean; readonly signal?: AbortSignal },
  ): Promise<ReadableStream<Uint8Array> | undefined>;

  /**
   * Optional, for tasks whose jobs may have to wait where they run: how a job stands that has been started.
   *
   * @param job The job.
   * @returns A clause whose subject is the job, such as `has pod x, Pending since y, because z`; `undefined` if there is
   * nothing to say.
   * @throws {StoreError} If it cannot be said.
   */
  state?(job: string): Promise<string | undefined>;

  /**
   * Optional, likewise: which of the jobs that have been started wait where they run, and for what. `status` asks for it,
   * so it should cost no more than a listing, and nothing where nothing runs.
   *
   * @returns Why, by job, in the same words for the same reason: as {@linkcode state} gives it behind `because`.
   * @throws {StoreError} If it cannot be said.
   */
  waiting?(): Promise<ReadonlyMap<string, string>>;

  /**
   * Optional: gives up what the task holds open, when its pipeline is closed. What runs without this program goes on. The
   * pipeline, and so the task, may be opened again.
   */
  close?(): Promise<void>;

  /**
   * Checks, when a pipeline is opened, that the task can work.
   *
   * @throws {PipelineError} If it cannot.
   */
  validate(): Promise<void> {
    return Promise.resolve();
  }

  /** How many jobs run at the same time, if the options do not say. */
  get defaultMaxConcurrent(): number {
    return Infinity;
  }

  /** Its links, by name, in the order in which they were made. */
  get links(): ReadonlyMap<string, Link> {
    return this.#links;
  }

  /**
   * Ties the task to a repository.
   *
   * @param name How functions, templates and verbs call it: letters, digits, `_` and `-`.
   * @param repo The repository.
   * @param options How the task uses it.
   * @returns The task itself, which now has the link also for the compiler.
   * @throws {PipelineError} If the name is taken, or is no name.
   */
  link<
    const Name extends string,
    R extends Repository,
    const Options extends LinkOptions = LinkOptions,
  >(
    name: Name & FreeName<Name, this>,
    repo: R,
    options?: Options,
  ): this & HasLinks<{ readonly [N in Name]: LinkType<R, IsOutput<Options>> }> {
    this.#add(name, repo, options);
    return this as this & HasLinks<{ readonly [N in Name]: LinkType<R, IsOutput<Options>> }>;
  }

  /**
   * Makes the task work on the results of another: the other's outputs become inputs here, and a job here waits until
   * the other's results are complete. A link that is an output keeps its name; the others are called
   * `<task>_<link>`. Later links of the other task are not seen.
   *
   * Tasks that share a repository need no plug: a task waits for another whose output it requires.
   *
   * @param task The other task.
   * @param options Which outputs, and for which jobs.
   * @returns The task itself, which now has the inputs also for the compiler.
   * @throws {PipelineError} If a name is taken.
   */
  plug<T extends Task, const Names extends OutputsOf<T> = OutputsOf<T>>(
    task: T,
    options: PlugOptions<Names> = {},
  ): this & HasLinks<Plugged<T, Names>> {
    const { outputLinks, meta = true, translator } = options;
    const allowed: ReadonlySet<string> | undefined = outputLinks && new Set(outputLinks);
    for (const [name, link] of task.links) {
      const inhibitsStart = link.inhibitsOutput && meta;
      const isInput = link.isOutput && (allowed === undefined || allowed.has(name));
      const requiredForStart = isInput || (link.requiredForOutput && meta);
      if (!inhibitsStart && !isInput && !requiredForStart) continue;
      const repo = translator === undefined
        ? link.repo
        : new RelatedItemRepository(link.repo, translator, {
          allowDeletes: options.translateAllowDeletes ?? false,
          prefetchLookup: options.translatePrefetchLookup ?? true,
        });
      this.#add(link.isOutput ? name : `${task.name}_${name}`, repo, {
        isInput,
        inhibitsStart,
        requiredForStart,
      });
    }
    return this as this & HasLinks<Plugged<T, Names>>;
  }

  /**
   * The keys of the jobs that are ready as far as the links say: what all required repositories hold and no inhibiting
   * one does; or what the option `ready` says.
   *
   * @throws {PipelineError} If nothing is required or nothing inhibits.
   */
  get ready(): Repository {
    if (this.options.ready !== undefined) return this.options.ready;
    const required = this.requiredForStart;
    const inhibiting = this.inhibitsStart;
    if (required.size === 0) {
      throw new PipelineError([`task "${this.name}" requires nothing: link an input`]);
    }
    if (inhibiting.size === 0) {
      throw new PipelineError([`task "${this.name}" is inhibited by nothing`]);
    }
    return new BlockingRepository(
      new AggregateAndRepository(Object.fromEntries(required)),
      new AggregateOrRepository(Object.fromEntries(inhibiting)),
    );
  }

  /** The repositories it reads from, by link name. */
  get input(): ReadonlyMap<string, Repository> {
    return this.#repositories("isInput");
  }

  /** The repositories it writes its results to, by link name. */
  get output(): ReadonlyMap<string, Repository> {
    return this.#repositories("isOutput");
  }

  /** The repositories it keeps account in, by link name. */
  get status(): ReadonlyMap<string, Repository> {
    return this.#repositories("isStatus");
  }

  /** The repositories that keep a job from being started, by link name. */
  get inhibitsStart(): ReadonlyMap<string, Repository> {
    return this.#repositories("inhibitsStart");
  }

  /** The repositories that a job needs to be started, by link name. */
  get requiredForStart(): ReadonlyMap<string, Repository> {
    return this.#repositories("requiredForStart");
  }

  /** The repositories that say that a job's results are not complete, by link name. */
  get inhibitsOutput(): ReadonlyMap<string, Repository> {
    return this.#repositories("inhibitsOutput");
  }

  /** The repositories that must hold a job's key for its results to be complete, by link name. */
  get requiredForOutput(): ReadonlyMap<string, Repository> {
    return this.#repositories("requiredForOutput");
  }

  /** Names its class and itself. */
  toString(): string {
    return `<${this.constructor.name} ${this.name}>`;
  }

  #repositories(flag: keyof LinkOptions): ReadonlyMap<string, Repository> {
    return new Map(
      [...this.#links].filter(([, link]) => link[flag]).map(([name, link]) => [name, link.repo]),
    );
  }

  #add(name: string, repo: Repository, options?: LinkOptions): void {
    const problem = !NAME.test(name)
      ? `${
        JSON.stringify(name)
      } is not a name for a link: use letters, digits, "_" and, inside, "-"`
      : RESERVED_NAMES.has(name)
      ? `"${name}" is not a name for a link: functions are given it by datatask`
      : this.#links.has(name)
      ? `"${name}" is linked already`
      : undefined;
    if (problem !== undefined) throw new PipelineError([`task "${this.name}": ${problem}`]);
    this.#links.set(name, makeLink(repo, options));
  }
}
