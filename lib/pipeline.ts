/**
 * Pipelines: tasks and the resources they need.
 *
 * @module
 */

import { Engine } from "./engine/engine.ts";
import type { Env } from "./env.ts";
import { PipelineError } from "./errors.ts";
import { dependantsIn, type GraphNode, graphOf, type PipelineGraph, sourcesOf } from "./graph.ts";
import { onlyLendsFunctions } from "./main_module.ts";
import { Repository } from "./repository.ts";
import type { ResourceManager } from "./resource_manager.ts";
import { Session } from "./session.ts";
import { stateFolder } from "./state_folder.ts";
import { Task } from "./task.ts";

/** Options of a {@linkcode Pipeline}. */
export interface PipelineOptions {
  /**
   * Quotas that are shared with something else. Whoever has been registered with one is asked anew what is in use, at
   * the start of each run and of each cycle, while no job of this pipeline holds a part of it. Quotas of which all is
   * reserved by tasks of this pipeline need not be named.
   */
  readonly resources?: readonly ResourceManager[];
  /** Which jobs come first: the greater number. Added to the `priority` of the task. Called once a job. */
  readonly priority?: (task: Task, job: string) => number;
  /**
   * How messages call it.
   *
   * @default {"pipeline"}
   */
  readonly name?: string;
  /**
   * The folder in which it keeps what makes the next start faster, and which may be deleted at any time: the keys of
   * large repositories that can prove that nothing has changed since.
   *
   * @default {"$XDG_STATE_HOME/datatask"}
   */
  readonly state?: string;
  /** The clock, chance and timers that it uses: for tests. */
  readonly env?: Env;
}

/** Options of {@linkcode Pipeline.open}. */
export interface OpenOptions {
  /**
   * Whether nothing is to be written: repositories that can be read are left as they are. What is lacking is made all the
   * same.
   *
   * @default {false}
   */
  readonly readOnly?: boolean;
}

/** What {@linkcode Pipeline.settings} sets. */
export interface PipelineSettings {
  /**
   * Whether a launch waits until the job has ended, wherever it runs.
   *
   * @default {false}
   */
  readonly synchronous?: boolean;
  /**
   * Whether records of ended jobs are kept.
   *
   * @default {true}
   */
  readonly metadata?: boolean;
}

/**
 * A set of tasks, and the session that holds their resources. How the tasks depend on each other follows from the
 * repositories they share.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, InProcessSyncTask, Pipeline } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const numbers = new InProcessMetadataRepository(new Map([["a", 1], ["b", 2]]));
 * const task = new InProcessSyncTask("double", new InProcessMetadataRepository())
 *   .link("numbers", numbers, { isInput: true })
 *   .func(() => {});
 *
 * await using pipeline = new Pipeline([task]);
 * await pipeline.open();
 * deepStrictEqual(await pipeline.gatherReadyJobs(task), new Set(["a", "b"]));
 * ```
 */
export class Pipeline implements AsyncDisposable {
  /** Its tasks, in their order. */
  readonly tasks: readonly Task[];
  /** What holds the resources of its repositories and tasks. */
  readonly session: Session;
  /** How messages call it. */
  readonly name: string;

  readonly #options: PipelineOptions;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Makes a pipeline.
   *
   * @param tasks Its tasks. Where two jobs have the same priority, that of the earlier task comes first.
   * @param session What holds the resources of its repositories and tasks.
   * @param options Quotas and priorities.
   */
  constructor(
    tasks: Iterable<Task>,
    session: Session = new Session(),
    options: PipelineOptions = {},
  ) {
    this.tasks = [...tasks];
    this.session = session;
    this.name = options.name ?? "pipeline";
    this.#options = options;
  }

  /**
   * Sets how all tasks go about their launches.
   *
   * @param settings What to set; what is not given is set to its default.
   */
  settings({ synchronous = false, metadata = true }: PipelineSettings = {}): void {
    for (const task of this.tasks) {
      task.synchronous = synchronous;
      task.metadata = metadata;
    }
  }

  /** The folder for snapshots of what repositories hold; undefined if there is none. */
  get snapshots(): string | undefined {
    const state = this.#options.state ?? stateFolder();
    return state && `${state}/keys`;
  }

  /** Whether it is open. */
  get isOpen(): boolean {
    return engines.has(this);
  }

