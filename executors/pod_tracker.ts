/**
 * Pods that somebody waits for.
 *
 * @module
 */

import type { Pod } from "./pod_api.ts";

/** A pod, as it changes until it is gone. */
export class PodTracker {
  /** The pod, as it was last seen. */
  pod: Pod;
  /** Whether it is gone. */
  gone: boolean;

  #next = Promise.withResolvers<void>();

  /** Takes in the pod. */
  constructor(pod: Pod, gone: boolean) {
    this.pod = pod;
    this.gone = gone;
  }

  /** Resolves when it changes next. */
  get changed(): Promise<void> {
    return this.#next.promise;
  }

  /** Takes in that it has changed. */
  update(pod: Pod, gone: boolean): void {
    this.pod = pod;
    this.gone = gone;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
