/**
 * How the pods of jobs are named and marked: Kubernetes takes fewer names than there are keys.
 *
 * @module
 */

import type { Pod } from "./pod_api.ts";

/** The label by which the pods of an application are selected, and those that are for people. */
export const APP_LABEL = "datatask/app";
const TASK_LABEL = "datatask/task";
const JOB_LABEL = "datatask/job";

/** The annotations that say what a label cannot. */
const IDENTITY = "datatask/identity";
/** The annotation that says why somebody has ended the pod. */
export const ENDED_ANNOTATION = "datatask/ended";

/** What tells the pod of an attempt at a job from every other. */
export interface PodIdentity {
  /** The application. */
  readonly app: string;
  /** The task. */
  readonly task: string;
  /** The job. */
  readonly job: string;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** When the pod was asked for: milliseconds since 1970 UTC. */
  readonly started: number;
  /** Tells it from another pod of the same attempt. */
  readonly nonce: string;
}

/** How long a name or the value of a label may be. */
const MAX = 63;

/** A value that a label may have. */
const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * The name of the pod of a job: the same for each attempt, so that there can be no two at the same time.
 *
 * @returns A DNS label: small letters, digits and `-`.
 */
export async function podName(app: string, task: string, job: string): Promise<string> {
  const hash = await shortHash(`${app}\0${task}\0${job}`);
  const readable = [app, task].map((text) => slug(text, 20)).filter(Boolean).join("-");
  return `${readable || "job"}-${hash}`;
}

/** What is added to the labels and annotations of a pod. */
export async function podMarks(identity: PodIdentity): Promise<{
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}> {
  const { app, task, job } = identity;
  return {
    labels: {
      "app.kubernetes.io/managed-by": "datatask",
      [APP_LABEL]: await labelValue(app),
      [TASK_LABEL]: await labelValue(task),
      [JOB_LABEL]: await labelValue(job),
    },
    annotations: { [IDENTITY]: JSON.stringify(identity) },
  };
}

/**
 * Which job a pod is for.
 *
 * @returns What its annotation says; undefined if it is not one of datatask.
 */
export function identityOf(pod: Pod): PodIdentity | undefined {
  const text = pod.metadata?.annotations?.[IDENTITY];
  if (text === undefined) return undefined;
  try {
    const identity: unknown = JSON.parse(text);
    return isIdentity(identity) ? identity : undefined;
  } catch {
    return undefined; // somebody else's, whatever it means
  }
}

function isIdentity(value: unknown): value is PodIdentity {
  if (typeof value !== "object" || value === null) return false;
  const { app, task, job, attempt, started, nonce }: Partial<Record<keyof PodIdentity, unknown>> =
    value;
  return [app, task, job, nonce].every((text) => typeof text === "string") &&
    [attempt, started].every(Number.isSafeInteger);
}

/** A text as the value of a label: itself if it can be one, or something short that differs for each text. */
export async function labelValue(text: string): Promise<string> {
  if (LABEL_VALUE.test(text)) return text;
  const hash = await shortHash(text);
  const readable = text.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, MAX - hash.length - 1)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return readable === "" ? hash : `${readable}-${hash}`;
}

function slug(text: string, length: number): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, length).replace(/^-+|-+$/g, "");
}

/** 20 hexadecimal digits of the SHA-256 of a text. */
async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest.slice(0, 10)).toHex();
}
