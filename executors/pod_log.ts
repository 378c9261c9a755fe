/**
 * What the containers of pods have written.
 *
 * @module
 */

import type { BlobRepository } from "../lib/blob_repository.ts";
import { headline } from "../lib/failure.ts";
import type { Pod } from "./pod_api.ts";
import type { PodManager } from "./pod_manager.ts";
import { ApiError } from "./pod_requests.ts";
import { containerStatuses } from "./pod_state.ts";

/** Options of `PodManager.logs`. */
export interface PodLogOptions {
  /**
   * Whether to go on until the containers have ended.
   *
   * @default {false}
   */
  readonly follow?: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** What a container has written. */
export interface ContainerLog {
  /** The container's name; undefined if there is no other. */
  readonly container: string | undefined;
  /** What it has written. */
  readonly stream: ReadableStream<Uint8Array>;
}

const encoder = new TextEncoder();

/**
 * Opens the logs of all containers of a pod that have begun: at once, so that none is missed of a pod that is about to go.
 *
 * @param pod The pod.
 * @param open Opens that of a container.
 * @returns The logs, in the order in which the containers run.
 * @throws {unknown} What `open` throws, but if the container has not begun.
 */
export async function openPodLogs(
  pod: Pod,
  open: (container: string) => Promise<ReadableStream<Uint8Array>>,
): Promise<ContainerLog[]> {
  const begun = containerStatuses(pod)
    .filter(({ state }) => state?.running !== undefined || state?.terminated !== undefined)
    .map(({ name }) => name);
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const alone = containers.length + initContainers.length === 1;
  const opened = await Promise.allSettled(begun.map(async (container) => ({
    container: alone ? undefined : container,
    stream: await open(container),
  })));
  const logs = opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  for (const result of opened) {
    if (result.status === "fulfilled" || isUnbegun(result.reason)) continue;
    for (const { stream } of logs) await stream.cancel();
    throw result.reason;
  }
  return logs;
}

/** One log after the other. */
export function readPodLogs(logs: readonly ContainerLog[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chain(logs));
}

async function* chain(
  logs: readonly ContainerLog[],
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (const { container, stream } of logs) {
      if (container !== undefined) yield encoder.encode(`==> ${container} <==\n`);
      yield* stream;
    }
  } finally {
    for (const { stream } of logs) await stream.cancel().catch(() => {}); // which may have been read, or failed
  }
}

/** Whether a log cannot be read because its container has not begun. */
function isUnbegun(error: unknown): boolean {
  return error instanceof ApiError && error.code === 400;
}

/** How often the logs of a pod are stored before that is given up, and the milliseconds between. */
const STORE_ATTEMPTS = 3;
const STORE_DELAY = 1_000;

/**
 * Stores what the containers of a pod have written. Where that cannot be read, it is stored why.
 *
 * @param manager Reads it.
 * @param pod The pod.
 * @param job The job.
 * @param repository Where it is stored.
 * @param options Whether to go on until the containers have ended.
 * @throws {StoreError} If it cannot be stored.
 */
export async function storePodLog(
  manager: Pick<PodManager, "logs" | "pause">,
  pod: Pod,
  job: string,
  repository: BlobRepository,
  { follow }: { readonly follow: boolean },
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const last = attempt === STORE_ATTEMPTS;
    try {
      // What is followed is about to go: there is no second chance to read it.
      const text = ReadableStream.from(logText(manager, pod, follow, last || follow));
      await text.pipeTo(await repository.writable(job));
      return;
    } catch (error) {
      if (last) throw error;
      await manager.pause(STORE_DELAY);
    }
  }
}

async function* logText(
  manager: Pick<PodManager, "logs">,
  pod: Pod,
  follow: boolean,
  last: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (!containerStatuses(pod).some(({ state }) => state?.running ?? state?.terminated)) {
      yield encoder.encode("<no logs: no container of the pod has begun>\n");
      return;
    }
    yield* await manager.logs(pod, { follow });
  } catch (error) {
    if (!(error instanceof ApiError) && !last) throw error;
    yield encoder.encode(`<logs lost: ${headline(error)}>\n`);
  }
}
