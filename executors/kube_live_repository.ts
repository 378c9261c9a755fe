/**
 * The jobs of a task that have pods.
 *
 * @module
 */

import { Repository, type RepositoryChange, type ValidateOptions } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { Pod } from "./pod_api.ts";
import type { PodManager } from "./pod_manager.ts";

/** What is known of a job that has a pod. */
export interface PodInfo {
  /** The pod's name. */
  readonly pod: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown` or, when it was deleted, `Terminating`. */
  readonly phase: string;
  /** When it was asked for: ISO 8601, UTC. */
  readonly start_time: string;
  /** The node; undefined if it has none yet. */
  readonly node: string | undefined;
  /** Why it does not run yet; undefined if nothing is said of that. */
  readonly waiting: string | undefined;
}

/**
 * A view of the jobs of a task that have pods, by whichever program they were started: those that run, and those that have
 * ended but were not taken in. Deleting a key ends the job: it has failed with class `cancelled`.
 *
 * @example Usage
 * ```ts ignore
 * import { LiveKubeRepository, PodManager } from "@datatask/datatask";
 *
 * const live = new LiveKubeRepository(new PodManager("library", "default"), "count");
 * for await (const job of live) await live.delete(job);
 * ```
 */
export class LiveKubeRepository extends Repository<PodInfo | undefined> {
  readonly #manager: Accessor<PodManager>;
  readonly #task: string;

  /**
   * Makes the view.
   *
   * @param manager The pods.
   * @param task The name of the task.
   */
  constructor(manager: Accessor<PodManager>, task: string) {
    super();
    this.#manager = manager;
    this.#task = task;
  }

  /** The jobs that have pods. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    const pods = await this.pods();
    if (pods.length === 0) return;
    const { jobOf } = await import("./pod_info.ts");
    for (const pod of pods) yield jobOf(pod);
  }

  /** Whether a job has a pod. */
  override async contains(job: string): Promise<boolean> {
    return await this.#find(job) !== undefined;
  }

  /** What is known of the pod of a job; undefined if it has none. */
  override async info(job: string): Promise<PodInfo | undefined> {
    const pod = await this.#find(job);
    if (pod === undefined) return undefined;
    const { infoOf } = await import("./pod_info.ts");
    return infoOf(pod);
  }

  /** What is known of all pods. */
  override async infoAll(): Promise<Map<string, PodInfo | undefined>> {
    const pods = await this.pods();
    if (pods.length === 0) return new Map();
    const { infoOf, jobOf } = await import("./pod_info.ts");
    return new Map(pods.map((pod) => [jobOf(pod), infoOf(pod)]));
  }

  /**
   * The pods themselves.
   *
   * @returns Those of the task.
   * @throws {StoreError} If they cannot be listed.
   */
  async pods(): Promise<Pod[]> {
    return await access(this.#manager).query({ task: this.#task });
  }

  /** Ends a job. What has no pod is fine. */
  override async delete(job: string): Promise<void> {
    const pod = await this.#find(job);
    if (pod !== undefined) await access(this.#manager).end(pod, "cancelled");
  }

  /** Tells of pods that are made and go, by whichever program. */
  override async *watch(signal: AbortSignal): AsyncGenerator<RepositoryChange, void, undefined> {
    const manager = access(this.#manager);
    const changes: RepositoryChange[] = [];
    let wake = Promise.withResolvers<void>();
    const onAbort = (): void => wake.resolve();
    signal.addEventListener("abort", onAbort);
    using _ = manager.subscribe((task, job, gone) => {
      if (task !== this.#task) return;
      changes.push({ type: gone ? "delete" : "put", job });
      wake.resolve();
    });
    const user = {};
    await manager.acquire(user);
    try {
      while (!signal.aborted) {
        for (let change; (change = changes.shift()) !== undefined;) yield change;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      await manager.release(user);
    }
  }

  /** Makes sure that the pods can be listed. */
  override async validate(_options?: ValidateOptions): Promise<void> {
    await this.pods();
  }

  /** For the task: tells of a pod that was made or is gone. */
  tell(change: RepositoryChange): void {
    this.changed(change);
  }

  /** Its class and the task. */
  override toString(): string {
    return `<${this.constructor.name} of ${this.#task}>`;
  }

  async #find(job: string): Promise<Pod | undefined> {
    this.check(job);
    return await access(this.#manager).find(this.#task, job);
  }
}
