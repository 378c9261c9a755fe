/**
 * Pods in a Kubernetes cluster.
 *
 * @module
 */

import type { Attempt, RecoveredJob } from "../lib/attempt.ts";
import type { BlobRepository } from "../lib/blob_repository.ts";
import type { DoneRecord, DoneRepository } from "../lib/done_record.ts";
import { JobError, JobIdError, PipelineError } from "../lib/errors.ts";
import type { LinkType, linkTypes } from "../lib/link_types.ts";
import type { Repository } from "../lib/repository.ts";
import { Resources } from "../lib/resources.ts";
import { access, type Accessor } from "../lib/session.ts";
import { Task, type TaskOptions } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import { LiveKubeRepository } from "./kube_live_repository.ts";
import { KubeRoom } from "./kube_room.ts";
import { POD_VARIABLE, type PodManager } from "./pod_manager.ts";
import { identityOf } from "./pod_names.ts";
import type { PodRecord } from "./pod_record.ts";
import { type PodFunction, PodSource } from "./pod_source.ts";
import { describePod, endOf, isTerminal, reasonToWait } from "./pod_state.ts";
import type { PodTracker } from "./pod_tracker.ts";
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

/** Of how many pods of a manager the logs are followed at the same time; those of others are read when they end. */
const FOLLOWERS = 64;

/** Seconds after its timeout when the cluster itself ends a pod, for a program that is not there to do so. */
const DEADLINE_SLACK = 10;

/** For how many milliseconds a pod is kept for those who are about to read its logs. */
const OPENING_DELAY = 10_000;

