/**
 * The jobs of a task that are pods.
 *
 * @module
 */

import type { Attempt, RecoveredJob } from "../lib/attempt.ts";
import { JobError, PipelineError } from "../lib/errors.ts";
import { Resources } from "../lib/resources.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { Task } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import type { LiveKubeRepository } from "./kube_live_repository.ts";
import { KubeRoom } from "./kube_room.ts";
import type { KubeTaskOptions } from "./kube_task.ts";
import type { Pod } from "./pod_api.ts";
import { awaitPodEnd } from "./pod_end.ts";
import { canBeFollowed, followPodLog, isWriting, storePodLog } from "./pod_log.ts";
import { POD_VARIABLE, type PodManager } from "./pod_manager.ts";
import { completeManifest, requestsOf } from "./pod_manifest.ts";
import { identityOf } from "./pod_names.ts";
import { type PodRecord, recordOf } from "./pod_record.ts";
import { PodSource, type PodTemplate } from "./pod_source.ts";
import { endOf, isTerminal } from "./pod_state.ts";
import type { PodTracker } from "./pod_tracker.ts";

/** Of how many pods of a manager the logs are followed at the same time; those of others are read when they end. */
const FOLLOWERS = 64;

/** Seconds after its timeout when the cluster itself ends a pod, for a program that is not there to do so. */
const DEADLINE_SLACK = 10;

/** For how many milliseconds a pod is kept for those who are about to read its logs. */
const OPENING_DELAY = 10_000;

/** The longest time between two looks at a pod, in milliseconds: its changes are told. */
const LONGEST_LOOK = 60_000;

/** What a task has declared. */
export interface KubeJobsOptions {
  /** The task. */
  readonly task: Task;
  /** The options that it was given. */
  readonly options: KubeTaskOptions;
  /** The pods. */
  readonly podManager: Accessor<PodManager>;
  /** Is told of pods that are made and go. */
  readonly live: LiveKubeRepository;
  /** What its pods are made from now; undefined if that was not said. */
  readonly template: () => PodTemplate | undefined;
  /** What is run in the first container of a job's pod if the template does not say. */
  readonly command: (job: string) => Promise<readonly string[] | undefined>;
  /** Has the pods followed until the task is closed. */
  readonly acquire: () => Promise<PodManager>;
}

/** Runs the jobs of a task as pods, and takes in what has become of them. */
export class KubeJobs {
  readonly #declared: KubeJobsOptions;
  readonly #room: KubeRoom;
  #source: { readonly of: PodTemplate; readonly pods: PodSource } | undefined;
  /** The pods of jobs whose end is not settled. */
  readonly #pods = new Map<string, PodTracker>();
  /** The jobs that were started here and have no pod yet: each until it has one, or never will. */
  readonly #starting = new Map<string, Promise<void>>();
  /** The jobs whose logs are being opened: each until they are. */
  readonly #opening = new Map<string, Promise<void>>();
  /** Ends what waits for room when the task is closed. */
  #closing = new AbortController();

