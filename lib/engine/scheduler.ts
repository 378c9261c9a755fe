/**
 * Which of the ready jobs is started next.
 *
 * @module
 */

import { headline } from "../failure.ts";
import type { ResourceManager } from "../resource_manager.ts";
import { Resources, ResourceType } from "../resources.ts";
import type { Task } from "../task.ts";
import { warn } from "../warnings.ts";
import type { KeySet } from "./key_set.ts";
import type { KeySpace } from "./key_space.ts";
import { ReadyQueue } from "./ready_queue.ts";
import type { Shortage } from "./shortage.ts";
import type { TaskState } from "./task_state.ts";

/** Why a task's jobs are not started although they are ready. */
export type Obstacle =
  /** Each needs more than the whole quota: they will never be started. */
  | { readonly kind: "never"; readonly shortage: Shortage }
  /** What they need is in use. */
  | { readonly kind: "resources"; readonly resource: ResourceType }
  /** As many as may be are running. */
  | { readonly kind: "concurrency"; readonly limit: number };

/** A task's place in the schedule. */
interface Lane {
  readonly state: TaskState;
  readonly queue: ReadyQueue;
  readonly limit: number;
  /** What each job takes of the task's quota, the launch itself included; undefined if the task has no quota. */
  readonly request: { readonly manager: ResourceManager; readonly amount: Resources } | undefined;
  /** The priority of a job; a number if it is the same for all. */
  readonly priority: number | ((id: number) => number);
  running: number;
  /** How many of them hold nothing of the quota: they were running before it was asked. */
  unreserved: number;
}

/**
 * Orders the jobs that are ready: the greater priority first, then the earlier task of the pipeline, then natural order of
 * keys. A job that finds no room lets those of other tasks pass.
 */
export class Scheduler {
  readonly #lanes = new Map<TaskState, Lane>();
  readonly #resources: readonly ResourceManager[];
  /** Tasks that found no room since something was last given back, and what there was too little of. */
  readonly #blocked = new Map<Lane, ResourceType>();

