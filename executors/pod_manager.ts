/**
 * The pods of an application in a cluster.
 *
 * @module
 */

import { environment } from "../lib/environment.ts";
import { type Env, systemEnv } from "../lib/env.ts";
import { type FailureClass, JobError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { access, type Accessor } from "../lib/session.ts";
import { warn } from "../lib/warnings.ts";
import type { KubernetesClient, Pod, PodEvent, PodManifest } from "./pod_api.ts";
import type { PodLogOptions } from "./pod_log.ts";
import {
  ENDED_ANNOTATION,
  identityOf,
  labelValue,
  POD_VARIABLE,
  podMarks,
  podName,
} from "./pod_names.ts";
import {
  ApiError,
  isGeneralRefusal,
  isQuotaRefusal,
  PodRequests,
  type RequestPurpose,
} from "./pod_requests.ts";
import { isTerminal, isTerminating, milliseconds } from "./pod_state.ts";
import { PodTracker } from "./pod_tracker.ts";
import type { PodWatch } from "./pod_watch.ts";

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

/** A name that an application can have. */
const APP = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** A name that a namespace can have. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** How many events of a pod are asked for. */
const EVENTS = 100;

/** Answers that say that a pod cannot be made as it is. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([400, 403, 405, 413, 422]);

/** A pod by which it is asked whether any can be made. */
const PROBE: PodManifest = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { generateName: "datatask-" },
  spec: { containers: [{ name: "main", image: "none" }] },
};