  /**
   * Opens the session, and makes sure that every task and every repository can work. Folders and tables that tasks write
   * to are made; those that they only read must be there.
   *
   * @param options Whether it is to be written to.
   * @throws {PipelineError} If tasks cannot work. The message lists every problem.
   * @throws {StoreError} If a repository cannot be used.
   * @throws {TypeError} If it is open.
   */
  async open(options: OpenOptions = {}): Promise<void> {
    if (onlyLendsFunctions()) {
      throw new PipelineError([
        "its module runs it also where it is imported for its functions only; let it do so only if import.meta.main is " +
        "true",
      ]);
    }
    if (this.#opening !== undefined) {
      throw new TypeError(`Cannot open the ${this.name}: it is open already`);
    }
    this.#opening = this.#open(options);
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /**
   * Closes the tasks and the session, once they are open. What runs in this process is not waited for. Closing what is
   * closed does nothing.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => void (this.#closing = undefined));
    await this.#closing;
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * One cycle: looks, starts what is ready, and waits for those jobs that run in this process. A job that becomes ready
   * meanwhile is left for the next cycle.
   *
   * @returns Whether another cycle could do something: a job was started, runs, or waits to be tried again.
   */
  async update(): Promise<boolean> {
    const running = await this.updateOnlyUpdate();
    return await this.updateOnlyLaunch() || running;
  }

  /**
   * The first half of a cycle: takes in what has ended.
   *
   * @returns Whether jobs run or wait to be tried again.
   */
  async updateOnlyUpdate(): Promise<boolean> {
    const engine = engineOf(this);
    await engine.keys.settled();
    return engine.running > 0 || engine.retrying > 0;
  }

  /**
   * The second half of a cycle: looks, and starts what is ready.
   *
   * @returns Whether a job was started, runs, or waits to be tried again.
   */
  async updateOnlyLaunch(): Promise<boolean> {
    return await engineOf(this).cycle();
  }

  /**
   * The jobs of a task that the next cycle would start, if there is room for them.
   *
   * @param task One of its tasks.
   * @returns Their ids; none, if the task is disabled.
   */
  async gatherReadyJobs(task: Task): Promise<Set<string>> {
    const engine = engineOf(this);
    engine.forgetEnded();
    await engine.survey();
    return await engine.ready(task);
  }

  /**
   * The graph of its tasks and repositories.
   *
   * @returns The graph. Its nodes are the objects themselves.
   */
  graph(): PipelineGraph {
    return graphOf(this.tasks);
  }

  /**
   * What depends on a task or a repository.
   *
   * @param node The task or the repository.
   * @param recursive Whether to go on from there.
   * @returns The node itself and what depends on it, depth first.
   */
  dependants(node: GraphNode, recursive: boolean): GraphNode[] {
    return dependantsIn(this.graph(), node, recursive);
  }

  async #open({ readOnly = false }: OpenOptions): Promise<void> {
    await this.session.open();
    await using closing = this.#whatToClose();
    await this.#validateTasks();
    await this.#validateRepositories(readOnly);
    engines.set(
      this,
      new Engine({ tasks: this.tasks, ...this.#options, snapshots: this.snapshots }),
    );
    closing.move(); // nothing is to be closed: it is open
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {}); // whoever opens it is told
    const engine = engines.get(this);
    engines.delete(this);
    await engine?.close();
    this.#opening = undefined;
    await this.#whatToClose().disposeAsync();
  }

  /** Closes the tasks, the last first, and then the session, though some of that may fail. */
  #whatToClose(): AsyncDisposableStack {
    const closing = new AsyncDisposableStack();
    closing.defer(() => this.session.close());
    for (const task of this.tasks) closing.defer(() => task.close?.());
    return closing;
  }

  async #validateTasks(): Promise<void> {
    const problems = problemsOf(this.tasks);
    for (const task of this.tasks.filter((task) => task instanceof Task)) {
      try {
        await task.validate();
      } catch (error) {
        if (!(error instanceof PipelineError)) throw error;
        problems.push(...error.problems);
      }
    }
    if (problems.length > 0) throw new PipelineError(problems);
  }

  async #validateRepositories(readOnly: boolean): Promise<void> {
    const repositories = new Map<Repository, boolean>();
    for (const task of this.tasks) {
      for (const { repo, isOutput, isStatus } of task.links.values()) {
        repositories.set(repo, (repositories.get(repo) ?? false) || isOutput || isStatus);
      }
    }
    // What is written somewhere is made first: another link may read it through a view.
    const ordered = [...repositories].sort(([, a], [, b]) => Number(b) - Number(a));
    for (const [repository, create] of ordered) {
      if (!(readOnly && await canBeRead(repository))) await repository.validate({ create });
    }
  }
}

async function canBeRead(repository: Repository): Promise<boolean> {
  try {
    await repository.validate({ create: false });
    return true;
  } catch {
    return false; // what is wrong is told by whoever tries to make it
  }
}

/** The engines of the pipelines that are open. */
const engines = new WeakMap<Pipeline, Engine>();

/**
 * The engine that works on a pipeline while it is open.
 *
 * @param pipeline The pipeline.
 * @returns Its engine.
 * @throws {TypeError} If the pipeline is not open.
 */
export function engineOf(pipeline: Pipeline): Engine {
  const engine = engines.get(pipeline);
  if (engine === undefined) {
    throw new TypeError(`The ${pipeline.name} is not open: await its open() first`);
  }
  return engine;
}

function problemsOf(tasks: readonly Task[]): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const task of tasks) {
    if (!(task instanceof Task)) {
      problems.push(`${Deno.inspect(task)} is not a task`);
      continue;
    }
    if (names.has(task.name)) problems.push(`two tasks are called "${task.name}"`);
    names.add(task.name);
    const astray = [...task.links].filter(([, { repo }]) => !(repo instanceof Repository));
    for (const [name, { repo }] of astray) {
      problems.push(
        `link "${task.name}.${name}" leads to ${Deno.inspect(repo)}, not to a repository`,
      );
    }
    if (astray.length === 0) problems.push(...problemsOfLinks(task));
  }
  return problems;
}

/** What keeps a task from ever starting a job. */
function problemsOfLinks(task: Task): string[] {
  if (task.options.ready !== undefined) return [];
  if (task.requiredForStart.size === 0) {
    return [
      `task "${task.name}" requires nothing, so it has no jobs: link what it works on with isInput`,
    ];
  }
  const problems: string[] = [];
  for (const [required, repo] of task.requiredForStart) {
    for (const [inhibiting, other] of task.inhibitsStart) {
      if (everSubset(repo, other)) {
        problems.push(
          `task "${task.name}" could never start a job: what "${required}" holds, which is required, ` +
            `"${inhibiting}" holds too, which inhibits`,
        );
      }
    }
  }
  return problems;
}

/** Whether a repository can only hold keys that another holds: a view of it. */
function everSubset(repo: Repository, other: Repository): boolean {
  return repo === other || (sourcesOf(repo).length === 1 && everSubset(sourcesOf(repo)[0]!, other));
}
