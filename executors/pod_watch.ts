/**
 * What is known of the pods of an application: listed once, and then followed.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { headline } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";
import type { KubernetesClient, Pod, PodList } from "./pod_api.ts";
import { APP_LABEL, identityOf } from "./pod_names.ts";
import { type PodRequests, problemOf } from "./pod_requests.ts";

/** How many pods come in a page of a listing. */
const PAGE = 500;

/** Milliseconds after which all is listed again, and seconds that a watch lasts: no watch is trusted for ever. */
const RESYNC = 300_000;

/** Milliseconds after which a watch that tells nothing counts as dead: servers send a bookmark each minute. */
const SILENCE = 150_000;

/** Milliseconds before a watch or a listing is tried again that has ended at once: at first, and at most. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 30_000;

/** Milliseconds after which it is said that the cluster cannot be followed. */
const PATIENCE = 60_000;

/** The status that says that a version, or a place in a listing, is known no more; and how often that is tolerated. */
const EXPIRED = 410;
const LIST_ATTEMPTS = 5;

/** Of whose pods, and how it is asked. */
export interface PodWatchOptions {
  readonly app: string;
  readonly label: string;
  readonly namespace: string;
  readonly client: () => Promise<KubernetesClient>;
  readonly requests: PodRequests;
  readonly env: Env;
  /** Called with each pod that is new, has changed or is gone, and what was known of it before. */
  readonly onChange: (pod: Pod, before: Pod | undefined, gone: boolean) => void;
}

/** Keeps what is known of the pods of an application true. */
export class PodWatch {
  readonly #options: PodWatchOptions;
  /** The pods by name. */
  readonly #pods = new Map<string, Pod>();
  /** The ids of pods that are gone, of which old news may still come. */
  readonly #gone = new Set<string>();
  /** The state of the cluster that is known, from which a watch goes on; undefined if all must be listed. */
  #version: string | undefined;
  /** When all was listed last. */
  #listed = -Infinity;
  #listing: Promise<void> | undefined;
  /** Whether what is known is followed. */
  #following = false;
  #stopping: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  /** Makes it; nothing is asked. */
  constructor(options: PodWatchOptions) {
    this.#options = options;
  }

