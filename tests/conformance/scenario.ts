/**
 * Pipelines as data, with what is done to them: run by datatask (ours.ts) and by the original
 * (pydatatask_driver.py) alike.
 *
 * @module
 */

import type { LinkOptions } from "../../lib/link.ts";

/** A repository that holds data: values by key. */
export interface StoreSpec {
  readonly name: string;
  readonly kind: "metadata" | "blob" | "file" | "yaml";
  readonly data: Readonly<Record<string, string>>;
}

/** A repository that is computed from others. `keep` names the keys that a filter lets through; null: no filter. */
export type ViewSpec =
  & { readonly name: string }
  & (
    | { readonly kind: "and" | "or"; readonly children: readonly string[] }
    | { readonly kind: "blocking"; readonly source: string; readonly unless: string }
    | {
      readonly kind: "map";
      readonly base: string;
      readonly keep: readonly string[] | null;
      readonly wraps: boolean;
      readonly allowDeletes: boolean;
    }
    | {
      readonly kind: "related";
      readonly base: string;
      readonly translator: string;
      readonly allowDeletes: boolean;
      readonly prefetchLookup: boolean;
    }
  );

/** One of the things that the function of a task does for each job, in their order. */
export type Action =
  /** Writes `value`, or the task's and the job's names, under `at`, or the job's key. */
  | {
    readonly do: "write";
    readonly repo: string;
    readonly at: string | null;
    readonly value: string | null;
  }
  /** Writes what is under the job's key in one repository to another, and "!" behind it; throws if nothing is there. */
  | { readonly do: "copy"; readonly repo: string; readonly to: string }
  /** Deletes the job's key. */
  | { readonly do: "remove"; readonly repo: string }
  /** Throws for some jobs. */
  | { readonly do: "fail"; readonly jobs: readonly string[] };

/** A link of a task. */
export interface LinkSpec {
  readonly name: string;
  readonly repo: string;
  readonly flags: LinkOptions;
}

/** Another task that a task is plugged into. */
export interface PlugSpec {
  readonly task: string;
  readonly outputLinks: readonly string[] | null;
  readonly meta: boolean;
  readonly translator: string | null;
  readonly allowDeletes: boolean;
  readonly prefetchLookup: boolean;
}

/** A task. */
export interface TaskSpec {
  readonly name: string;
  readonly done: string;
  readonly ready: string | null;
  readonly disabled: boolean;
  readonly links: readonly LinkSpec[];
  readonly plugs: readonly PlugSpec[];
  readonly actions: readonly Action[];
}

/** Something that is done to a pipeline. */
export type Step =
  | { readonly do: "update" | "run" }
  | {
    readonly do: "put";
    readonly repo: string;
    readonly job: string;
    readonly value: string;
  }
  | { readonly do: "delete"; readonly repo: string; readonly job: string }
  | {
    readonly do: "launch";
    readonly task: string;
    readonly job: string;
    readonly force: boolean;
  }
  | {
    readonly do: "rm";
    readonly data: string;
    readonly jobs: readonly string[];
    readonly recursive: boolean;
    /** Whether to compare what it says it has deleted. */
    readonly counted: boolean;
  };

/** A pipeline, what it holds at first, what is done to it, and what of it can be compared. */
export interface Scenario {
  readonly jobs: readonly string[];
  readonly stores: readonly StoreSpec[];
  readonly views: readonly ViewSpec[];
  readonly tasks: readonly TaskSpec[];
  readonly steps: readonly Step[];
  /** Repositories whose `infoAll` is compared. */
  readonly informative: readonly string[];
  /** Stores whose values are compared. */
  readonly comparable: readonly string[];
}