  /**
   * Makes a schedule with nothing in it.
   *
   * @param resources Quotas of which {@linkcode load} asks anew what is in use.
   */
  constructor(
    states: readonly TaskState[],
    space: KeySpace,
    priority: ((task: Task, job: string) => number) | undefined,
    resources: readonly ResourceManager[] = [],
  ) {
    this.#resources = resources;
    for (const state of states) {
      const { task } = state;
      const own = task.options.priority ?? 0;
      const constant = priority === undefined && typeof own === "number";
      const values = new Map<number, number>();
      let warned = false;
      const valueOf = (id: number): number => {
        const known = values.get(id);
        if (known !== undefined) return known;
        const job = space.name(id);
        let value = 0;
        let problem = "it is no finite number";
        try {
          value = (priority?.(task, job) ?? 0) + (typeof own === "number" ? own : own(job));
        } catch (error) {
          value = NaN;
          problem = headline(error);
        }
        if (!Number.isFinite(value)) {
          value = 0;
          if (!warned) {
            warn(
              `Priorities of task "${task.name}" cannot all be told, and are taken for 0, that of "${job}" first: ${problem}`,
            );
          }
          warned = true;
        }
        values.set(id, value);
        return value;
      };
      this.#lanes.set(state, {
        state,
        queue: new ReadyQueue(
          constant
            ? (a, b) => space.compare(a, b)
            : (a, b) => valueOf(b) - valueOf(a) || space.compare(a, b),
        ),
        request: requestOf(task),
        limit: task.options.maxConcurrent ?? task.defaultMaxConcurrent,
        priority: constant ? own : valueOf,
        running: 0,
        unreserved: 0,
      });
    }
  }

  /** Puts jobs of a task in place of those that wait. */
  fill(state: TaskState, ids: KeySet): void {
    this.#lanes.get(state)!.queue.fill(ids);
  }

  /** Adds a job, unless it waits already. */
  push(state: TaskState, id: number): void {
    this.#lanes.get(state)!.queue.push(id);
  }

  /** How many jobs of a task wait. */
  waiting(state: TaskState): number {
    return this.#lanes.get(state)!.queue.size;
  }

  /** The job to be looked at next: the first in order whose task is not known to find no room. */
  peek(): { readonly state: TaskState; readonly id: number } | undefined {
    let best: { lane: Lane; id: number; priority: number } | undefined;
    for (const lane of this.#lanes.values()) {
      const id = lane.queue.peek();
      if (id === undefined || lane.running >= lane.limit || this.#blocked.has(lane)) continue;
      const priority = typeof lane.priority === "number" ? lane.priority : lane.priority(id);
      if (best === undefined || priority > best.priority) best = { lane, id, priority };
    }
    return best && { state: best.lane.state, id: best.id };
  }

  /** Takes the first job of a task out. */
  pop(state: TaskState): void {
    this.#lanes.get(state)!.queue.pop();
  }

  /** Finds room for a job of a task, and takes it; false if there is none now. */
  admit(state: TaskState): boolean {
    const lane = this.#lanes.get(state)!;
    const lacking = lane.request?.manager.tryReserve(lane.request.amount);
    if (lacking !== undefined) this.#blocked.set(lane, lacking);
    else lane.running++;
    return lacking === undefined;
  }

  /** Makes room for a job of a task that is running already. */
  occupy(state: TaskState): void {
    if (this.admit(state)) return;
    const lane = this.#lanes.get(state)!;
    lane.running++;
    lane.unreserved++;
  }

  /** Gives back the room of a job of a task. */
  release(state: TaskState): void {
    const lane = this.#lanes.get(state)!;
    if (lane.unreserved > 0) lane.unreserved--;
    else lane.request?.manager.relinquish(lane.request.amount);
    lane.running--;
    this.#blocked.clear();
  }

  /** Finds out what is in use of all quotas, and lets all tasks try again to find room. */
  async load(): Promise<void> {
    this.#blocked.clear();
    const lanes = [...this.#lanes.values()];
    for (const manager of this.#resources) {
      const used = lanes.some(({ request, running }) =>
        request?.manager === manager && running > 0
      );
      if (!used) manager.flush(); // which would forget what is reserved
    }
    for (const { request } of lanes) await request?.manager.load();
  }

  /** Lets all tasks try again to find room. */
  unblock(): void {
    this.#blocked.clear();
  }

  /** Milliseconds until a launch becomes possible that is not now; undefined if none does by itself. */
  get nextLaunchIn(): number | undefined {
    if (this.#blocked.size === 0) return undefined;
    const delays = [...this.#blocked]
      .filter(([, lacking]) => lacking === ResourceType.RATE)
      .map(([lane]) => lane)
      .filter((lane) => lane.queue.size > 0 && this.obstacle(lane.state)?.kind !== "never")
      .map((lane) => lane.request?.manager.nextLaunchIn())
      .filter((delay) => delay !== undefined);
    return delays.length === 0 ? undefined : Math.min(...delays);
  }

  /** Why a ready job of a task is not started; undefined if it could be. */
  obstacle(state: TaskState): Obstacle | undefined {
    const lane = this.#lanes.get(state)!;
    if (lane.request !== undefined) {
      const { manager, amount } = lane.request;
      const lacking = manager.fits(amount);
      if (lacking !== undefined) {
        return { kind: "never", shortage: { lacking, needed: amount, total: manager.quota } };
      }
    }
    if (lane.running >= lane.limit) return { kind: "concurrency", limit: lane.limit };
    const resource = this.#blocked.get(lane);
    return resource && { kind: "resources", resource };
  }
}

function requestOf(task: Task): Lane["request"] {
  const { resources, jobResources } = task.options;
  if (resources === undefined) return undefined;
  const { cpu, mem } = jobResources ?? new Resources();
  return { manager: resources, amount: new Resources(cpu, mem, 1) };
}
