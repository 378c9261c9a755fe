/**
 * The random choices that pipelines are made of.
 *
 * @module
 */

import fc from "fast-check";
import type { LinkOptions } from "../../lib/link.ts";
import type { Action, Step, StoreSpec, ViewSpec } from "./scenario.ts";

/** Ids to both sides ("ids"), among them the longest that is one to the original. */
export const JOBS: readonly string[] = ["1", "2", "10", "A", "b7", "z".repeat(63)];

/** Names that are ids to neither side. */
const NO_IDS: readonly string[] = ["", " ", "a b", "é", "1\n", "x/y"];

/** The names of tasks, in their order. */
export const TASK_NAMES: readonly string[] = ["alpha", "beta-2", "gamma_x", "d-e-l-t-a"];

const job = fc.constantFrom(...JOBS);
const index = fc.nat(999);
const rarely = fc.nat(5).map((n) => n === 5);
const kind = fc.constantFrom<StoreSpec["kind"]>(
  "metadata",
  "metadata",
  "blob",
  "blob",
  "file",
  "yaml",
);
const value = fc.constantFrom("weh", "1", "null", "- a: [b", "é\n", "yes", "");

const rawStore = fc.record({
  kind,
  data: fc.uniqueArray(fc.tuple(job, value), { selector: ([key]) => key, maxLength: 6 }),
  strange: fc.oneof(
    { weight: 4, arbitrary: fc.constant<string[]>([]) },
    fc.subarray([...NO_IDS]),
  ),
});

const rawTranslator = fc.uniqueArray(fc.tuple(job, job), { selector: ([key]) => key });

const rawView = fc.record({
  kind: fc.constantFrom<ViewSpec["kind"]>("and", "or", "blocking", "map", "related", "related"),
  parts: fc.array(index, { minLength: 1, maxLength: 3 }),
  translator: index,
  keep: fc.option(fc.subarray([...JOBS])),
  wraps: fc.boolean(),
  allowDeletes: fc.boolean(),
  prefetchLookup: fc.boolean(),
});

const flags = fc.oneof(
  { weight: 5, arbitrary: fc.constant<LinkOptions>({ isInput: true }) },
  { weight: 4, arbitrary: fc.constant<LinkOptions>({ isOutput: true }) },
  { weight: 1, arbitrary: fc.constant<LinkOptions>({ isOutput: true, inhibitsStart: true }) },
  {
    weight: 3,
    arbitrary: fc.record<LinkOptions>({
      isInput: rarely,
      isOutput: rarely,
      isStatus: fc.boolean(),
      inhibitsStart: rarely,
      requiredForStart: rarely,
      inhibitsOutput: rarely,
      requiredForOutput: rarely,
    }, { requiredKeys: [] }),
  },
);

const rawAction = fc.record({
  do: fc.constantFrom<Action["do"]>("write", "write", "write", "copy", "copy", "remove", "fail"),
  repo: index,
  to: index,
  at: fc.tuple(rarely, job).map(([other, job]) => other ? job : null),
  value: job,
  jobs: fc.subarray([...JOBS], { minLength: 1, maxLength: 3 }),
});

const rawTask = fc.record({
  recordsIn: fc.constantFrom<StoreSpec["kind"]>("metadata", "metadata", "metadata", "yaml"),
  disabled: rarely,
  ready: fc.tuple(rarely, index).map(([other, repo]) => other ? repo : null),
  links: fc.array(fc.record({ repo: index, flags, kind }), { minLength: 1, maxLength: 4 }),
  plug: fc.option(fc.record({
    task: index,
    outputs: fc.option(fc.array(index, { maxLength: 2 })),
    meta: fc.boolean(),
    translator: fc.option(index),
    allowDeletes: fc.boolean(),
    prefetchLookup: fc.boolean(),
  })),
  actions: fc.array(rawAction, { maxLength: 3 }),
});

const rawStep = fc.record({
  do: fc.constantFrom<Step["do"]>(
    "update",
    "update",
    "run",
    "run",
    "put",
    "delete",
    "rm",
    "launch",
  ),
  repo: index,
  task: index,
  link: fc.option(index),
  jobs: fc.array(job, { minLength: 1, maxLength: 3 }),
  value,
  all: rarely,
  recursive: fc.boolean(),
});

/** Choices for a whole pipeline: numbers stand for a member of whatever there will be to choose from. */
export const rawScenarios = fc.record({
  /** Whether what a run leads to does not depend on the order of its jobs ("run"). */
  calm: fc.boolean(),
  /** Whether each output is a store of its own. */
  layered: fc.boolean(),
  stores: fc.array(rawStore, { minLength: 1, maxLength: 4 }),
  translators: fc.array(rawTranslator, { maxLength: 2 }),
  views: fc.array(rawView, { maxLength: 3 }),
  tasks: fc.array(rawTask, { minLength: 1, maxLength: 4 }),
  steps: fc.array(rawStep, { minLength: 1, maxLength: 8 }),
});

/** The choices for a pipeline. */
export type Raw = typeof rawScenarios extends fc.Arbitrary<infer T> ? T : never;
/** The choices for a task. */
export type RawTask = Raw["tasks"][number];
