/**
 * Pods as templates describe them, checked and completed.
 *
 * @module
 */

import { DataError, JobError } from "../lib/errors.ts";
import { Resources } from "../lib/resources.ts";
import { parseYaml } from "../lib/yaml.ts";
import type { PodContainer, PodManifest } from "./pod_api.ts";

/**
 * Reads what a template has given.
 *
 * @param text The pod as YAML or JSON.
 * @param what What it is, for messages.
 * @returns The pod.
 * @throws {JobError} If it is none, with class `config`.
 */
export async function readManifest(text: string, what: string): Promise<PodManifest> {
  let value: unknown;
  try {
    value = await parseYaml(text, what);
  } catch (error) {
    if (error instanceof DataError) {
      throw new JobError(error.message, { cause: error, class: "config" });
    }
    throw error;
  }
  const problem = problemOf(value);
  if (problem === undefined) return value as PodManifest; // which was just looked at
  throw new JobError(`Cannot make a pod of ${what}: ${problem}; correct the template`, {
    class: "config",
  });
}

function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return "it is no object";
  if (value.kind !== "Pod") return `its kind is ${JSON.stringify(value.kind)}, not "Pod"`;
  if (value.apiVersion !== undefined && value.apiVersion !== "v1") {
    return `its apiVersion is ${JSON.stringify(value.apiVersion)}, not "v1"`;
  }
  if (!isObject(value.spec)) return "it has no spec";
  const { containers, initContainers = [] } = value.spec;
  if (!Array.isArray(containers) || containers.length === 0) return "its spec has no containers";
  if (!Array.isArray(initContainers)) return "its initContainers are no list";
  if (![...containers, ...initContainers].every(isObject)) return "a container of it is no object";
  if (value.metadata !== undefined && !isObject(value.metadata)) return "its metadata is no object";
  return undefined;
}

/** What is to be added to a pod. */
export interface Completion {
  /** Variables of the environment of each container, but where it has one of that name. */
  readonly environ: Readonly<Record<string, string>>;
  /** Seconds after which the cluster itself ends it. */
  readonly deadline: number | undefined;
  /** The program of the first container, if it has none of its own. */
  readonly command?: readonly string[] | undefined;
}

/** Of a container that fails without last words, the last lines of its logs are kept in their place. */
const LAST_LINES = { terminationMessagePolicy: "FallbackToLogsOnError" } as const;

/** A pod that runs once, with what every pod of datatask has. */
export function completeManifest(
  manifest: PodManifest,
  { environ, deadline, command }: Completion,
): PodManifest {
  const { containers, initContainers, ...spec } = manifest.spec;
  const complete = (container: PodContainer): PodContainer => {
    const env = container.env ?? [];
    const own = new Set(env.map(({ name }) => name));
    const added = Object.entries(environ).filter(([name]) => !own.has(name))
      .map(([name, value]) => ({ name, value }));
    return { ...LAST_LINES, ...container, env: [...env, ...added] };
  };
  const [first, ...rest] = containers;
  const start = command === undefined || first?.command !== undefined || first?.args !== undefined
    ? {}
    : { command };
  return {
    ...manifest,
    apiVersion: "v1",
    spec: {
      ...deadline !== undefined && { activeDeadlineSeconds: Math.max(1, Math.ceil(deadline)) },
      ...spec,
      restartPolicy: "Never",
      containers: [{ ...complete(first!), ...start }, ...rest.map(complete)],
      ...initContainers !== undefined && { initContainers: initContainers.map(complete) },
    },
  };
}

/**
 * What a pod takes of the cluster: what its containers request together, or what one that runs before them does, if that
 * is more.
 *
 * @throws {JobError} If a request is no amount, with class `config`.
 */
export function requestsOf({ spec }: Pick<PodManifest, "spec">): Resources {
  let together = new Resources();
  for (const container of spec.containers) together = together.plus(requestOf(container));
  for (const container of spec.initContainers ?? []) {
    const alone = requestOf(container);
    if (alone.excess(together) === undefined) continue;
    const more = (own: string, other: string): string => Number(own) > Number(other) ? own : other;
    together = new Resources(more(alone.cpu, together.cpu), more(alone.mem, together.mem));
  }
  return together;
}

function requestOf({ name, resources }: PodContainer): Resources {
  const wanted = { ...resources?.limits, ...resources?.requests }; // as the cluster has it
  try {
    return new Resources(wanted.cpu ?? 0, wanted.memory ?? 0);
  } catch (error) {
    throw new JobError(
      `Cannot tell what container "${name}" takes: ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error, class: "config" },
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
