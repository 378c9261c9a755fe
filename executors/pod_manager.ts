/**
 * The pods of an application in a cluster.
 *
 * @module
 */

import { environment } from "../lib/environment.ts";
import { type Env, systemEnv } from "../lib/env.ts";
import type { FailureClass } from "../lib/errors.ts";
import type { Accessor } from "../lib/session.ts";
import type { KubernetesClient, Pod, PodEvent, PodManifest } from "./pod_api.ts";
import type { PodLogOptions } from "./pod_log.ts";
import type { PodTracker } from "./pod_tracker.ts";
import type { Pods } from "./pods.ts";

/** Options of a {@linkcode PodManager}. */
export interface PodManagerOptions {
  /**
   * How many requests a second are sent at most; twice as many in a burst.
   *
   * @default {50}
   */
  readonly requestsPerSecond?: number;
  /** The clock, timers and chance: for tests. */
  readonly env?: Env;
}

/** Options of {@linkcode PodManager.launch}. */
export interface PodLaunchOptions {
  /**
   * Which attempt at the job it is.
   *
   * @default {1}
   */
  readonly attempt?: number;
  /** Gives it up. */
  readonly signal?: AbortSignal;
}

/** The variable in the environment of each container that names the application, the task and the job. */
export const POD_VARIABLE = "DATATASK_POD";

/** A name that an application can have. */
const APP = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** A name that a namespace can have. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Runs the pods of an application in a namespace of a cluster, for all tasks of a pipeline together: it lists them once,
 * and follows them with one watch while the pipeline is open.
 *
 * The pods have labels and annotations by which the next run of the program finds them, wherever that is. So an
 * application needs a name of its own: two of different names never touch each other's pods. Each job has one pod at a
 * time, whose name follows from the application, the task and the job.
 *
 * It needs these permissions in the namespace: `create`, `delete`, `get`, `list`, `patch` and `watch` on `pods`, `get` on
 * `pods/log`, and, to tell why a pod failed, `list` on `events`.
 *
 * @example Usage
 * ```ts ignore
 * import { FileRepository, InProcessMetadataRepository, KubeTask, PodManager } from "@datatask/datatask";
 *
 * const pods = new PodManager("library", "default");
 * const count = new KubeTask("count", pods, new InProcessMetadataRepository(), {
 *   template: `
 *     kind: Pod
 *     spec:
 *       containers:
 *       - name: main
 *         image: busybox
 *         command: [wc, -w, "{{ books }}"]
 *   `,
 *   logs: new FileRepository("./counts", ".txt"),
 * }).link("books", new FileRepository("/mnt/books", ".txt"), { isInput: true });
 * ```
 */
export class PodManager implements AsyncDisposable {
  /** The name of the application. */
  readonly app: string;
  /** The namespace. */
  readonly namespace: string;
  /**
   * The task and the job for which this program runs in a pod of the application; undefined if it does not. Such a program
   * makes no pods, and knows of none.
   */
  readonly inPod: string | undefined;
  /** For tasks: of how many pods the logs are followed. */
  followers = 0;

  readonly #given: Accessor<KubernetesClient> | undefined;
  readonly #env: Env;
  readonly #requestsPerSecond: number;
  /** Those who need the pods to be followed. */
  readonly #users = new Set<object>();
  readonly #listeners = new Set<(task: string, job: string, gone: boolean) => void>();
  #loading: Promise<Pods> | undefined;
  #pods: Pods | undefined;

  /**
   * Makes the manager. Nothing is asked of the cluster yet.
   *
   * @param app The name of the application: letters, digits, `.`, `_` and `-`.
   * @param namespace The namespace in which the pods run.
   * @param client The client. That of the kubeconfig or, in a pod, of its service account, if it is not given.
   * @param options How often it asks.
   * @throws {TypeError} If a name cannot be one.
   */
  constructor(
    app: string,
    namespace: string,
    client?: Accessor<KubernetesClient>,
    options: PodManagerOptions = {},
  ) {
    if (!APP.test(app)) {
      throw new TypeError(
        `Cannot name an application ${
          JSON.stringify(app)
        }: use letters, digits, ".", "_" and "-", beginning with a letter or digit`,
      );
    }
    if (!NAMESPACE.test(namespace)) {
      throw new TypeError(
        `Cannot use ${
          JSON.stringify(namespace)
        } as a namespace: it has up to 63 small letters, digits and "-"`,
      );
    }
    this.app = app;
    this.namespace = namespace;
    this.#given = client;
    this.#env = options.env ?? systemEnv;
    this.#requestsPerSecond = options.requestsPerSecond ?? 50;
    const place = environment(POD_VARIABLE);
    this.inPod = place?.startsWith(`${app}/`) ? place.slice(app.length + 1) : undefined;
  }

  /** How many requests it has sent so far. */
  get requestCount(): number {
    return this.#pods?.requestCount ?? 0;
  }

