/**
 * Pods in a Kubernetes cluster.
 *
 * @module
 */

import type { Attempt, RecoveredJob } from "../lib/attempt.ts";
import type { BlobRepository } from "../lib/blob_repository.ts";
import type { DoneRecord, DoneRepository } from "../lib/done_record.ts";
import { JobIdError, PipelineError } from "../lib/errors.ts";
import type { LinkType, linkTypes } from "../lib/link_types.ts";
import type { Repository } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import { Task, type TaskOptions } from "../lib/task.ts";
import type { KubeJobs } from "./kube_jobs.ts";
import { LiveKubeRepository } from "./kube_live_repository.ts";
import type { PodManager } from "./pod_manager.ts";
import type { PodFunction, PodTemplate } from "./pod_source.ts";
import type { ScriptArguments } from "./process_task.ts";

/** Options of a {@linkcode KubeTask}. */
export interface KubeTaskOptions extends TaskOptions {
  /**
   * The pod: Jinja text that gives YAML or JSON; a file with such text, by its URL or as `{ file }`; or a function that gives
   * an object. It must be given, unless {@linkcode KubeTask.pod} is called.
   */
  readonly template?: string | URL | { readonly file: string | URL } | PodFunction;
  /** Where what the containers write is kept. Not at all, if it is not given. */
  readonly logs?: BlobRepository;
  /** What the template can use besides. */
  readonly env?: Readonly<Record<string, unknown>>;
  /**
   * Seconds that a pod may wait for its image, for what its containers need to be created, or for a node that has room for
   * it, before that counts as a mistake in its template.
   *
   * @default {300}
   */
  readonly grace?: number;
}

/** The links of a {@linkcode KubeTask} that its options make. */
export type KubeLinks<Options> =
  & {
    readonly done: LinkType<DoneRepository, false>;
    readonly live: LinkType<LiveKubeRepository, false>;
  }
  & (Options extends { readonly logs: infer R extends Repository }
    ? { readonly logs: LinkType<R, false> }
    : unknown);

/** A text that is nothing but a path, as no pod is. */
const PATH = /^\s*(?:\.{0,2}\/\S*|\S+\.(?:ya?ml|json))\s*$/;

/**
 * Runs a pod for each job. The pods go on when this program ends, and its next run, on whichever machine, takes in what
 * has become of them: none runs twice at the same time, and none is lost or left.
 *
 * In a template, the variables are `job`, `task`, `argv0` for the URL of the module that defines the pipeline, those of
 * the option `env`, and each link's name, which stands for what the link's repository says of the job. What is not defined
 * is an error. There are the filters `tojson`, `toyaml` and `shquote`. The pod's name is of datatask, its containers are
 * never restarted, and they find `JOB` and `TASK` in their environment; the rest is as the template has it.
 *
 * A container that ends with another code than 0 has failed with class `user`; one that needs more memory than its limit
 * with class `oom`; a command that cannot be started, or a pod that the cluster refuses, with class `config`. A pod that
 * is evicted, preempted or deleted by others, or whose node is lost, has failed with class `infra`; one whose key is
 * deleted from the link `live`, or that is ended with the verb `cancel`, with class `cancelled`. `timeout` begins when the
 * pod is asked for, and counts the time that it waits. Where there is no such namespace, or no right to make pods in it, no
 * job is started, and none is recorded.
 *
 * The record of a job has `success`, `reason`, `start_time`, `end_time`, `image`, `node` and `return_code`, and if it
 * failed `class`, `attempts` and `exception`: of a program that failed, what it wrote to `/dev/termination-log` or else its
 * last lines, unless the template has a `terminationMessagePolicy`; if it is not the program that failed, what did, with the
 * last `events`.
 *
 * What the containers write is read as they write it, and kept when they have ended; where it is lost, it is kept why: a
 * node discards what a container has written long ago, if that is much.
 *
 * N jobs take at most 3 N requests to the cluster, and a constant: to make a pod, read its logs, and delete it. One that fails
 * takes at most one more, to leave word why it is ended or to learn what happened to it. Each further attempt counts as a job;
 * a request that is sent again counts once more; and every 5 minutes the pods are listed, 500 a request.
 *
 * With a quota (`resources`) and without `jobResources`, each job takes what its containers request.
 *
 * @typeParam Options The options that it is made with, from which the compiler knows its links.
 *
 * @example Usage
 * ```ts ignore
 * import { FileRepository, InProcessMetadataRepository, KubeTask, PodManager } from "@datatask/datatask";
 *
 * const books = new FileRepository("/mnt/library/books", ".txt");
 * const count = new KubeTask("count", new PodManager("library", "default"), new InProcessMetadataRepository(), {
 *   logs: new FileRepository("/mnt/library/counts", ".txt"),
 * })
 *   .link("books", books, { isInput: true })
 *   .pod(({ books }) => ({
 *     kind: "Pod",
 *     spec: { containers: [{ name: "main", image: "busybox", command: ["wc", "-w", books] }] },
 *   }));
 * ```
 */
