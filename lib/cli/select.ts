/**
 * Finds what a command line names.
 *
 * @module
 */

import type { Link } from "../link.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Task } from "../task.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** What stands for every job, as the first of them. */
export const ALL = "__all__";

/** A link, and where it belongs. */
export interface SelectedLink {
  /** The task. */
  readonly task: Task;
  /** The name of the link within the task. */
  readonly name: string;
  /** The link. */
  readonly link: Link;
}

/**
 * Finds a task by its name.
 *
 * @param pipeline Where to look.
 * @param name The name.
 * @returns The task.
 * @throws {UsageError} If there is none. The message suggests a name.
 */
export function selectTask(pipeline: Pipeline, name: string): Task {
  const task = pipeline.tasks.find((task) => task.name === name);
  if (task !== undefined) return task;
  const names = pipeline.tasks.map(({ name }) => name);
  throw new UsageError(`There is no task "${name}"${didYouMean(name, names, "tasks")}`);
}

/**
 * Finds a link by its full name.
 *
 * @param pipeline Where to look.
 * @param fullName `task.link`.
 * @returns The link.
 * @throws {UsageError} If there is none. The message suggests a name.
 */
export function selectLink(pipeline: Pipeline, fullName: string): SelectedLink {
  const dot = fullName.indexOf(".");
  if (dot < 0) {
    const task = pipeline.tasks.find(({ name }) => name === fullName);
    const links = task ? [...task.links.keys()].map((link) => `${task.name}.${link}`) : [];
    throw new UsageError(
      `"${fullName}" does not name a repository: write TASK.LINK` +
        (links.length === 0 ? "" : `, one of ${links.join(", ")}`),
    );
  }
  const task = selectTask(pipeline, fullName.slice(0, dot));
  const name = fullName.slice(dot + 1);
  const link = task.links.get(name);
  if (link !== undefined) return { task, name, link };
  throw new UsageError(
    `Task "${task.name}" has no link "${name}"${didYouMean(name, task.links.keys(), "links")}`,
  );
}