  /**
   * All pods of the application: as followed, or listed now.
   *
   * @throws {StoreError} If they cannot be listed.
   */
  async pods(): Promise<Pod[]> {
    if (!this.#following) await this.#list();
    return [...this.#pods.values()];
  }

  /** Whether what is known is kept true. */
  get following(): boolean {
    return this.#following;
  }

  /** A pod, as it was last seen. */
  get(name: string): Pod | undefined {
    return this.#pods.get(name);
  }

  /**
   * Begins to follow the pods.
   *
   * @returns When they are known.
   * @throws {StoreError} If they cannot be listed.
   */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) return;
    const stopping = this.#stopping = new AbortController();
    try {
      await this.#list();
      if (stopping.signal.aborted) return;
      this.#following = true;
      this.#loop = this.#follow(stopping.signal);
    } catch (error) {
      if (this.#stopping === stopping) this.#stopping = undefined;
      throw error;
    }
  }

  /** Follows the pods no longer. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = undefined;
    this.#following = false;
    await this.#loop;
  }

  /** The latest that is known of a pod: news of it may have come before the answer to a request. */
  latest(pod: Pod): { readonly pod: Pod; readonly gone: boolean } {
    const { name = "", uid = "" } = pod.metadata ?? {};
    const known = this.#pods.get(name);
    return {
      pod: known?.metadata?.uid === uid && !isOlder(known, pod) ? known : pod,
      gone: this.#gone.has(uid),
    };
  }

  /** Takes in a pod as a request has shown it. */
  see(pod: Pod): void {
    const name = pod.metadata?.name ?? "";
    const { uid = "" } = pod.metadata ?? {};
    if (identityOf(pod)?.app !== this.#options.app || this.#gone.has(uid)) return;
    const before = this.#pods.get(name);
    if (before !== undefined && isOlder(pod, before)) return;
    this.#pods.set(name, pod);
    if (before !== undefined && before.metadata?.uid !== uid) {
      this.#options.onChange(before, before, true);
    }
    this.#options.onChange(pod, before?.metadata?.uid === uid ? before : undefined, false);
  }

  /** Takes in that a pod is gone. */
  lose(pod: Pod): void {
    const { name = "", uid = "" } = pod.metadata ?? {};
    const before = this.#pods.get(name);
    if (before?.metadata?.uid !== uid) return void this.#gone.add(uid);
    this.#gone.add(uid); // until all is listed again
    this.#pods.delete(name);
    this.#options.onChange(pod, before, true);
  }

  /** Lists all pods; once, however many ask for it. */
  #list(): Promise<void> {
    return this.#listing ??= this.#listAll().finally(() => this.#listing = undefined);
  }

  async #listAll(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#listPages();
      } catch (error) {
        if (problemOf(error).code !== EXPIRED || attempt === LIST_ATTEMPTS) throw error;
      }
    }
  }

  async #listPages(): Promise<void> {
    const { client, requests, namespace, label, env } = this.#options;
    const api = await client();
    const known = new Map(this.#pods);
    const gone = new Set(this.#gone);
    const listed = new Set<string>();
    const purpose = { doing: "list pods", permission: "list pods" };
    for (let next: string | undefined, page: PodList;; next = page.metadata?._continue) {
      page = await requests.send(purpose, () =>
        api.listNamespacedPod({
          namespace,
          labelSelector: `${APP_LABEL}=${label}`,
          limit: PAGE,
          ...next && { _continue: next },
        }));
      for (const pod of page.items) {
        listed.add(pod.metadata?.uid ?? "");
        this.see(pod);
      }
      this.#version = page.metadata?.resourceVersion;
      if (!page.metadata?._continue) break;
    }
    // What was made while the pages came may be in none of them; what is gone can still be in some.
    for (const pod of known.values()) if (!listed.has(pod.metadata?.uid ?? "")) this.lose(pod);
    for (const uid of gone) this.#gone.delete(uid);
    this.#listed = env.elapsed();
  }

  /** Lists and watches for ever. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { env, requests, app } = this.#options;
    let healthy = env.elapsed();
    let warned = false;
    let delay = FIRST_DELAY;
    while (!signal.aborted) {
      const began = env.elapsed();
      try {
        if (this.#version === undefined || began - this.#listed >= RESYNC) await this.#list();
        await this.#watch(signal);
        healthy = env.elapsed();
        warned = false;
      } catch (error) {
        if (signal.aborted) return;
        // A connection that is lost is no reason to list: the next watch tells what was missed.
        if (problemOf(error).code !== undefined) this.#version = undefined;
        if (began - healthy >= PATIENCE && !warned) {
          warned = true;
          warn(`The pods of "${app}" cannot be followed, which is tried again: ${headline(error)}`);
        }
      }
      if (env.elapsed() - began >= LONGEST_DELAY) delay = FIRST_DELAY;
      else {
        await requests.pause(delay / 2 + env.random() * delay / 2, signal);
        delay = Math.min(2 * delay, LONGEST_DELAY);
      }
    }
  }

  /** Takes in changes until the server ends that. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client, env, namespace, label, requests } = this.#options;
    const api = await client();
    if (signal.aborted) return;
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal.reason);
    signal.addEventListener("abort", onAbort);
    const awaitNews = (): Disposable =>
      env.schedule(() => ending.abort(new Error("the watch tells nothing any more")), SILENCE);
    let timer = awaitNews();
    try {
      requests.count++;
      const changes = api.watchNamespacedPod({
        namespace,
        labelSelector: `${APP_LABEL}=${label}`,
        resourceVersion: this.#version ?? "",
        allowWatchBookmarks: true,
        timeoutSeconds: Math.max(1, Math.ceil((this.#listed + RESYNC - env.elapsed()) / 1000)),
      }, ending.signal);
      for await (const change of changes) {
        timer[Symbol.dispose]();
        timer = awaitNews();
        if (change.type === "ERROR") throw new WatchEnded(change.object);
        this.#version = change.object.metadata?.resourceVersion ?? this.#version;
        if (change.type === "DELETED") this.#takeLoss(change.object);
        else if (change.type !== "BOOKMARK") this.see(change.object);
      }
    } finally {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** The last state of a pod may say how it ended. */
  #takeLoss(pod: Pod): void {
    this.see(pod);
    this.lose(pod);
  }
}

/** A watch whose server says that it cannot go on. */
class WatchEnded extends Error {
  readonly code: number;

  constructor({ code = 500, message = "the watch has failed" }: {
    readonly code?: number | undefined;
    readonly message?: string | undefined;
  }) {
    super(message);
    this.code = code;
  }
}

/** Whether one state of a pod is older than another: versions are to be compared as numbers, as servers have them. */
function isOlder(pod: Pod, than: Pod): boolean {
  if (pod.metadata?.uid !== than.metadata?.uid) return false;
  return Number(pod.metadata?.resourceVersion) < Number(than.metadata?.resourceVersion);
}