/** The longest time between two looks at a pod, in milliseconds: its changes are told. */
const LONGEST_LOOK = 60_000;

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
  readonly #room: KubeRoom;
  #source: PodSource | undefined;
  /** The pods of jobs whose end is not settled. */
  readonly #pods = new Map<string, PodTracker>();
  /** The jobs that were started here and have no pod yet: each until it has one, or never will. */
  readonly #starting = new Map<string, Promise<void>>();
  /** The jobs whose logs are being opened: each until they are. */
  readonly #opening = new Map<string, Promise<void>>();
  /** Ends what waits for room when the task is closed. */
  #closing = new AbortController();
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
    this.#room = new KubeRoom(
      given.jobResources === undefined ? given.resources : undefined,
      (...how) => access(podManager).pause(...how),
    );
    if (given.template !== undefined) {
      this.#source = new PodSource(this, given.template, given.env ?? {});
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
    this.#source = new PodSource(this, func as PodFunction, {});
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
    if (this.#source === undefined) {
      throw new PipelineError([
        `task "${this.name}" has no pod: give it one with the option template, or with .pod(...)`,
      ]);
    }
    const { problem } = this.#source;
    if (problem !== undefined) throw new PipelineError([`task "${this.name}": ${problem}`]);
    await super.validate();
    await this.#acquire();
  }

  /** Makes the pod of a job, waits for its end, and keeps its logs. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(job, promise); // before anything is waited for, so that whoever hears of the start finds it
    const closing = this.#closing.signal;
    let started: { readonly manager: PodManager; readonly tracker: PodTracker };
    try {
      try {
        const manager = await this.#acquire();
        started = { manager, tracker: await this.#start(job, attempt, manager, closing) };
      } finally {
        this.#starting.delete(job);
        resolve();
      }
      return await this.#finish(job, started.tracker, attempt, started.manager);
    } finally {
      this.#room.leave(job);
    }
  }

  /**
   * The jobs that an earlier run of the program has left, wherever that was.
   *
   * @throws {StoreError} If that cannot be said; or if there are none, and none could be started.
   */
  override async recover(): Promise<readonly RecoveredJob[]> {
    const manager = await this.#acquire();
    const pods = await manager.query({ task: this.name });
    if (pods.length === 0 && manager.inPod === undefined) await manager.checkCreation();
    return await Promise.all(pods.map(async (pod) => {
      const { job, attempt, started } = identityOf(pod)!; // only pods that have one are known
      const tracker = await manager.track(pod);
      this.#pods.set(job, tracker);
      return {
        job,
        attempt,
        started,
        ended: endOf(tracker.pod, tracker.gone) !== undefined,
        resume: async (attempt: Attempt) => {
          if (pod.spec !== undefined) {
            const { requestsOf } = await import("./pod_manifest.ts");
            await this.#room.occupy(job, requestsOf({ spec: pod.spec }));
          }
          try {
            return await this.#finish(job, tracker, attempt, manager);
          } finally {
            this.#room.leave(job);
          }
        },
      };
    }));
  }

  /** Removes the pod of a job whose record is kept. */
  override async settled(job: string): Promise<void> {
    const tracker = this.#pods.get(job);
    if (tracker === undefined) return;
    const manager = access(this.podManager);
    const opening = this.#opening.get(job);
    if (opening !== undefined) await manager.pause(OPENING_DELAY, undefined, opening);
    await manager.settle(tracker);
    this.#pods.delete(job);
    this.live.tell({ type: "delete", job });
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
    const manager = access(this.podManager);
    if (follow) return await this.#holding(job, this.#follow(job, manager, signal));
    const pod = await manager.find(this.name, job);
    return await (pod === undefined ? this.#stored(job) : manager.logs(pod, { signal }));
  }

  /** What a job that was started waits for. */
  override async state(job: string): Promise<string | undefined> {
    this.#check(job);
    const lacking = this.#room.waiting.get(job);
    if (lacking !== undefined) return `has no pod yet, because ${lacking}`;
    const pod = await access(this.podManager).find(this.name, job);
    return pod && describePod(pod);
  }

  /** The jobs whose pods do not run yet, by whichever program they were made, and those for which there is no room. */
  override async waiting(): Promise<ReadonlyMap<string, string>> {
    const waiting = new Map(this.#room.waiting);
    for (const pod of await this.live.pods()) {
      const reason = reasonToWait(pod);
      if (reason !== undefined) waiting.set(identityOf(pod)!.job, reason); // only pods that have one are known
    }
    return waiting;
  }

  /** Gives the pods up: those that run go on. */
  override async close(): Promise<void> {
    const [first] = this.#room.waiting;
    if (first !== undefined) {
      const more = this.#room.waiting.size - 1;
      warn(
        `"${first[0]}"${more > 0 ? ` and ${more} more` : ""} of task "${this.name}" ${
          more > 0 ? "were" : "was"
        } not started: ${first[1]}`,
      );
    }
    this.#closing.abort(new Error("the pipeline was closed before there was room for it"));
    this.#closing = new AbortController();
    this.#pods.clear();
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

  async #start(
    job: string,
    attempt: Attempt,
    manager: PodManager,
    closing: AbortSignal,
  ): Promise<PodTracker> {
    if (this.#source === undefined) throw new PipelineError([`task "${this.name}" has no pod`]);
    const { timeout } = this.#options;
    const { completeManifest, requestsOf } = await import("./pod_manifest.ts");
    const manifest = completeManifest(await this.#source.render(job), {
      environ: { JOB: job, TASK: this.name, [POD_VARIABLE]: `${manager.app}/${this.name}/${job}` },
      deadline: timeout && timeout + DEADLINE_SLACK,
      command: await this.podCommand(job),
    });
    const requests = requestsOf(manifest);
    const { jobResources } = this.#options;
    const excess = jobResources &&
      requests.excess(new Resources(jobResources.cpu, jobResources.mem));
    if (excess !== undefined) {
      throw new JobError(
        `Cannot make the pod of "${job}": its containers request more ${excess} than the option jobResources says; ` +
          `correct one of them`,
        { class: "config" },
      );
    }
    // Until it has its pod, it does not go on without this program; but nobody needs to wait for others to end.
    const wait = { signal: closing, onWait: () => attempt.detach() };
    await this.#room.enter(job, requests, wait);
    const pod = await this.#room.accepted(
      job,
      () => manager.launch(job, this.name, manifest, { attempt: attempt.number, signal: closing }),
      { ...wait, env: attempt.env, grace: this.#grace },
    );
    const tracker = await manager.track(pod);
    this.#pods.set(job, tracker);
    attempt.detach();
    this.live.tell({ type: "put", job });
    return tracker;
  }

  get #grace(): number {
    return (this.#options.grace ?? 300) * 1000;
  }

  /** Waits for the end of a pod, keeps its logs, and makes its record. */
  async #finish(
    job: string,
    tracker: PodTracker,
    attempt: Attempt,
    manager: PodManager,
  ): Promise<PodRecord> {
    const { logs } = this.#options;
    const log = logs && await import("./pod_log.ts");
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    let following: Promise<boolean> | undefined;
    const follow = (urgent: boolean): void => {
      if (logs === undefined || log === undefined || following !== undefined) return;
      const { pod } = tracker;
      const now = urgent
        ? log.isWriting(pod)
        : log.canBeFollowed(pod) && manager.followers < FOLLOWERS;
      if (!now) return;
      manager.followers++;
      following = log.followPodLog(manager, tracker, ended, job, logs)
        .finally(() => manager.followers--);
    };
    const { awaitPodEnd } = await import("./pod_end.ts");
    const { timeout } = this.#options;
    const what = `"${job}" of task "${this.name}"`;
    const end = await awaitPodEnd(tracker, {
      what,
      attempt,
      manager,
      timeout,
      grace: this.#grace,
      follow,
    });
    resolve();
    if (logs !== undefined && !await following) await log?.storePodLog(manager, tracker, job, logs);
    const { recordOf } = await import("./pod_record.ts");
    return await recordOf(tracker.pod, end, attempt.env.now(), manager);
  }

  /** What is kept of what a job has written. */
  async #stored(job: string): Promise<ReadableStream<Uint8Array> | undefined> {
    const { logs } = this.#options;
    return logs !== undefined && await logs.contains(job) ? await logs.readable(job) : undefined;
  }

  /** What a job writes, from its beginning until its end. */
  async #follow(
    job: string,
    manager: PodManager,
    signal: AbortSignal | undefined,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    for (let starting; !signal?.aborted && (starting = this.#starting.get(job)) !== undefined;) {
      await manager.pause(LONGEST_LOOK, signal, starting);
    }
    const found = await manager.find(this.name, job);
    if (found === undefined) return await this.#stored(job);
    const tracker = await manager.track(found);
    await this.#begun(tracker, manager, signal);
    const { pod, gone } = tracker;
    if (gone) return await this.#stored(job);
    return await manager.logs(pod, { follow: !isTerminal(pod), signal });
  }

  /** Keeps the pod of a job from being removed until its logs are opened. */
  #holding<T>(job: string, opening: Promise<T>): Promise<T> {
    const opened = Promise.allSettled([this.#opening.get(job), opening]).then(() => {
      if (this.#opening.get(job) === opened) this.#opening.delete(job);
    });
    this.#opening.set(job, opened);
    return opening;
  }

  /** Waits until a pod has begun, or ended. */
  async #begun(
    tracker: PodTracker,
    manager: PodManager,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    while (!signal?.aborted) {
      const { pod, gone, changed } = tracker;
      if (gone || isTerminal(pod) || pod.status?.phase === "Running") return;
      await manager.pause(LONGEST_LOOK, signal, changed);
    }
  }
}

/** Links what a pod uses. The compiler knows these links by the options of the task. */
function linkKube(task: Task, live: LiveKubeRepository, logs: BlobRepository | undefined): void {
  task.link("live", live, { isStatus: true, inhibitsStart: true, inhibitsOutput: true });
  // They inhibit no start, as they did in the original: those of an attempt that failed would inhibit the next one.
  if (logs !== undefined) task.link("logs", logs, { isStatus: true, requiredForOutput: true });
}