  /**
   * Makes the pod of a job, unless it is there.
   *
   * @param job The job.
   * @param task The name of its task.
   * @param manifest The pod, whose name is given to it here.
   * @param options Which attempt it is.
   * @returns The pod; one that another run of the program has made for the job, if there is such a one.
   * @throws {JobError} If the cluster refuses such a pod, with class `config`.
   * @throws {StoreError} If the cluster is out of reach, no pods can be made, or the quota of the namespace is used up.
   */
  async launch(
    job: string,
    task: string,
    manifest: PodManifest,
    options: PodLaunchOptions = {},
  ): Promise<Pod> {
    return await (await this.#works()).launch(job, task, manifest, options);
  }

  /**
   * The pods of the application: as they are followed, or else listed now.
   *
   * @param which Of which task, and of which job. Of all, if it is not given.
   * @returns The pods, also those that have ended but were not taken in.
   * @throws {StoreError} If they cannot be listed.
   */
  async query(which: { readonly task?: string; readonly job?: string } = {}): Promise<Pod[]> {
    if (this.inPod !== undefined) return [];
    return await (await this.#works()).query(which);
  }

  /**
   * The pod of a job: as it is followed, or else read now.
   *
   * @param task The name of the task.
   * @param job The job.
   * @returns The pod; undefined if there is none.
   * @throws {StoreError} If it cannot be read.
   */
  async find(task: string, job: string): Promise<Pod | undefined> {
    if (this.inPod !== undefined) return undefined;
    return await (await this.#works()).find(task, job);
  }

  /**
   * Deletes a pod: one that runs is told to end, and is gone when it has, or when its grace period is over. One that is
   * gone is fine.
   *
   * @param pod The pod. Another one of the same name is left alone.
   * @throws {StoreError} If it cannot be deleted.
   */
  async delete(pod: Pod): Promise<void> {
    await (await this.#works()).delete(pod);
  }

  /**
   * Ends a pod, and leaves word why. Where that is not allowed, the pod is ended all the same; only this program knows why.
   *
   * @param pod The pod.
   * @param reason Why, for whoever takes in its end.
   * @param message Why, in a sentence.
   * @returns Whether it ran.
   * @throws {StoreError} If it cannot be ended.
   */
  async end(pod: Pod, reason: FailureClass, message?: string): Promise<boolean> {
    return await (await this.#works()).end(pod, reason, message);
  }

  /**
   * What the containers of a pod have written, one after the other.
   *
   * @param pod The pod.
   * @param options Whether to go on until they have ended.
   * @returns The text; of several containers, each behind its name.
   * @throws {StoreError} If it cannot be read.
   */
  async logs(pod: Pod, options: PodLogOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return await (await this.#works()).logs(pod, options);
  }

  /**
   * What has happened to a pod lately.
   *
   * @param pod The pod.
   * @returns The events, the last one last.
   * @throws {StoreError} If they cannot be listed.
   */
  async events(pod: Pod): Promise<PodEvent[]> {
    return await (await this.#works()).events(pod);
  }

  /** Stops following the pods, and closes the connection if it is its own. Pods that run go on. */
  async close(): Promise<void> {
    this.#users.clear();
    await this.#stop();
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** For tasks: has the pods followed until {@linkcode release}. */
  async acquire(user: object): Promise<void> {
    if (this.inPod !== undefined) return;
    this.#users.add(user);
    await (await this.#works()).follow();
  }

  /** For tasks: lets the pods be followed no longer, when nobody else needs it. */
  async release(user: object): Promise<void> {
    if (this.#users.delete(user) && this.#users.size === 0) await this.#stop();
  }

  /**
   * For tasks: makes sure that there is such a namespace, and that pods may be made in it; once. Whether those of a task are
   * taken is another question.
   *
   * @throws {StoreError} If that is not so, or the cluster is out of reach.
   */
  async checkCreation(): Promise<void> {
    await (await this.#works()).checkCreation();
  }

  /** For tasks: a pod, as it changes. */
  async track(pod: Pod): Promise<PodTracker> {
    return await (await this.#works()).track(pod);
  }

  /** For tasks: removes the pod of a job of which nothing more is needed. */
  async settle(tracker: PodTracker): Promise<void> {
    await (await this.#works()).settle(tracker);
  }

  /** For tasks: waits some milliseconds, or until one of `ends` resolves or `signal` is aborted. */
  async pause(delay: number, signal?: AbortSignal, ...ends: Promise<unknown>[]): Promise<void> {
    await (await this.#works()).pause(delay, signal, ...ends);
  }

  /** For views: calls `listener` with each job whose pod is new or gone. */
  subscribe(listener: (task: string, job: string, gone: boolean) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Its class, the application and the namespace. */
  toString(): string {
    return `<${this.constructor.name} ${this.app} in ${this.namespace}>`;
  }

  /** What works on the pods. Each call waits for it, so that calls begin in the order in which they were made. */
  #works(): Promise<Pods> {
    return this.#loading ??= this.#load();
  }

  async #load(): Promise<Pods> {
    const { Pods } = await import("./pods.ts");
    return this.#pods = new Pods({
      manager: this,
      client: this.#given,
      requestsPerSecond: this.#requestsPerSecond,
      env: this.#env,
      tell: (task, job, gone) => {
        for (const listener of this.#listeners) listener(task, job, gone);
      },
    });
  }

  async #stop(): Promise<void> {
    await (await this.#loading)?.stop();
  }
}
