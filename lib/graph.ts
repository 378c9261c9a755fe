/**
 * The graph of a pipeline's tasks and repositories.
 *
 * @module
 */

import { AggregateAndRepository, AggregateOrRepository } from "./aggregate_repository.ts";
import { BlockingRepository } from "./blocking_repository.ts";
import type { Link } from "./link.ts";
import { isRelatedItem } from "./related_item_repository.ts";
import { MapRepository, type Repository } from "./repository.ts";
import type { Task } from "./task.ts";

/** A node of a {@linkcode PipelineGraph}: the object itself. */
export type GraphNode = Task | Repository;

/** An edge of a {@linkcode PipelineGraph}: data goes from one node to the other. */
export interface GraphEdge {
  /** Where it comes from. */
  readonly from: GraphNode;
  /** Where it goes. */
  readonly to: GraphNode;
  /** The name of the link; undefined between a repository and one that is computed from it. */
  readonly link?: string;
  /** What the link is; undefined between a repository and one that is computed from it. */
  readonly flags?: Link;
}

/** The tasks and repositories of a pipeline, and what goes from where to where. */
export interface PipelineGraph {
  /** Every task, and every repository that is linked or that a linked one is computed from. */
  readonly nodes: readonly GraphNode[];
  /** What goes from where to where. */
  readonly edges: readonly GraphEdge[];
}

/**
 * Draws the graph of tasks.
 *
 * @param tasks The tasks.
 * @returns Their graph. A link that a task waits for leads from the repository to the task, and back as well if it is
 * also an output or a status; every other link leads from the task to the repository.
 */
export function graphOf(tasks: readonly Task[]): PipelineGraph {
  const nodes = new Set<GraphNode>();
  const edges: GraphEdge[] = [];
  const addRepository = (repository: Repository): void => {
    if (nodes.has(repository)) return;
    nodes.add(repository);
    for (const source of sourcesOf(repository)) {
      addRepository(source);
      edges.push({ from: source, to: repository });
    }
  };
  for (const task of tasks) {
    nodes.add(task);
    for (const [link, flags] of task.links) {
      addRepository(flags.repo);
      const awaited = flags.isInput || flags.requiredForStart || flags.inhibitsStart;
      if (awaited) edges.push({ from: flags.repo, to: task, link, flags });
      if (!awaited || flags.isOutput || flags.isStatus) {
        edges.push({ from: task, to: flags.repo, link, flags });
        if (flags.isOutput) {
          for (const store of writtenThrough(flags.repo)) {
            edges.push({ from: flags.repo, to: store });
          }
        }
      }
    }
  }
  return { nodes: [...nodes], edges };
}

/**
 * What depends on a node.
 *
 * @param graph The graph.
 * @param node The node.
 * @param recursive Whether to follow all edges, and not only those that begin at the node.
 * @returns The node itself and what depends on it, depth first.
 */
export function dependantsIn(
  graph: PipelineGraph,
  node: GraphNode,
  recursive: boolean,
): GraphNode[] {
  const targets = (from: GraphNode): GraphNode[] =>
    graph.edges.filter((edge) => edge.from === from).map(({ to }) => to);
  if (!recursive) return [...new Set([node, ...targets(node)])];
  const found = new Set<GraphNode>();
  const visit = (at: GraphNode): void => {
    if (found.has(at)) return;
    found.add(at);
    targets(at).forEach(visit);
  };
  visit(node);
  return [...found];
}

/**
 * The repositories that one is computed from.
 *
 * @param repository Any repository.
 * @returns Its sources; none, if it holds data itself.
 */
export function sourcesOf(repository: Repository): readonly Repository[] {
  if (repository instanceof AggregateAndRepository || repository instanceof AggregateOrRepository) {
    return Object.values<Repository>(repository.children);
  }
  if (repository instanceof BlockingRepository) return [repository.source, repository.unless];
  if (repository instanceof MapRepository) return [repository.base];
  if (isRelatedItem(repository)) return [repository.base, repository.translator];
  return [];
}

/** The repositories in which what is written to a computed one appears: its sources, but for mere conditions. */
function writtenThrough(repository: Repository): readonly Repository[] {
  if (repository instanceof BlockingRepository) return [repository.source];
  if (isRelatedItem(repository)) return [repository.base];
  return sourcesOf(repository);
}