  /** Takes what was declared; nothing is asked. */
  constructor(declared: KubeJobsOptions) {
    this.#declared = declared;
    const { options: { jobResources, resources }, podManager } = declared;
    this.#room = new KubeRoom(
      jobResources === undefined ? resources : undefined,
      (...how) => access(podManager).pause(...how),
    );
  }

  /** Makes the pod of a job, waits for its end, and keeps its logs. */
  async execute(job: string, attempt: Attempt): Promise<PodRecord> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(job, promise); // before anything is waited for, so that whoever hears of the start finds it
    const closing = this.#closing.signal;
    let started: { readonly manager: PodManager; readonly tracker: PodTracker };
    try {
      try {
        const manager = await this.#declared.acquire();
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

  /** Takes in pods that an earlier run of the program has left. */
  async recover(pods: readonly Pod[], manager: PodManager): Promise<readonly RecoveredJob[]> {
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
  async settled(job: string): Promise<void> {
    const tracker = this.#pods.get(job);
    if (tracker === undefined) return;
    const manager = this.#manager;
    const opening = this.#opening.get(job);
    if (opening !== undefined) await manager.pause(OPENING_DELAY, undefined, opening);
    await manager.settle(tracker);
    this.#pods.delete(job);
    this.#declared.live.tell({ type: "delete", job });
  }

  /** What a job writes, from its beginning until its end; one that is about to have a pod is waited for. */
  async followedLogs(job: string, signal: AbortSignal | undefined): Promise<Logs> {
    return await this.#holding(job, this.#follow(job, this.#manager, signal));
  }

  /** What a job has written so far. */
  async logs(job: string, signal: AbortSignal | undefined): Promise<Logs> {
    const manager = this.#manager;
    const pod = await manager.find(this.#declared.task.name, job);
    return await (pod === undefined ? this.#stored(job) : manager.logs(pod, { signal }));
  }

  /** The jobs for which there is no room, each with what there is too little of. */
  get lacking(): ReadonlyMap<string, string> {
    return this.#room.waiting;
  }

  /** Gives the pods up: those that run go on. */
  close(): void {
    const [first] = this.#room.waiting;
    if (first !== undefined) {
      const more = this.#room.waiting.size - 1;
      warn(
        `"${first[0]}"${
          more > 0 ? ` and ${more} more` : ""
        } of task "${this.#declared.task.name}" ${more > 0 ? "were" : "was"} not started: ${
          first[1]
        }`,
      );
    }
    this.#closing.abort(new Error("the pipeline was closed before there was room for it"));
    this.#closing = new AbortController();
    this.#pods.clear();
  }

  get #manager(): PodManager {
    return access(this.#declared.podManager);
  }

  get #grace(): number {
    return (this.#declared.options.grace ?? 300) * 1000;
  }

  /** Where the pods come from: the same one, until the task is given another template. */
  #podSource(): PodSource {
    const { task, template } = this.#declared;
    const given = template();
    if (given === undefined) throw new PipelineError([`task "${task.name}" has no pod`]);
    if (this.#source?.of !== given) this.#source = { of: given, pods: new PodSource(task, given) };
    return this.#source.pods;
  }

  async #start(
    job: string,
    attempt: Attempt,
    manager: PodManager,
    closing: AbortSignal,
  ): Promise<PodTracker> {
    const { task: { name }, options: { timeout, jobResources }, command, live } = this.#declared;
    const manifest = completeManifest(await this.#podSource().render(job), {
      environ: { JOB: job, TASK: name, [POD_VARIABLE]: `${manager.app}/${name}/${job}` },
      deadline: timeout && timeout + DEADLINE_SLACK,
      command: await command(job),
    });
    const requests = requestsOf(manifest);
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
      () => manager.launch(job, name, manifest, { attempt: attempt.number, signal: closing }),
      { ...wait, env: attempt.env, grace: this.#grace },
    );
    const tracker = await manager.track(pod);
    this.#pods.set(job, tracker);
    attempt.detach();
    live.tell({ type: "put", job });
    return tracker;
  }

  /** Waits for the end of a pod, keeps its logs, and makes its record. */
  async #finish(
    job: string,
    tracker: PodTracker,
    attempt: Attempt,
    manager: PodManager,
  ): Promise<PodRecord> {
    const { task, options: { logs, timeout } } = this.#declared;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    let following: Promise<boolean> | undefined;
    const follow = (urgent: boolean): void => {
      if (logs === undefined || following !== undefined) return;
      const { pod } = tracker;
      const now = urgent ? isWriting(pod) : canBeFollowed(pod) && manager.followers < FOLLOWERS;
      if (!now) return;
      manager.followers++;
      following = followPodLog(manager, tracker, ended, job, logs)
        .finally(() => manager.followers--);
    };
    const end = await awaitPodEnd(tracker, {
      what: `"${job}" of task "${task.name}"`,
      attempt,
      manager,
      timeout,
      grace: this.#grace,
      follow,
    });
    resolve();
    if (logs !== undefined && !await following) await storePodLog(manager, tracker, job, logs);
    return await recordOf(tracker.pod, end, attempt.env.now(), manager);
  }

  /** What is kept of what a job has written. */
  async #stored(job: string): Promise<Logs> {
    const { logs } = this.#declared.options;
    return logs !== undefined && await logs.contains(job) ? await logs.readable(job) : undefined;
  }

  async #follow(job: string, manager: PodManager, signal: AbortSignal | undefined): Promise<Logs> {
    for (let starting; !signal?.aborted && (starting = this.#starting.get(job)) !== undefined;) {
      await manager.pause(LONGEST_LOOK, signal, starting);
    }
    const found = await manager.find(this.#declared.task.name, job);
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

type Logs = ReadableStream<Uint8Array> | undefined;
