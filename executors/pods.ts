/**
 * The pods of an application, as a manager works on them.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { type FailureClass, JobError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { access, type Accessor } from "../lib/session.ts";
import { warn } from "../lib/warnings.ts";
import type { KubernetesClient, Pod, PodEvent, PodManifest } from "./pod_api.ts";
import type { PodLogOptions } from "./pod_log.ts";
import type { PodLaunchOptions, PodManager } from "./pod_manager.ts";
import { ENDED_ANNOTATION, identityOf, labelValue, podMarks, podName } from "./pod_names.ts";
import {
  ApiError,
  isGeneralRefusal,
  isQuotaRefusal,
  PodRequests,
  type RequestPurpose,
} from "./pod_requests.ts";
import { isTerminal, isTerminating, milliseconds } from "./pod_state.ts";
import { PodTracker } from "./pod_tracker.ts";
import { PodWatch } from "./pod_watch.ts";

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

/** What a manager has declared. */
export interface PodsOptions {
  /** The manager: whoever overrides how it deletes and tracks pods is heeded. */
  readonly manager: PodManager;
  /** The client; that of the kubeconfig or the service account, if it is undefined. */
  readonly client: Accessor<KubernetesClient> | undefined;
  /** How many requests a second are sent at most. */
  readonly requestsPerSecond: number;
  /** The clock, timers and chance. */
  readonly env: Env;
  /** Called with each job whose pod is new or gone. */
  readonly tell: (task: string, job: string, gone: boolean) => void;
}

/** What a manager does with its pods, and says what it is. */
type PodWork = Pick<
  PodManager,
  | "requestCount"
  | "launch"
  | "query"
  | "find"
  | "delete"
  | "end"
  | "logs"
  | "events"
  | "checkCreation"
  | "track"
  | "settle"
  | "pause"
>;

/** Makes, follows and ends the pods of an application. */
export class Pods implements PodWork {
  readonly #manager: PodManager;
  readonly #given: Accessor<KubernetesClient> | undefined;
  readonly #env: Env;
  readonly #requests: PodRequests;
  readonly #tell: PodsOptions["tell"];
  #client: Promise<KubernetesClient> | undefined;
  /** The client, if it is the manager's own. */
  #own: Disposable | undefined;
  #watch: Promise<PodWatch> | undefined;
  readonly #trackers = new Map<string, PodTracker>();
  /** The ids of pods that were deleted because their jobs are settled. */
  readonly #settled = new Set<string>();
  /** Why pods were ended, by their ids, where it could not be written to them. */
  readonly #words = new Map<string, string>();
  #warnedOfWords = false;
  /** The check whether pods can be made. */
  #checked: Promise<void> | undefined;

  /** Takes what was declared; nothing is asked. */
  constructor({ manager, client, requestsPerSecond, env, tell }: PodsOptions) {
    this.#manager = manager;
    this.#given = client;
    this.#env = env;
    this.#requests = new PodRequests(manager.namespace, requestsPerSecond, env);
    this.#tell = tell;
  }

  /** How many requests were sent so far. */
  get requestCount(): number {
    return this.#requests.count;
  }

