/**
 * What the containers of pods have written.
 *
 * @module
 */

import type { BlobRepository } from "../lib/blob_repository.ts";
import type { Pod } from "./pod_api.ts";
import { LogTail } from "./pod_log_tail.ts";
import type { PodManager } from "./pod_manager.ts";
import { ApiError } from "./pod_requests.ts";
import { containerStatuses, hasBegun } from "./pod_state.ts";
import type { PodTracker } from "./pod_tracker.ts";

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
  const begun = containerStatuses(pod).filter(hasBegun).map(({ name }) => name);
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

/** How much later than its logs a pod may end, in milliseconds, for them to count as whole. */
const END_DELAY = 10_000;

/** From which size in bytes on a node may have begun another file for a log. */
const LARGE = 1_000_000;

/** What is needed of a pod manager to read logs. */
type LogReader = Pick<PodManager, "logs" | "pause">;

/** Whether a pod may write more. */
export function isWriting(pod: Pod): boolean {
  return containerStatuses(pod).some(({ state }) => state?.running);
}

/** Whether nothing that a pod will write could be missed by whoever follows it from now on. */
export function canBeFollowed({ spec, status }: Pod): boolean {
  const statuses = status?.containerStatuses ?? [];
  return statuses.length > 0 && statuses.length === spec?.containers.length &&
    statuses.every(hasBegun);
}

/**
 * Stores what the containers of a pod write, as they write it: a node keeps no more of it than the end, and nothing when
 * the pod is gone.
 *
 * @param manager Reads it.
 * @param tracker The pod.
 * @param ended Resolves when the pod has ended.
 * @param job The job.
 * @param repository Where it is stored.
 * @returns Whether it is stored; otherwise {@linkcode storePodLog} may.
 */
export async function followPodLog(
  manager: LogReader,
  tracker: PodTracker,
  ended: Promise<void>,
  job: string,
  repository: BlobRepository,
): Promise<boolean> {
  let writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  let trouble: unknown;
  try {
    writer = (await repository.writable(job)).getWriter();
    const text = await manager.logs(tracker.pod, { follow: true });
    const readable = untilTrouble(text, (error) => trouble = error);
    const tail = new LogTail();
    for await (const bytes of readable) {
      tail.push(bytes);
      await writer.write(bytes);
    }
    const early = manager.pause(END_DELAY).then(() => trouble ??= new Error("they ended early"));
    await Promise.race([ended, early]);
    await ended;
    const whole = trouble === undefined;
    if (whole || tracker.gone) {
      if (!whole) await writer.write(lostText(trouble));
      else if (!tracker.gone && tail.size >= LARGE) await catchUp(manager, tracker, tail, writer);
      await writer.close();
      return true;
    }
  } catch {
    // They are read once more when the pod has ended, and then it is said what is wrong.
  }
  await writer?.abort().catch(() => {});
  return false;
}

/** Adds what was written at last: nodes end a log that is followed at a file's end, though there may be a newer file. */
async function catchUp(
  manager: LogReader,
  { pod }: PodTracker,
  tail: LogTail,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  if (await tail.findIn(await manager.logs(pod), (bytes) => writer.write(bytes))) return;
  await writer.write(lostText(new Error("the node has discarded what was written here")));
  for await (const bytes of await manager.logs(pod)) await writer.write(bytes);
}

/**
 * Stores what the containers of a pod that has ended have written. Where that cannot be read, it is stored why.
 *
 * @param manager Reads it.
 * @param tracker The pod.
 * @param job The job.
 * @param repository Where it is stored.
 * @throws {StoreError} If it cannot be stored.
 */
export async function storePodLog(
  manager: LogReader,
  tracker: PodTracker,
  job: string,
  repository: BlobRepository,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const last = attempt === STORE_ATTEMPTS;
    try {
      const text = ReadableStream.from(logText(manager, tracker, last));
      await text.pipeTo(await repository.writable(job));
      return;
    } catch (error) {
      if (last) throw error;
      await manager.pause(STORE_DELAY);
    }
  }
}

async function* logText(
  manager: LogReader,
  { pod, gone }: PodTracker,
  last: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (!containerStatuses(pod).some(hasBegun)) {
      yield encoder.encode("<no logs: no container of the pod has begun>\n");
    } else if (gone) yield lostText(new Error("the pod was deleted before they were read"));
    else yield* await manager.logs(pod);
  } catch (error) {
    if (!(error instanceof ApiError) && !last) throw error;
    yield lostText(error);
  }
}

async function* untilTrouble(
  text: ReadableStream<Uint8Array>,
  onTrouble: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* text;
  } catch (error) {
    onTrouble(error);
  }
}

function lostText(error: unknown): Uint8Array {
  return encoder.encode(`<logs lost: ${error instanceof Error ? error.message : error}>\n`);
}
