/**
 * Which tasks work on the results of which.
 *
 * @module
 */

import type { Repository } from "../repository.ts";
import type { KeyIndex } from "./key_index.ts";
import type { Edge, TaskState } from "./task_state.ts";
import type { Trace } from "./view.ts";

/**
 * Finds the edges between tasks and enters them there. Within a cycle of tasks there are none: there each would wait for
 * the others for ever.
 *
 * @param states The tasks.
 * @param keys The index that their links are in.
 */
export function connect(states: readonly TaskState[], keys: KeyIndex): void {
  const edges = findEdges(states, keys);
  const component = components(states, edges);
  for (const edge of edges) {
    if (component.get(edge.from) === component.get(edge.to)) continue;
    edge.from.downstream.push(edge);
    edge.to.upstream.push(edge);
  }
}

function findEdges(states: readonly TaskState[], keys: KeyIndex): Edge[] {
  const writers = new Map<Repository, { readonly from: TaskState; readonly output: Trace }[]>();
  for (const from of states) {
    for (const repo of new Set(from.task.output.values())) {
      for (const output of keys.view(repo).written()) {
        const entries = writers.get(output.origin) ?? [];
        writers.set(output.origin, [...entries, { from, output }]);
      }
    }
  }
  const edges: Edge[] = [];
  for (const to of states) {
    if (to.task.options.ready !== undefined) continue; // that decides alone
    for (const { link, view } of to.required) {
      for (const input of view.traces()) {
        for (const { from, output } of writers.get(input.origin) ?? []) {
          if (from !== to) edges.push(makeEdge(from, to, link, output, input));
        }
      }
    }
  }
  return edges;
}

function makeEdge(from: TaskState, to: TaskState, link: string, output: Trace, input: Trace): Edge {
  return {
    from,
    to,
    link,
    upstream(id) {
      const origin = input.forward(id);
      return origin < 0 ? [] : output.backward(origin);
    },
    downstream(id) {
      const origin = output.forward(id);
      return origin < 0 ? [] : input.backward(origin);
    },
  };
}

/** The strongly connected component of each task, by Tarjan's algorithm. */
function components(states: readonly TaskState[], edges: readonly Edge[]): Map<TaskState, number> {
  const component = new Map<TaskState, number>();
  const order = new Map<TaskState, number>();
  const low = new Map<TaskState, number>();
  const stack: TaskState[] = [];
  const visit = (state: TaskState): number => {
    const own = order.size;
    order.set(state, own);
    low.set(state, own);
    stack.push(state);
    for (const { from, to } of edges) {
      if (from !== state || component.has(to)) continue;
      low.set(state, Math.min(low.get(state)!, order.get(to) ?? visit(to)));
    }
    if (low.get(state) === own) {
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        component.set(member, own);
        if (member === state) break;
      }
    }
    return low.get(state)!;
  };
  for (const state of states) if (!order.has(state)) visit(state);
  return component;
}