/** Milliseconds between two looks whether a name is free again. */
const NAME_DELAY = 5_000;

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
  readonly #requests: PodRequests;
  #client: Promise<KubernetesClient> | undefined;
  /** The client, if it is the manager's own. */
  #own: Disposable | undefined;
  #watch: Promise<PodWatch> | undefined;
  /** Those who need the pods to be followed. */
  readonly #users = new Set<object>();
  readonly #trackers = new Map<string, PodTracker>();
  /** The ids of pods that were deleted because their jobs are settled. */
  readonly #settled = new Set<string>();
  /** Why pods were ended, by their ids, where it could not be written to them. */
  readonly #words = new Map<string, string>();
  #warnedOfWords = false;
  /** The check whether pods can be made. */
  #checked: Promise<void> | undefined;
  readonly #listeners = new Set<(task: string, job: string, gone: boolean) => void>();

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
    this.#requests = new PodRequests(namespace, options.requestsPerSecond ?? 50, this.#env);
    const place = environment(POD_VARIABLE);
    this.inPod = place?.startsWith(`${app}/`) ? place.slice(app.length + 1) : undefined;
  }

  /** How many requests it has sent so far. */
  get requestCount(): number {
    return this.#requests.count;
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
    { attempt = 1, signal }: PodLaunchOptions = {},
  ): Promise<Pod> {
    const { app, namespace } = this;
    const watch = await this.#followed();
    const name = await podName(app, task, job);
    const nonce = crypto.randomUUID();
    const { metadata = {} } = manifest;
    if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
      throw new JobError(
        `Cannot make the pod of "${job}": its template wants namespace "${metadata.namespace}", but its manager works in ` +
          `"${namespace}"; leave the namespace out`,
        { class: "config" },
      );
    }
    for (;;) {
      signal?.throwIfAborted();
      const started = this.#env.now();
      const marks = await podMarks({ app, task, job, attempt, started, nonce });
      const { generateName: _, ...given } = metadata;
      const body: PodManifest = {
        ...manifest,
        metadata: {
          ...given,
          name,
          namespace,
          labels: { ...metadata.labels, ...marks.labels },
          annotations: { ...metadata.annotations, ...marks.annotations },
        },
      };
      try {
        const pod = await this.#send(
          { doing: `create the pod of "${job}"`, permission: "create pods" },
          (client) => client.createNamespacedPod({ namespace, body }),
          signal,
        );
        watch.see(pod);
        return pod;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const problem = { code: error.code, message: error.said };
        if (isGeneralRefusal(problem)) throw error;
        if (REFUSALS.has(error.code) && !isQuotaRefusal(problem)) {
          throw new JobError(error.message, { cause: error, class: "config" });
        }
        if (error.code !== 409) throw error;
      }
      const other = await this.#read(name, job);
      if (other === undefined) continue;
      const identity = identityOf(other);
      if (identity?.app !== app || identity.task !== task || identity.job !== job) {
        throw new JobError(
          `Cannot create the pod of "${job}": namespace "${namespace}" has another one called "${name}"; remove that`,
          { class: "config" },
        );
      }
      watch.see(other);
      // That of an earlier attempt has to go first. Any other is the one that is wanted, whoever has made it.
      const leaving = isTerminating(other) || this.#settled.has(other.metadata?.uid ?? "");
      if (identity.nonce === nonce || !leaving) return other;
      if (!isTerminating(other) || isTerminal(other)) await this.delete(other);
      const tracker = await this.track(other);
      if (!tracker.gone) await this.#requests.pause(NAME_DELAY, signal, tracker.changed);
    }
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
    return (await (await this.#podWatch()).pods()).filter((pod) => {
      const identity = identityOf(pod);
      return !this.#settled.has(pod.metadata?.uid ?? "") &&
        (which.task === undefined || which.task === identity?.task) &&
        (which.job === undefined || which.job === identity?.job);
    });
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
    const name = await podName(this.app, task, job);
    const watch = await this.#podWatch();
    const pod = watch.following ? watch.get(name) : await this.#read(name, job);
    const identity = pod && identityOf(pod);
    const found = identity?.app === this.app && identity.task === task && identity.job === job;
    return found && !this.#settled.has(pod?.metadata?.uid ?? "") ? pod : undefined;
  }

  /**
   * Deletes a pod: one that runs is told to end, and is gone when it has, or when its grace period is over. One that is
   * gone is fine.
   *
   * @param pod The pod. Another one of the same name is left alone.
   * @throws {StoreError} If it cannot be deleted.
   */
  async delete(pod: Pod): Promise<void> {
    const { name = "", uid = "" } = pod.metadata ?? {};
    const { namespace } = this;
    const watch = await this.#podWatch();
    for (;;) {
      try {
        await this.#send(
          { doing: `delete pod "${name}"`, permission: "delete pods" },
          (client) =>
            client.deleteNamespacedPod({
              namespace,
              name,
              body: {
                preconditions: { uid },
                propagationPolicy: "Background",
                ...isTerminal(pod) && { gracePeriodSeconds: 0 }, // also if it was deleted before it ended
              },
            }),
        );
        break;
      } catch (error) {
        if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
        // In conflict with another pod of that name, or with another change of this one.
        const other = error.code === 409 ? await this.#read(name, name) : undefined;
        if (other?.metadata?.uid !== uid) return watch.lose(pod);
      }
    }
    if (isTerminal(pod)) watch.lose(pod);
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
    if (isTerminal(pod)) return false;
    const { name = "", uid = "" } = pod.metadata ?? {};
    const { namespace } = this;
    const path = `/metadata/annotations/${ENDED_ANNOTATION.replace("/", "~1")}`;
    const value = message === undefined ? reason : `${reason}: ${message}`;
    try {
      if (!isTerminating(pod)) {
        const purpose = { doing: `end pod "${name}"`, permission: "patch pods", contended: true };
        await this.#send(purpose, (client) =>
          client.patchNamespacedPod({
            namespace,
            name,
            body: [{ op: "add", path, value }],
          }));
      }
    } catch (error) {
      if (!(error instanceof ApiError) || error.code === undefined || error.code >= 500) {
        throw error;
      }
      if (error.code === 404) return false;
      this.#words.set(uid, value);
      this.#warnOfWords(error);
    }
    await this.delete(pod);
    return true;
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
    const { namespace } = this;
    const { signal = new AbortController().signal, follow = false } = options;
    const { name = "" } = pod.metadata ?? {};
    const { openPodLogs, readPodLogs } = await import("./pod_log.ts");
    const logs = await openPodLogs(pod, (container) =>
      this.#send(
        { doing: `read the logs of pod "${name}"`, permission: "get pods/log" },
        (client) => client.streamNamespacedPodLog({ namespace, name, container, follow }, signal),
        signal,
      ));
    return readPodLogs(logs);
  }

  /**
   * What has happened to a pod lately.
   *
   * @param pod The pod.
   * @returns The events, the last one last.
   * @throws {StoreError} If they cannot be listed.
   */
  async events(pod: Pod): Promise<PodEvent[]> {
    const { namespace } = this;
    const { name = "", uid = "" } = pod.metadata ?? {};
    const { items } = await this.#send(
      { doing: `list the events of pod "${name}"`, permission: "list events" },
      (client) =>
        client.listNamespacedEvent({
          namespace,
          fieldSelector: `involvedObject.uid=${uid}`,
          limit: EVENTS,
        }),
    );
    const time = ({ lastTimestamp, eventTime }: PodEvent): number =>
      milliseconds(lastTimestamp ?? eventTime);
    return items.toSorted((a, b) => time(a) - time(b));
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
    await this.#followed();
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
    this.#checked ??= this.#tryCreation();
    try {
      await this.#checked;
    } catch (error) {
      this.#checked = undefined; // it may be so next time
      throw error;
    }
  }

  async #tryCreation(): Promise<void> {
    const { namespace } = this;
    try {
      await this.#send(
        { doing: "create pods", permission: "create pods" },
        (client) => client.createNamespacedPod({ namespace, body: PROBE, dryRun: "All" }),
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.code === undefined) throw error;
      if (isGeneralRefusal({ code: error.code, message: error.said })) throw error;
    }
  }

  /** For tasks: a pod, as it changes. */
  async track(pod: Pod): Promise<PodTracker> {
    const { uid = "" } = pod.metadata ?? {};
    const latest = (await this.#podWatch()).latest(pod);
    const tracker = this.#trackers.get(uid) ?? new PodTracker(latest.pod, latest.gone);
    if (!latest.gone) this.#trackers.set(uid, tracker);
    return tracker;
  }

  /** For tasks: removes the pod of a job of which nothing more is needed. */
  async settle({ pod, gone }: PodTracker): Promise<void> {
    const { uid = "" } = pod.metadata ?? {};
    this.#trackers.delete(uid);
    const { task, job } = identityOf(pod) ?? {};
    if (!gone) {
      this.#settled.add(uid);
      if (!isTerminating(pod)) await this.delete(pod); // otherwise its node is about to remove it
    }
    if (task !== undefined && job !== undefined) this.#tell(task, job, true);
  }

  /** For tasks: waits some milliseconds, or until one of `ends` resolves or `signal` is aborted. */
  pause(delay: number, signal?: AbortSignal, ...ends: Promise<unknown>[]): Promise<void> {
    return this.#requests.pause(delay, signal, ...ends);
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

  async #send<T>(
    purpose: RequestPurpose,
    call: (client: KubernetesClient) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const client = await this.#connect();
    return await this.#requests.send(purpose, () => call(client), { signal });
  }

  async #read(name: string, job: string): Promise<Pod | undefined> {
    const { namespace } = this;
    try {
      return await this.#send(
        { doing: `read the pod of "${job}"`, permission: "get pods" },
        (client) => client.readNamespacedPod({ namespace, name }),
      );
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  #connect(): Promise<KubernetesClient> {
    if (this.#given !== undefined) return Promise.resolve(access(this.#given));
    return this.#client ??= this.#open();
  }

  async #open(): Promise<KubernetesClient> {
    try {
      const { kubernetesClient } = await import("./kube_client.ts");
      const client = await kubernetesClient();
      this.#own = client;
      return client;
    } catch (error) {
      this.#client = undefined; // it may work next time
      throw error;
    }
  }

  #podWatch(): Promise<PodWatch> {
    return this.#watch ??= this.#newWatch();
  }

  async #newWatch(): Promise<PodWatch> {
    const { PodWatch } = await import("./pod_watch.ts");
    return new PodWatch({
      app: this.app,
      label: await labelValue(this.app),
      namespace: this.namespace,
      client: () => this.#connect(),
      requests: this.#requests,
      env: this.#env,
      onChange: (pod, before, gone) => this.#onChange(pod, before, gone),
    });
  }

  async #followed(): Promise<PodWatch> {
    const watch = await this.#podWatch();
    await watch.start();
    return watch;
  }

  async #stop(): Promise<void> {
    this.#requests.endPauses();
    await (await this.#watch)?.stop();
    this.#own?.[Symbol.dispose]();
    this.#own = undefined;
    this.#client = undefined;
  }

  #onChange(pod: Pod, before: Pod | undefined, gone: boolean): void {
    const { uid = "" } = pod.metadata ?? {};
    this.#trackers.get(uid)?.update(this.#withWord(pod), gone);
    if (gone) {
      this.#trackers.delete(uid);
      this.#words.delete(uid);
    }
    if (this.#settled.has(uid)) {
      if (gone) this.#settled.delete(uid);
      else if (!isTerminating(pod)) this.#deleteAgain(pod);
      return;
    }
    const identity = identityOf(pod);
    if (identity !== undefined && (gone || before === undefined)) {
      this.#tell(identity.task, identity.job, gone);
    }
  }

  /** A pod with the word that could not be left in it. */
  #withWord(pod: Pod): Pod {
    const word = this.#words.get(pod.metadata?.uid ?? "");
    if (word === undefined) return pod;
    const annotations = { ...pod.metadata?.annotations, [ENDED_ANNOTATION]: word };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }

  #warnOfWords(error: ApiError): void {
    if (this.#warnedOfWords) return;
    this.#warnedOfWords = true;
    warn(
      `Pods of ${this} are ended without a word why, and to another program that waits for them they are deleted by ` +
        `somebody: ${headline(error)}`,
    );
  }

  /** Deletes a pod whose job is settled, and which is seen all the same: that had failed. */
  #deleteAgain(pod: Pod): void {
    this.delete(pod).catch((error) =>
      warn(`Pod "${pod.metadata?.name}" of ${this} is left: ${headline(error)}`)
    );
  }

  #tell(task: string, job: string, gone: boolean): void {
    for (const listener of this.#listeners) listener(task, job, gone);
  }
}
