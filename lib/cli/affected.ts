/**
 * What becomes void when jobs are deleted.
 *
 * @module
 */

import { BlockingRepository } from "../blocking_repository.ts";
import { type GraphEdge, type GraphNode, sourcesOf } from "../graph.ts";
import type { Link } from "../link.ts";
import type { Pipeline } from "../pipeline.ts";
import { isRelatedItem, type RelatedItemRepository } from "../related_item_repository.ts";
import type { Repository } from "../repository.ts";
import { Task } from "../task.ts";

/** Keys by the repository to delete them from, in the order in which to do it; `undefined` stands for all keys. */
export type Affected = ReadonlyMap<Repository, ReadonlySet<string> | undefined>;

/**
 * What to delete for a task or a repository, and nothing else: the outputs and the account of the task, or the
 * repository.
 *
 * @param node The task or the repository.
 * @param jobs The jobs; all, if it is undefined.
 * @returns Keys by repository.
 */
export function affected(node: GraphNode, jobs: ReadonlySet<string> | undefined): Affected {
  const repositories = node instanceof Task ? writtenBy(node) : [node];
  return new Map(repositories.map((repository) => [repository, jobs]));
}

/**
 * What to delete for a task or a repository and for all that was made from it: besides {@linkcode affected}, what the
 * tasks that depend on it have written.
 *
 * Data that tasks only read stays. Where keys are translated on the way, the related ones are meant from there on.
 * Views are not deleted through unless a task writes through them: they follow what they are computed from, and lead to
 * other things as well.
 *
 * @param pipeline The pipeline.
 * @param node The task or the repository.
 * @param jobs The jobs; all, if it is undefined.
 * @returns Keys by repository.
 * @throws {StoreError} If translations cannot be read.
 */
export async function affectedRecursively(
  pipeline: Pipeline,
  node: GraphNode,
  jobs: ReadonlySet<string> | undefined,
): Promise<Affected> {
  const edges = Map.groupBy(pipeline.graph().edges, ({ from }) => from);
  const spared = node instanceof Task ? readOnlyBy(node) : new Set<GraphNode>();
  const reached = new Map<GraphNode, Set<string> | undefined>();

  async function visit(at: GraphNode, keys: ReadonlySet<string> | undefined): Promise<void> {
    const known = reached.get(at);
    if (reached.has(at) && (known === undefined || keys?.isSubsetOf(known))) return;
    const all = keys === undefined ? undefined : keys.union(known ?? new Set<string>());
    reached.set(at, all);
    for (const edge of edges.get(at) ?? []) {
      if (spared.has(edge.to)) continue;
      const next = await along(edge, all);
      if (next !== undefined && next.size === 0) continue;
      await visit(edge.to, next);
    }
  }

  await visit(node, jobs);
  const written = new Set<GraphNode>(node instanceof Task ? [] : [node]);
  for (const at of reached.keys()) {
    if (at instanceof Task) writtenBy(at).forEach((repository) => written.add(repository));
  }
  const result = new Map<Repository, Set<string> | undefined>();
  for (const [at, keys] of reached) {
    if (!(at instanceof Task) && written.has(at)) result.set(at, keys);
  }
  return result;
}

/**
 * The keys at the far end of an edge that are made from keys at its near end.
 *
 * @returns The keys; `undefined` for all, an empty set if the edge leads to nothing made from them.
 */
async function along(
  { from, to, flags }: GraphEdge,
  keys: Set<string> | undefined,
): Promise<Set<string> | undefined> {
  if (from instanceof Task) return flags !== undefined && isWritten(flags) ? keys : new Set();
  if (to instanceof Task) return keys;
  if (sourcesOf(to).includes(from)) {
    return keys !== undefined && isRelatedItem(to) && from === to.base
      ? await jobsRelatedTo(to, keys)
      : keys;
  }
  // A view that a task writes through, and something that it is computed from.
  if (isRelatedItem(from)) {
    if (to !== from.base) return new Set();
    return keys === undefined ? keys : await keysRelatedBy(from, keys);
  }
  return from instanceof BlockingRepository && to !== from.source ? new Set() : keys;
}

/** The jobs that are related to any of some keys. */
async function jobsRelatedTo(
  { translator }: RelatedItemRepository,
  keys: ReadonlySet<string>,
): Promise<Set<string>> {
  const jobs = new Set<string>();
  for (const [job, key] of await translator.infoAll()) {
    if (typeof key === "string" && keys.has(key)) jobs.add(job);
  }
  return jobs;
}

/** The keys that some jobs are related to. */
async function keysRelatedBy(
  related: RelatedItemRepository,
  jobs: ReadonlySet<string>,
): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const job of jobs) {
    const key = related.isValidJobId(job) ? await related.translate(job) : undefined;
    if (key !== undefined) keys.add(key);
  }
  return keys;
}

function isWritten(link: Link): boolean {
  return link.isOutput || link.isStatus;
}

function writtenBy(task: Task): Repository[] {
  return [...task.links.values()].filter(isWritten).map(({ repo }) => repo);
}

/** What a task is linked to and does not write. */
function readOnlyBy(task: Task): Set<GraphNode> {
  const written = new Set(writtenBy(task));
  const linked = [...task.links.values()].map(({ repo }) => repo);
  return new Set<GraphNode>(linked.filter((repository) => !written.has(repository)));
}
