/**
 * What the engine should say, in plain set algebra over what the stores hold: no increments, nothing remembered.
 *
 * @module
 */

import {
  AggregateAndRepository,
  AggregateOrRepository,
} from "../../../lib/aggregate_repository.ts";
import { BlockingRepository } from "../../../lib/blocking_repository.ts";
import { saysFailed } from "../../../lib/done_record.ts";
import { isRelatedItem } from "../../../lib/related_item_repository.ts";
import { MapRepository, type Repository } from "../../../lib/repository.ts";
import type { Task } from "../../../lib/task.ts";
import { MemoryStore } from "./memory_store.ts";

/** Whether a repository holds a key; "unknown" where something beneath fails for that key. */
type Held = boolean | "unknown";

/** What is not in the stores. */
export interface Facts {
  readonly connections: readonly Connection[];
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
    if (repo.enumerateUnless) {
      return all([held(facts, repo.source, job), not(held(facts, repo.unless, job))]);
    }
    const source = held(facts, repo.source, job);
    const asked = { ...facts, broken: new Set<Repository>() }; // a single key can be asked for all the same
    return source === true ? not(held(asked, repo.unless, job)) : source;
  }
  if (repo instanceof MapRepository) {
    const beneath = held(facts, repo.base, job);
    if (beneath !== true || repo.filter === undefined) return beneath;
    try {
      return facts.filter(repo, job);
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
  return facts.broken.has(repo) ? "unknown" : dataOf(repo).has(job);
}

/** What a translator says of a key. */
function translation(translator: Repository, job: string): unknown {
  return dataOf(stored(translator)).get(job) ?? null;
}

/** The store of translations: a translator is one, or a view that hides some of its keys. */
function stored(translator: Repository): Repository {
  if (translator instanceof MapRepository) return stored(translator.base);
  return translator instanceof BlockingRepository ? stored(translator.source) : translator;
}

function dataOf(repo: Repository): ReadonlyMap<string, unknown> {
  if (repo instanceof MemoryStore) return repo.data;
  throw new TypeError(`${repo} is no store of the tests`);
}

function all(values: readonly Held[]): Held {
  return values.includes(false) ? false : values.includes("unknown") ? "unknown" : true;
}

function not(value: Held): Held {
  return value === "unknown" ? value : !value;
}

/** A store by whose keys those of a repository appear, and which key there goes with a job, if one does. */
interface Origin {
  readonly store: Repository;
  key(facts: Facts, job: string): string | undefined;
}

function origins(repo: Repository, use: "read" | "written"): Origin[] {
  const beneath = (other: Repository): Origin[] => origins(other, use);
  if (repo instanceof AggregateAndRepository || repo instanceof AggregateOrRepository) {
    return Object.values<Repository>(repo.children).flatMap(beneath);
  }
  if (repo instanceof BlockingRepository) return beneath(repo.source);
  if (repo instanceof MapRepository) return beneath(repo.base);
  if (!isRelatedItem(repo)) return [{ store: repo, key: (_, job) => job }];
  return [
    ...beneath(repo.base).map(({ store, key }): Origin => ({
      store,
      key: (facts, job) => {
        if (held(facts, repo.translator, job) !== true) return undefined;
        const to = translation(repo.translator, job);
        return typeof to === "string" && repo.base.isValidJobId(to) ? key(facts, to) : undefined;
      },
    })),
    ...use === "read" ? beneath(repo.translator) : [],
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
  if (required.some((repo) => held(facts, repo, job) === false)) return "lacking";
  const every = [...required, ...inhibiting];
  return every.every((repo) => known(repo) && held(facts, repo, job) !== "unknown")
    ? "eligible"
    : "unknown";
}

/** The keys of a repository that may change when a store tells of a change of one of its own. */
export function affected(facts: Facts, repo: Repository, store: Repository, job: string): string[] {
  if (repo instanceof AggregateAndRepository || repo instanceof AggregateOrRepository) {
    return Object.values<Repository>(repo.children).flatMap((each) =>
      affected(facts, each, store, job)
    );
  }
  if (repo instanceof BlockingRepository) {
    return [repo.source, repo.unless].flatMap((each) => affected(facts, each, store, job));
  }
  if (repo instanceof MapRepository) return affected(facts, repo.base, store, job);
  if (!isRelatedItem(repo)) return repo === store ? [job] : [];
  const keys = new Set<unknown>(affected(facts, repo.base, store, job));
  const { translator } = repo;
  return [
    ...affected(facts, translator, store, job),
    ...[...dataOf(stored(translator)).keys()].filter((each) =>
      held(facts, translator, each) === true && keys.has(translation(translator, each))
    ),
  ];
}

/** Whether a job may start as far as the links say. */
export function eligible(facts: Facts, task: Task, job: string): boolean {
  return byLinks(facts, task, job) === "eligible";
}

/** A task requires what another one writes: the store where both do so, and the key there of a job of either. */
export interface Connection {
  readonly from: Task;
  readonly to: Task;
  output(facts: Facts, job: string): string | undefined;
  input(facts: Facts, job: string): string | undefined;
}

/** All connections of tasks, but for those within a cycle. */
export function connections(tasks: readonly Task[]): Connection[] {
  const found: Connection[] = [];
  for (const to of tasks.filter(({ options }) => options.ready === undefined)) {
    for (
      const input of [...to.requiredForStart.values()].flatMap((repo) => origins(repo, "read"))
    ) {
      for (const from of tasks.filter((task) => task !== to)) {
        for (
          const output of [...from.output.values()].flatMap((repo) => origins(repo, "written"))
        ) {
          if (output.store !== input.store) continue;
          found.push({ from, to, output: output.key, input: input.key });
        }
      }
    }
  }
  const after = (task: Task, seen = new Set<Task>()): Set<Task> => {
    for (const { to } of found.filter(({ from, to }) => from === task && !seen.has(to))) {
      after(to, seen.add(to));
    }
    return seen;
  };
  return found.filter(({ from, to }) => !after(to).has(from));
}

/** The states that a job may be in: any reason against starting it, of those that come first. */
export function states(
  facts: Facts,
  task: Task,
  job: string,
  keys: readonly string[],
): Set<string> {
  if (task.disabled) return new Set(["disabled"]);
  if (facts.running(task, job)) return new Set(["running"]);
  if (facts.retrying(task, job)) return new Set(["retrying"]);
  const links = byLinks(facts, task, job);
  if (links !== "eligible") return new Set([links]);
  if (facts.ended(task, job)) return new Set(["ended"]);
  const reasons = facts.connections.filter(({ to }) => to === task).flatMap((connection) => {
    const key = connection.input(facts, job);
    return keys.filter((source) => key !== undefined && connection.output(facts, source) === key)
      .map((source) => upstream(facts, connection.from, source));
  }).filter((reason) => reason !== undefined);
  return new Set(reasons.length === 0 ? ["ready"] : reasons);
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
  if (from.options.failureOk) return undefined;
  if (broken(facts, from.done)) return "unknown";
  return saysFailed(dataOf(from.done).get(job)) ? "held" : undefined;
}
