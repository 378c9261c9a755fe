/**
 * Room for pods: in the quota of the pipeline, and in that of the namespace.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { JobError } from "../lib/errors.ts";
import type { ResourceManager } from "../lib/resource_manager.ts";
import { Resources } from "../lib/resources.ts";
import type { PodManager } from "./pod_manager.ts";
import { ApiError, isGeneralRefusal, isQuotaRefusal } from "./pod_requests.ts";

/** The longest time between two looks whether there is room, in milliseconds: others may make some, too. */
const LONGEST_LOOK = 5_000;

/** How to wait for room. */
export interface RoomWait {
  /** Gives it up. */
  readonly signal: AbortSignal;
  /** Called if there is no room at once. */
  readonly onWait: () => void;
}

/** How to wait until the namespace takes a pod. */
export interface NamespaceWait extends RoomWait {
  /** The clock and timers. */
  readonly env: Env;
  /** Milliseconds after which the wait is given up if no job of the task has made room meanwhile. */
  readonly grace: number;
}

/** Who tells that room is made, by quota. */
const made = new WeakMap<ResourceManager, { next: PromiseWithResolvers<void> }>();

/** Finds room for the pods of a task, each by its own size. */
export class KubeRoom {
  readonly #quota: ResourceManager | undefined;
  readonly #pause: PodManager["pause"];
  readonly #taken = new Map<string, Resources>();
  readonly #lacking = new Map<string, string>();
  /** Resolves, and is another one, when room is made: for all tasks that share the quota. */
  readonly #made: { next: PromiseWithResolvers<void> };

  /** Makes it for a quota; without one there is room for all. */
  constructor(quota: ResourceManager | undefined, pause: PodManager["pause"]) {
    this.#quota = quota;
    this.#pause = pause;
    this.#made = (quota && made.get(quota)) ?? { next: Promise.withResolvers() };
    if (quota !== undefined) made.set(quota, this.#made);
  }

  /** The jobs that wait for room, each with what there is too little of. */
  get waiting(): ReadonlyMap<string, string> {
    return this.#lacking;
  }

  /**
   * Waits until a job has room in the quota.
   *
   * @throws {JobError} If it never will, with class `config`.
   */
  async enter(job: string, requests: Resources, { signal, onWait }: RoomWait): Promise<void> {
    const quota = this.#quota;
    if (quota === undefined) return;
    const never = quota.fits(requests);
    if (never !== undefined) {
      throw new JobError(
        `Cannot make the pod of "${job}": its containers request more ${never} than there is at all (${quota.quota}); ` +
          `request less, or raise the quota`,
        { class: "config" },
      );
    }
    for (;;) {
      const lacking = await quota.reserve(requests);
      if (lacking === undefined) break;
      this.#lacking.set(job, `not enough ${lacking} is free`);
      onWait();
      await this.#wait(job, signal);
    }
    this.#taken.set(job, requests);
  }

  /** Takes room for a job that runs already, if there is some. */
  async occupy(job: string, requests: Resources): Promise<void> {
    if (await this.#quota?.reserve(requests) === undefined) this.#taken.set(job, requests);
  }

  /**
   * Makes a pod, as soon as the quota of the namespace allows it, or whoever may have taken away the right to make pods.
   *
   * @returns What `make` returns.
   * @throws {JobError} If it never will, with class `config`.
   * @throws {StoreError} If it does not for a long time.
   */
  async accepted<T>(
    job: string,
    make: () => Promise<T>,
    { env, grace, signal, onWait }: NamespaceWait,
  ): Promise<T> {
    for (let since = env.elapsed(), made = this.#made.next;;) {
      try {
        return await make();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const problem = { code: error.code, message: error.said };
        const general = isGeneralRefusal(problem);
        if (!general && !isQuotaRefusal(problem)) throw error;
        if (!general && neverFits(error.said)) {
          throw new JobError(error.message, { cause: error, class: "config" });
        }
        if (made !== this.#made.next) {
          since = env.elapsed();
          made = this.#made.next;
        }
        if (env.elapsed() - since >= grace) throw error;
        this.#lacking.set(job, error.said.replace(NAMED, ""));
      }
      onWait();
      await this.#wait(job, signal);
    }
  }

  /** Gives back the room of a job. */
  leave(job: string): void {
    const taken = this.#taken.get(job);
    this.#taken.delete(job);
    if (taken !== undefined) this.#quota?.relinquish(taken);
    const { next } = this.#made;
    this.#made.next = Promise.withResolvers();
    next.resolve();
  }

  async #wait(job: string, signal: AbortSignal): Promise<void> {
    await this.#pause(LONGEST_LOOK, signal, this.#made.next.promise);
    this.#lacking.delete(job);
    signal.throwIfAborted();
  }
}

/** What a refusal says that is true of one pod only: others are refused for the same reason. */
const NAMED = /^pods "[^"]*" is forbidden: /;

/** What a refusal says of what was requested, and of the limit. */
const REFUSAL = /requested: (?<requested>.*?), used: .*?, limited: (?<limited>.*)$/;

/** Whether a pod is refused that would be too large if it were the only one. */
function neverFits(message: string): boolean {
  const { requested, limited } = REFUSAL.exec(message)?.groups ?? {};
  if (requested === undefined || limited === undefined) return false;
  const limits = amounts(limited);
  return [...amounts(requested)].some(([name, amount]) => {
    const limit = limits.get(name);
    return limit !== undefined && amount.excess(limit) !== undefined;
  });
}

/** Amounts as refusals list them: `cpu=2,memory=1Gi`. */
function amounts(text: string): Map<string, Resources> {
  const found = new Map<string, Resources>();
  for (const [, name, amount] of text.matchAll(/([\w.\/-]+)=([\w.]+)/g)) {
    try {
      found.set(name!, new Resources(amount));
    } catch {
      continue; // nothing can be said of it
    }
  }
  return found;
}
