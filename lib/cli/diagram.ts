/**
 * Pipelines as diagrams, for programs that draw.
 *
 * @module
 */

import type { GraphEdge, GraphNode } from "../graph.ts";
import type { Link } from "../link.ts";
import type { Pipeline } from "../pipeline.ts";
import { Task } from "../task.ts";
import { printable } from "./output.ts";

/** A task or a repository. */
export interface DiagramNode {
  /** Names it within the diagram. */
  readonly id: string;
  /** Which of the two it is. */
  readonly kind: "task" | "repository";
  /** The task's name; for a repository the name of a link that leads there. */
  readonly label: string;
  /** How a repository names itself; not for a task. */
  readonly repository?: string;
}

/** Data that goes from one node to another. */
export interface DiagramEdge {
  /** The id of the node where it comes from. */
  readonly from: string;
  /** The id of the node where it goes. */
  readonly to: string;
  /** The name of the link; not between a repository and one that is computed from it. */
  readonly link?: string;
  /** What the link is, as the options of `Task.link` name it. */
  readonly flags?: readonly string[];
}

/** A pipeline as a diagram. */
export interface Diagram {
  /** Tasks and repositories. */
  readonly nodes: readonly DiagramNode[];
  /** What goes from where to where. */
  readonly edges: readonly DiagramEdge[];
}

/**
 * Makes a diagram of a pipeline.
 *
 * @param pipeline The pipeline.
 * @returns The diagram.
 */
export function diagramOf(pipeline: Pipeline): Diagram {
  const graph = pipeline.graph();
  const ids = new Map<GraphNode, string>();
  let [tasks, repositories] = [0, 0];
  for (const node of graph.nodes) {
    ids.set(node, node instanceof Task ? `task${++tasks}` : `repository${++repositories}`);
  }
  return {
    nodes: graph.nodes.map((node) =>
      node instanceof Task ? { id: ids.get(node)!, kind: "task", label: node.name } : {
        id: ids.get(node)!,
        kind: "repository",
        label: labelOf(node, graph.edges),
        repository: String(node),
      }
    ),
    edges: graph.edges.map(({ from, to, link, flags }) => ({
      from: ids.get(from)!,
      to: ids.get(to)!,
      ...link !== undefined && { link },
      ...flags !== undefined && { flags: flagsOf(flags) },
    })),
  };
}

/**
 * A diagram as Mermaid draws it.
 *
 * @param diagram The diagram.
 * @returns A flowchart, with a line end.
 */
export function mermaidText({ nodes, edges }: Diagram): string {
  const lines = ["flowchart LR"];
  for (const { id, kind, label } of nodes) {
    lines.push(kind === "task" ? `  ${id}["${label}"]` : `  ${id}[("${mermaidLabel(label)}")]`);
  }
  for (const edge of drawnEdges(edges)) {
    lines.push(`  ${edge.from} ${isAccount(edge) ? "-.->" : "-->"} ${edge.to}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * A diagram as Graphviz draws it.
 *
 * @param diagram The diagram.
 * @returns A digraph, with a line end.
 */
export function dotText({ nodes, edges }: Diagram): string {
  const lines = ["digraph {", "  rankdir=LR"];
  for (const { id, kind, label, repository } of nodes) {
    const shape = kind === "task" ? "box" : "cylinder";
    const tooltip = repository === undefined ? "" : ` tooltip=${dotString(repository)}`;
    lines.push(`  ${id} [shape=${shape} label=${dotString(label)}${tooltip}]`);
  }
  for (const edge of drawnEdges(edges)) {
    lines.push(`  ${edge.from} -> ${edge.to}${isAccount(edge) ? " [style=dashed]" : ""}`);
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

/** The name of the link that writes it, or else of the first that leads there; its class, if none does. */
function labelOf(node: GraphNode, edges: readonly GraphEdge[]): string {
  const touching = edges.filter(({ from, to, link }) =>
    link !== undefined && (from === node || to === node)
  );
  const writing = touching.find(({ flags }) => flags?.isOutput || flags?.isStatus);
  const { link, from, to } = writing ?? touching[0] ?? {};
  if (link === undefined) return String(node).replace(/^<(\w+).*$/s, "$1");
  const task = from === node ? to : from;
  // Every task has a link `done`: only with the task's name do they differ.
  return writing?.flags?.isStatus && task instanceof Task ? `${task.name}.${link}` : link;
}

function flagsOf(link: Link): string[] {
  const { repo: _, ...flags } = link;
  return Object.entries(flags).filter(([, value]) => value).map(([name]) => name);
}

/** One edge between two nodes, and none back from where a task keeps account: that it waits there goes without saying. */
function drawnEdges(edges: readonly DiagramEdge[]): DiagramEdge[] {
  const seen = new Set<string>();
  const written = new Set(edges.filter(isAccount).map(({ from, to }) => `${from} ${to}`));
  return edges.filter((edge) => {
    const pair = `${edge.from} ${edge.to}`;
    const isBack = isAccount(edge) && edge.from.startsWith("repository") &&
      written.has(`${edge.to} ${edge.from}`);
    if (isBack || seen.has(pair)) return false;
    seen.add(pair);
    return true;
  });
}

/** Whether the edge belongs to a link that is a status and no data. */
function isAccount({ flags = [] }: DiagramEdge): boolean {
  return flags.includes("isStatus") && !flags.includes("isInput") && !flags.includes("isOutput");
}

function mermaidLabel(text: string): string {
  return printable(text).replace(/["#<>&]/g, (char) => `#${char.charCodeAt(0)};`);
}

function dotString(text: string): string {
  return `"${printable(text).replace(/["\\]/g, "\\$&")}"`;
}