  /** Makes the pod of a job, unless it is there. */
  async launch(
    job: string,
    task: string,
    manifest: PodManifest,
    { attempt = 1, signal }: PodLaunchOptions = {},
  ): Promise<Pod> {
    const { app, namespace } = this.#manager;
    const watch = await this.follow();
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
      if (!isTerminating(other) || isTerminal(other)) await this.#manager.delete(other);
      const tracker = await this.#manager.track(other);
      if (!tracker.gone) await this.#requests.pause(NAME_DELAY, signal, tracker.changed);
    }
  }

  /** The pods: as they are followed, or else listed now. */
  async query(which: { readonly task?: string; readonly job?: string } = {}): Promise<Pod[]> {
    return (await (await this.#podWatch()).pods()).filter((pod) => {
      const identity = identityOf(pod);
      return !this.#settled.has(pod.metadata?.uid ?? "") &&
        (which.task === undefined || which.task === identity?.task) &&
        (which.job === undefined || which.job === identity?.job);
    });
  }

  /** The pod of a job: as it is followed, or else read now. */
  async find(task: string, job: string): Promise<Pod | undefined> {
    const name = await podName(this.#manager.app, task, job);
    const watch = await this.#podWatch();
    const pod = watch.following ? watch.get(name) : await this.#read(name, job);
    const identity = pod && identityOf(pod);
    const found = identity?.app === this.#manager.app && identity.task === task &&
      identity.job === job;
    return found && !this.#settled.has(pod?.metadata?.uid ?? "") ? pod : undefined;
  }

  /** Deletes a pod. */
  async delete(pod: Pod): Promise<void> {
    const { name = "", uid = "" } = pod.metadata ?? {};
    const { namespace } = this.#manager;
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

  /** Ends a pod, and leaves word why. */
  async end(pod: Pod, reason: FailureClass, message?: string): Promise<boolean> {
    if (isTerminal(pod)) return false;
    const { name = "", uid = "" } = pod.metadata ?? {};
    const { namespace } = this.#manager;
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
    await this.#manager.delete(pod);
    return true;
  }

  /** What the containers of a pod have written. */
  async logs(pod: Pod, options: PodLogOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { namespace } = this.#manager;
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

  /** What has happened to a pod lately. */
  async events(pod: Pod): Promise<PodEvent[]> {
    const { namespace } = this.#manager;
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

  /** Makes sure that pods may be made; once. */
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
    const { namespace } = this.#manager;
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

  /** A pod, as it changes. */
  async track(pod: Pod): Promise<PodTracker> {
    const { uid = "" } = pod.metadata ?? {};
    const latest = (await this.#podWatch()).latest(pod);
    const tracker = this.#trackers.get(uid) ?? new PodTracker(latest.pod, latest.gone);
    if (!latest.gone) this.#trackers.set(uid, tracker);
    return tracker;
  }

  /** Removes the pod of a job of which nothing more is needed. */
  async settle({ pod, gone }: PodTracker): Promise<void> {
    const { uid = "" } = pod.metadata ?? {};
    this.#trackers.delete(uid);
    const { task, job } = identityOf(pod) ?? {};
    if (!gone) {
      this.#settled.add(uid);
      // One that is terminating is about to be removed by its node; one that was to go at once is only there because
      // whoever deleted it was killed before the cluster had done so, and nobody else removes it.
      const isStuck = pod.metadata?.deletionGracePeriodSeconds === 0;
      if (!isTerminating(pod) || isStuck) await this.#manager.delete(pod);
    }
    if (task !== undefined && job !== undefined) this.#tell(task, job, true);
  }

  /** Waits some milliseconds, or until one of `ends` resolves or `signal` is aborted. */
  pause(delay: number, signal?: AbortSignal, ...ends: Promise<unknown>[]): Promise<void> {
    return this.#requests.pause(delay, signal, ...ends);
  }

  /** Has the pods followed until {@linkcode stop}. */
  async follow(): Promise<PodWatch> {
    const watch = await this.#podWatch();
    await watch.start();
    return watch;
  }

  /** Stops following the pods, and closes the connection if it is its own. */
  async stop(): Promise<void> {
    this.#requests.endPauses();
    await (await this.#watch)?.stop();
    this.#own?.[Symbol.dispose]();
    this.#own = undefined;
    this.#client = undefined;
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
    const { namespace } = this.#manager;
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
      // Were it a constant, every program would look for the hundred packages of the client at each start, with or without
      // pods: 15 ms; and the first one would fetch them. Who wants them fetched beforehand imports ".../kubernetes".
      const module = "./kube_client.ts";
      const { kubernetesClient }: typeof import("./kube_client.ts") = await import(module);
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
    const { app, namespace } = this.#manager;
    return new PodWatch({
      app,
      label: await labelValue(app),
      namespace,
      client: () => this.#connect(),
      requests: this.#requests,
      env: this.#env,
      onChange: (pod, before, gone) => this.#onChange(pod, before, gone),
    });
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
      `Pods of ${this.#manager} are ended without a word why, and to another program that waits for them they are deleted by ` +
        `somebody: ${headline(error)}`,
    );
  }

  /** Deletes a pod whose job is settled, and which is seen all the same: that had failed. */
  #deleteAgain(pod: Pod): void {
    this.#manager.delete(pod).catch((error) =>
      warn(`Pod "${pod.metadata?.name}" of ${this.#manager} is left: ${headline(error)}`)
    );
  }
}