export class KubeTask<const Options extends KubeTaskOptions = KubeTaskOptions> extends Task {
  /** Its links, as the compiler knows them. */
  declare readonly [linkTypes]: KubeLinks<Options>;

  /** The pods. */
  readonly podManager: Accessor<PodManager>;
  /** Which jobs have pods: the link `live`. */
  readonly live: LiveKubeRepository;

  readonly #options: KubeTaskOptions;
  #template: PodTemplate | undefined;
  /** What runs its jobs, once one was started or is recovered. */
  #jobs: Promise<KubeJobs> | undefined;
  /** The manager that is to be released. */
  #acquired: PodManager | undefined;

  /**
   * Makes the task.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param podManager The pods.
   * @param done Where the records of ended jobs are kept.
   * @param options The template, and what becomes of the logs.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(
    name: string,
    podManager: Accessor<PodManager>,
    done: DoneRepository,
    options: Options,
  ) {
    const given: KubeTaskOptions = options;
    const { timeout: _, ...rest } = given; // which begins later, and goes on without this program
    super(name, done, rest);
    this.#options = given;
    this.podManager = podManager;
    this.live = new LiveKubeRepository(podManager, name);
    if (given.template !== undefined) {
      this.#template = { source: given.template, variables: given.env ?? {} };
    }
    linkKube(this, this.live, given.logs);
  }

  /**
   * Gives the task a function that makes its pods, in place of the option `template`. Unlike there, the compiler knows what
   * the links give.
   *
   * @param func Makes the pod of a job.
   * @returns The task itself.
   */
  pod(func: PodFunction<ScriptArguments<this>>): this {
    // The values are made from the links, which are only ever added by .link and .plug, which tell the compiler.
    this.#template = { source: func as PodFunction, variables: {} };
    return this;
  }

  /** 500. */
  override get defaultMaxConcurrent(): number {
    return 500;
  }

  /**
   * Checks that there is a template, and that the cluster can be reached.
   *
   * @throws {PipelineError} If there is none, or one that can give no pod.
   * @throws {StoreError} If the cluster is out of reach, or refuses.
   */
  override async validate(): Promise<void> {
    const template = this.#template;
    if (template === undefined) {
      throw new PipelineError([
        `task "${this.name}" has no pod: give it one with the option template, or with .pod(...)`,
      ]);
    }
    const problem = problemOf(template);
    if (problem !== undefined) throw new PipelineError([`task "${this.name}": ${problem}`]);
    await super.validate();
    await this.#acquire();
  }

