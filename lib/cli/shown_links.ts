/**
 * The links that `status` and `trace` show.
 *
 * @module
 */

import type { Link } from "../link.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Task } from "../task.ts";

/** A task, and those of its links that are shown, in their order. */
export interface ShownTask {
  /** The task. */
  readonly task: Task;
  /** The links, by name. */
  readonly links: readonly (readonly [name: string, link: Link])[];
}

/**
 * Chooses the links to show.
 *
 * @param pipeline The pipeline.
 * @param all Whether to show those, too, that are no input, output or status.
 * @returns The tasks in their order. Inputs come first in each, then what is a status, then the rest.
 */
export function shownLinks(pipeline: Pipeline, all: boolean): ShownTask[] {
  return pipeline.tasks.map((task) => ({
    task,
    links: [...task.links]
      .filter(([, link]) => all || link.isInput || link.isOutput || link.isStatus)
      .sort(([, a], [, b]) => rank(a) - rank(b)),
  }));
}

function rank({ isInput, isStatus }: Link): number {
  return isInput ? 0 : isStatus ? 1 : 2;
}
