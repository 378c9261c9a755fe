/**
 * What the engine should say, in plain set algebra over what the stores hold: no increments, nothing remembered.
 *
 * @module
 */

import { AggregateAndRepository, AggregateOrRepository } from "../../../lib/aggregate_repository.ts";
import { BlockingRepository } from "../../../lib/blocking_repository.ts";
import { saysFailed } from "../../../lib/done_record.ts";
import { isRelatedItem } from "../../../lib/related_item_repository.ts";
import { MapRepository, type Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import type { MemoryStore } from "./memory_store.ts";

/** Whether a repository holds a key; "unknown" where something beneath fails for that key. */
type Held = boolean | "unknown";

/** What is not in the stores. */
export interface Facts {
  readonly tasks: readonly Task[];
  /** What the filter of a mapped repository says; throws where the filter does. */
  filter(repository: MapRepository, job: string): boolean;
  /** Stores that could not be listed at the last look. */
  readonly broken: ReadonlySet<Repository>;
  running(task: Task, job: string): boolean;
  retrying(task: Task, job: string): boolean;
  ended(task: Task, job: string): boolean;
}

/** Whether a store that cannot be listed is among those that a repository is computed from. */
export function broken(facts: Facts, repository: Repository): boolean {
  return listed(repository).some((store) => facts.broken.has(store));
}

/** The stores that are listed for a repository. */
function listed(repo: Repository): Repository[] {
  if (repo instanceof AggregateAndRepository || repo instanceof AggregateOrRepository) {
    return Object.values<Repository>(repo.children).flatMap(listed);
  }
  if (repo instanceof BlockingRepository) {
    return [repo.source, ...repo.enumerateUnless ? [repo.unless] : []].flatMap(listed);
  }
  if (repo instanceof MapRepository) return listed(repo.base);
  if (isRelatedItem(repo)) return [repo.base, repo.translator].flatMap(listed);
  return [repo];
}

/** Whether a repository holds a key. */
export function held(facts: Facts, repo: Repository, job: string): Held {
  if (repo instanceof AggregateAndRepository) {
    return all(Object.values<Repository>(repo.children).map((child) => held(facts, child, job)));
  }
  if (repo instanceof AggregateOrRepository) {
    return not(
      all(Object.values<Repository>(repo.children).map((child) => not(held(facts, child, job)))),
    );
  }
  if (repo instanceof BlockingRepository) {
    return all([held(facts, repo.source, job), not(held(facts, repo.unless, job))]);
  }
  if (repo instanceof MapRepository) {
    const beneath = held(facts, repo.base, job);
    if (beneath === false || repo.filter === undefined) return beneath;
    try {
      return facts.filter(repo, job) ? beneath : false;
    } catch {
      return "unknown";
    }
  }
  if (isRelatedItem(repo)) {
    const translated = held(facts, repo.translator, job);
    if (translated !== true) return translated;
    const key = translation(repo.translator, job);
    if (key === null) return false;
    return typeof key === "string" && repo.base.isValidJobId(key)
      ? held(facts, repo.base, key)
      : "unknown";
  }
  return (repo as MemoryStore).data.has(job);
}

/** What a translator says of a key: it is a store, or a view that hides some keys of one. */
function translation(translator: Repository, job: string): unknown {
  if (translator instanceof MapRepository) return translation(translator.base, job);
  if (translator instanceof BlockingRepository) return translation(translator.source, job);
  return (translator as MemoryStore).data.get(job) ?? null;
}

function all(values: readonly Held[]): Held {
  return values.includes(false) ? false : values.includes("unknown") ? "unknown" : true;
}

function not(value: Held): Held {
  return value === "unknown" ? value : !value;
}

/** The stores by whose keys those of a repository appear, and which key there goes with a job; none, if undefined. */
function origins(
  facts: Facts,
  repo: Repository,
): { store: Repository; key(job: string): string | undefined }[] {
  if (repo instanceof AggregateAndRepository || repo instanceof AggregateOrRepository) {
    return Object.values<Repository>(repo.children).flatMap((child) => origins(facts, child));
  }
  if (repo instanceof BlockingRepository) return origins(facts, repo.source);
  if (repo instanceof MapRepository) return origins(facts, repo.base);
  if (!isRelatedItem(repo)) return [{ store: repo, key: (job) => job }];
  return [
    ...origins(facts, repo.base).map(({ store, key }) => ({
      store,
      key: (job: string) => {
        if (held(facts, repo.translator, job) !== true) return undefined;
        const to = translation(repo.translator, job);
        return typeof to === "string" && repo.base.isValidJobId(to) ? key(to) : undefined;
      },
    })),
    ...origins(facts, repo.translator),
  ];
}

/** The repositories that decide about the jobs of a task. */
export function conditions(task: Task): { required: Repository[]; inhibiting: Repository[] } {
  const { ready } = task.options;
  return ready === undefined
    ? {
      required: [...task.requiredForStart.values()],
      inhibiting: [...task.inhibitsStart.values()],
    }
    : { required: [ready], inhibiting: [] };
}

/** What the links alone say of a job. */
function byLinks(
  facts: Facts,
  task: Task,
  job: string,
): "eligible" | "inhibited" | "lacking" | "unknown" {
  const { required, inhibiting } = conditions(task);
  const known = (repo: Repository): boolean => !broken(facts, repo);
  if (inhibiting.some((repo) => known(repo) && held(facts, repo, job) === true)) return "inhibited";
  if (required.some((repo) => known(repo) && held(facts, repo, job) === false)) return "lacking";
  const every = [...required, ...inhibiting];
  return every.every((repo) => known(repo) && held(facts, repo, job) !== "unknown")
    ? "eligible"
    : "unknown";
}

/** Whether a job may start as far as the links say. */
export function eligible(facts: Facts, task: Task, job: string): boolean {
  return byLinks(facts, task, job) === "eligible";
}

/** Which tasks require, perhaps by other tasks, what a task writes. */
function reaches(facts: Facts, from: Task, to: Task, seen: Set<Task> = new Set()): boolean {
  return facts.tasks.some((next) => {
    if (next === from || seen.has(next) || shared(facts, from, next).length === 0) return false;
    seen.add(next);
    return next === to || reaches(facts, next, to, seen);
  });
}

/** By which stores a task requires what another one writes: the two ways of finding a key there. */
function shared(facts: Facts, from: Task, to: Task): {
  output(job: string): string | undefined;
  input(job: string): string | undefined;
}[] {
  if (from === to || to.options.ready !== undefined) return [];
  const outputs = [...from.output.values()].flatMap((repo) => origins(facts, repo));
  return [...to.requiredForStart.values()].flatMap((repo) => origins(facts, repo)).flatMap((
    { store, key: input },
  ) =>
    outputs.filter((output) => output.store === store).map(({ key: output }) => ({ output, input }))
  );
}

/**
 * The states that a job may be in: the first reason against starting it, as `decide` has it, where every task that it
 * may have to wait for is asked on its own.
 */
export function states(
  facts: Facts,
  task: Task,
  job: string,
  keys: Iterable<string>,
): Set<string> {
  if (task.disabled) return new Set(["disabled"]);
  if (facts.running(task, job)) return new Set(["running"]);
  if (facts.retrying(task, job)) return new Set(["retrying"]);
  const links = byLinks(facts, task, job);
  if (links !== "eligible") return new Set([links]);
  if (facts.ended(task, job)) return new Set(["ended"]);
  const reasons = new Set<string>();
  for (const from of facts.tasks) {
    if (from === task || reaches(facts, task, from)) continue;
    for (const { output, input } of shared(facts, from, task)) {
      const key = input(job);
      if (key === undefined) continue;
      for (const source of keys) {
        if (output(source) === key) reasons.add(upstream(facts, from, source) ?? "ready");
      }
    }
  }
  if (reasons.size > 1) reasons.delete("ready");
  return reasons.size === 0 ? new Set(["ready"]) : reasons;
}

/** What a job of another task means for those that require what it writes. */
function upstream(facts: Facts, from: Task, job: string): string | undefined {
  const { required, inhibiting } = conditions(from);
  if ([...required, ...inhibiting].some((repo) => broken(facts, repo))) return "unknown";
  const running = facts.running(from, job) || facts.retrying(from, job);
  const links = byLinks(facts, from, job);
  if (running || (links === "eligible" && !from.disabled && !facts.ended(from, job))) {
    return "waiting";
  }
  if (links === "unknown" && !from.disabled) return "unknown";
  const record = (from.done as unknown as MemoryStore).data.get(job);
  return saysFailed(record) && !from.options.failureOk ? "held" : undefined;
}