  /** Makes the pod of a job, waits for its end, and keeps its logs. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    return await (await this.#works()).execute(job, attempt);
  }

  /**
   * The jobs that an earlier run of the program has left, wherever that was.
   *
   * @throws {StoreError} If that cannot be said; or if there are none, and none could be started.
   */
  override async recover(): Promise<readonly RecoveredJob[]> {
    const manager = await this.#acquire();
    const pods = await manager.query({ task: this.name });
    if (pods.length > 0) return await (await this.#works()).recover(pods, manager);
    if (manager.inPod === undefined) await manager.checkCreation();
    return [];
  }

  /** Removes the pod of a job whose record is kept. */
  override async settled(job: string): Promise<void> {
    await (await this.#jobs)?.settled(job);
  }

  /** Ends the pod of a job. */
  override async cancel(job: string): Promise<boolean> {
    this.#check(job);
    const manager = access(this.podManager);
    const pod = await manager.find(this.name, job);
    return pod !== undefined && await manager.end(pod, "cancelled");
  }

  /**
   * What the containers of a job's pod have written: from the cluster, and when the pod is gone from where it is kept. With
   * `follow`, a job that has no pod yet, but was started in this program, is waited for.
   */
  override async logs(
    job: string,
    { follow = false, signal }: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    this.#check(job);
    const jobs = await this.#works();
    return await (follow ? jobs.followedLogs(job, signal) : jobs.logs(job, signal));
  }

  /** What a job that was started waits for. */
  override async state(job: string): Promise<string | undefined> {
    this.#check(job);
    const lacking = (await this.#jobs)?.lacking.get(job);
    if (lacking !== undefined) return `has no pod yet, because ${lacking}`;
    const pod = await access(this.podManager).find(this.name, job);
    if (pod === undefined) return undefined;
    const { describePod } = await import("./pod_info.ts");
    return describePod(pod);
  }

  /** The jobs whose pods do not run yet, by whichever program they were made, and those for which there is no room. */
  override async waiting(): Promise<ReadonlyMap<string, string>> {
    const lacking = new Map((await this.#jobs)?.lacking);
    const pods = await this.live.pods();
    if (pods.length === 0) return lacking;
    const { waitsOf } = await import("./pod_info.ts");
    return new Map([...lacking, ...waitsOf(pods)]);
  }

  /** Gives the pods up: those that run go on. */
  override async close(): Promise<void> {
    (await this.#jobs)?.close();
    const manager = this.#acquired;
    this.#acquired = undefined;
    await manager?.release(this);
  }

  #check(job: string): void {
    if (!this.done.isValidJobId(job)) throw new JobIdError(job);
  }

  async #acquire(): Promise<PodManager> {
    const manager = access(this.podManager);
    this.#acquired = manager;
    await manager.acquire(this);
    return manager;
  }

  /** What is run in the first container of a job's pod if the template does not say; undefined for what its image has. */
  protected podCommand(_job: string): Promise<readonly string[] | undefined> {
    return Promise.resolve(undefined);
  }

  /** What runs its jobs. Each call waits for it, so that calls begin in the order in which they were made. */
  #works(): Promise<KubeJobs> {
    return this.#jobs ??= this.#load();
  }

  async #load(): Promise<KubeJobs> {
    const { KubeJobs } = await import("./kube_jobs.ts");
    return new KubeJobs({
      task: this,
      options: this.#options,
      podManager: this.podManager,
      live: this.live,
      template: () => this.#template,
      command: (job) => this.podCommand(job),
      acquire: () => this.#acquire(),
    });
  }
}

/** Why a template can give no pod; undefined if nothing is known to be wrong. */
function problemOf({ source }: PodTemplate): string | undefined {
  if (typeof source !== "string" || !PATH.test(source)) return undefined;
  const path = JSON.stringify(source.trim());
  return `the template ${path} is taken as text, and is no pod: ` +
    `if it is a file with a template, give { file: ${path} }`;
}

/** Links what a pod uses. The compiler knows these links by the options of the task. */
function linkKube(task: Task, live: LiveKubeRepository, logs: BlobRepository | undefined): void {
  task.link("live", live, { isStatus: true, inhibitsStart: true, inhibitsOutput: true });
  // They inhibit no start, as they did in the original: those of an attempt that failed would inhibit the next one.
  if (logs !== undefined) task.link("logs", logs, { isStatus: true, requiredForOutput: true });
}
