/**
 * Random pipelines.
 *
 * Choices are made first, of numbers and switches, so that fast-check can shrink them; then a valid pipeline is made of
 * them. What is left out is listed in pydatatask_test.ts, by the words in quotation marks here.
 *
 * @module
 */

import type { Arbitrary } from "fast-check";
import { JOBS, type Raw, rawScenarios, type RawTask, TASK_NAMES } from "./random_choices.ts";
import type {
  Action,
  LinkSpec,
  PlugSpec,
  Scenario,
  Step,
  StoreSpec,
  TaskSpec,
  ViewSpec,
} from "./scenario.ts";

/** Random pipelines that are valid to both sides, with steps. */
export const scenarios: Arbitrary<Scenario> = rawScenarios.map((raw) => new Builder(raw))
  .filter((builder) => !builder.isFutile && !builder.isRacy).map((builder) => builder.scenario);

class Builder {
  readonly scenario: Scenario;
  readonly #calm: boolean;
  readonly #layered: boolean;
  readonly #stores: StoreSpec[] = [];
  readonly #translators: string[] = [];
  readonly #views = new Map<string, ViewSpec>();
  readonly #tasks: TaskSpec[] = [];
  readonly #done = new Set<string>();

  constructor(raw: Raw) {
    this.#calm = raw.calm;
    this.#layered = raw.layered;
    raw.stores.forEach(({ kind, data, strange }, i) => {
      const inMemory = kind === "metadata" || kind === "blob"; // elsewhere they are no file names
      const entries: [string, string][] = [...data];
      if (inMemory) { for (const name of strange) entries.push([name, "strange"]); }
      this.#stores.push({ name: `store${i}`, kind, data: Object.fromEntries(entries) });
    });
    raw.translators.forEach((translations, i) => {
      const name = `translator${i}`;
      this.#translators.push(name);
      this.#stores.push({ name, kind: "metadata", data: Object.fromEntries(translations) });
    });
    raw.views.forEach((view, i) => this.#views.set(`view${i}`, this.#view(`view${i}`, view)));
    raw.tasks.forEach((task, i) => this.#addTask(TASK_NAMES[i]!, task));
    this.scenario = {
      jobs: JOBS,
      stores: this.#stores,
      views: [...this.#views.values()],
      tasks: this.#tasks,
      steps: raw.steps.map((step) => this.#step(step)),
      informative: this.#isExact
        ? [...this.#views.keys()].filter((name) => this.#isInformative(name))
        : [],
      comparable: this.#isExact ? this.#stores.map(({ name }) => name) : [],
    };
  }

  /** Whether a task could never start a job ("opening"). */
  get isFutile(): boolean {
    return this.#tasks.some((task) => {
      const plugged = this.#plugged(task);
      const inhibiting = new Set([
        task.done,
        ...task.links.filter(({ flags }) => flags.inhibitsStart).map(({ repo }) => repo),
        ...plugged.filter(({ inhibits }) => inhibits).map(({ repo }) => repo),
      ]);
      const required = [
        ...task.links.filter(isRequired).map(({ repo }) => repo),
        ...plugged.filter(({ requires }) => requires).map(({ repo }) => repo),
      ];
      return required.some((repo) => this.#chain(repo).some((above) => inhibiting.has(above)));
    });
  }

  /** Whether the keys that functions leave depend on the order of jobs within one update ("order"). */
  get isRacy(): boolean {
    return this.#tasks.some((changer) =>
      changer.actions.some((change) => {
        if (change.do === "fail") return false;
        const store = this.#holder(change.do === "copy" ? change.to : change.repo)!;
        if (change.do !== "remove" && !this.#translators.includes(store)) return false;
        return this.#tasks.some((user) =>
          user.actions.some((use) =>
            use !== change && this.#touched(use).includes(store) &&
            (user !== changer || this.#reachesOtherKeys(use) || this.#reachesOtherKeys(change))
          )
        );
      })
    );
  }

  #touched(action: Action): string[] {
    if (action.do === "fail") return [];
    return this.#beneath(action.repo).concat(action.do === "copy" ? this.#beneath(action.to) : []);
  }

  #reachesOtherKeys(action: Action): boolean {
    return (action.do === "write" && action.at !== null) ||
      this.#touched(action).some((store) => this.#translators.includes(store));
  }

  #view(name: string, raw: Raw["views"][number]): ViewSpec {
    const parts = raw.parts.map((part) => pick(this.#repos, part)!);
    const [first, second = first] = parts as [string, string?];
    const { kind, keep, wraps, allowDeletes, prefetchLookup } = raw;
    const translator = pick(this.#translators, raw.translator);
    if (kind === "and" || kind === "or") return { name, kind, children: parts };
    if (kind === "blocking" && !this.#calm) return { name, kind, source: first, unless: second };
    const deletesTranslations = translator !== undefined &&
      this.#beneath(first).includes(translator); // "order"
    if (kind === "related" && translator !== undefined && !deletesTranslations) {
      return { name, kind, base: first, translator, allowDeletes, prefetchLookup };
    }
    return { name, kind: "map", base: first, keep, wraps, allowDeletes };
  }

  #addTask(name: string, raw: RawTask): void {
    const links = raw.links.map((link, i): LinkSpec => {
      const flags = { ...link.flags };
      let repo = pick(this.#repos, link.repo)!;
      if (this.#layered && flags.isOutput && !isRequired({ name: "", repo, flags })) {
        repo = `out-${name}-${i}`;
        this.#stores.push({ name: repo, kind: link.kind, data: {} });
      }
      if (this.#isTranslated(repo)) flags.isOutput = false; // "edges"
      if (this.#calm) flags.inhibitsStart = flags.inhibitsOutput = false;
      return { name: `${name}-${i}`, repo, flags };
    });
    const plugs = this.#plugs(raw);
    if (!links.some(isRequired) && plugs.every(({ meta }) => !meta)) {
      links[0] = { ...links[0]!, flags: { ...links[0]!.flags, requiredForStart: true } };
    }
    const done = `done-${name}`;
    const chosen = this.#calm || raw.ready === null ? undefined : pick(this.#repos, raw.ready);
    const actions = raw.actions.flatMap((action) =>
      this.#action(action, links, chosen === undefined)
    );
    this.#stores.push({ name: done, kind: raw.recordsIn, data: {} });
    this.#done.add(done);
    const ready = chosen === undefined ? null : `ready-${name}`; // "ready"
    if (chosen !== undefined) {
      this.#views.set(`ready-${name}`, {
        name: `ready-${name}`,
        kind: "blocking",
        source: chosen,
        unless: done,
      });
    }
    this.#tasks.push({ name, done, ready, disabled: raw.disabled, links, plugs, actions });
  }

  #plugs({ plug }: RawTask): PlugSpec[] {
    const other = plug === null ? undefined : pick(this.#tasks, plug.task);
    if (plug === null || other === undefined) return [];
    const outputs = other.links.filter(({ flags }) => flags.isOutput).map(({ name }) => name);
    const { meta, allowDeletes, prefetchLookup } = plug;
    const translator = plug.translator === null
      ? undefined
      : pick(this.#translators, plug.translator);
    return [{
      task: other.name,
      outputLinks: plug.outputs?.flatMap((output) => pick(outputs, output) ?? []) ?? null,
      meta,
      translator: translator ?? null,
      allowDeletes,
      prefetchLookup,
    }];
  }

  #action(
    raw: RawTask["actions"][number],
    links: readonly LinkSpec[],
    reads: boolean,
  ): Action[] {
    if (raw.do === "fail") return [{ do: "fail", jobs: raw.jobs }];
    const valued = links.filter(({ repo }) => this.#holder(repo) !== undefined);
    if (raw.do === "remove") {
      const link = pick(valued, raw.repo);
      return link === undefined || this.#calm ? [] : [{ do: "remove", repo: link.repo }];
    }
    const to = pick(valued.filter(isWritten), raw.to)?.repo;
    if (to === undefined) return [];
    const translates = this.#translators.includes(this.#holder(to)!);
    const from = pick(valued.filter(isRequired), raw.repo)?.repo;
    if (raw.do === "copy" && reads && from !== undefined && !translates) {
      return [{ do: "copy", repo: from, to }];
    }
    if (translates && this.#calm) return [];
    return [{ do: "write", repo: to, at: raw.at, value: translates ? raw.value : null }];
  }

  #step(raw: Raw["steps"][number]): Step {
    const [job] = raw.jobs as [string];
    const task = pick(this.#tasks, raw.task)!;
    switch (raw.do) {
      case "put": {
        const stores = this.#stores.filter(({ name }) => !this.#done.has(name));
        const { name } = pick(stores, raw.repo)!;
        const value = this.#translators.includes(name) ? raw.jobs.at(-1)! : raw.value;
        return { do: "put", repo: name, job, value };
      }
      case "delete":
        return { do: "delete", repo: pick(this.#repos, raw.repo)!, job };
      case "launch":
        return { do: "launch", task: task.name, job, force: raw.all || task.disabled }; // "launch"
      case "rm": {
        const link = raw.link === null ? undefined : pick(task.links, raw.link);
        const plain = this.#tasks.every((task) => this.#isPlain(task));
        return {
          do: "rm",
          data: link !== undefined
            ? `${task.name}.${link.name}`
            : this.#isPlain(task)
            ? task.name
            : `${task.name}.done`,
          jobs: raw.all ? ["__all__"] : [...new Set(raw.jobs)],
          recursive: raw.recursive && plain && this.#flowsForward,
          counted: link === undefined || !this.#views.has(link.repo),
        };
      }
      default:
        return { do: raw.do === "run" && this.#calm ? "run" : "update" };
    }
  }

  get #repos(): string[] {
    return [...this.#stores.map(({ name }) => name), ...this.#views.keys()];
  }

  /** The repositories that plugs tie a task to. Translated ones are others for each link. */
  #plugged({ plugs }: TaskSpec): { repo: string; requires: boolean; inhibits: boolean }[] {
    return plugs.flatMap((plug) => {
      const { done, links } = this.#tasks.find(({ name }) => name === plug.task)!;
      const all = [{ name: "done", repo: done, flags: { requiredForOutput: true } }, ...links];
      return all.map((link) => ({
        repo: plug.translator === null ? link.repo : `${link.name} by ${plug.translator}`,
        requires: isComplete(link, plug),
        inhibits: plug.meta && (link.flags.inhibitsOutput ?? false),
      }));
    });
  }

  /** A repository, and those that hold at least its keys because it is a view of one of them alone. */
  #chain(name: string): string[] {
    const sources = this.#sources(name);
    return sources.length === 1 ? [name, ...this.#chain(sources[0]!)] : [name];
  }

  #sources(name: string): readonly string[] {
    const view = this.#views.get(name);
    if (view === undefined) return [];
    switch (view.kind) {
      case "and":
      case "or":
        return view.children;
      case "blocking":
        return [view.source, view.unless];
      case "map":
        return [view.base];
      case "related":
        return [view.base, view.translator];
    }
  }

  /** The stores beneath a repository. */
  #beneath(name: string): string[] {
    return this.#views.has(name)
      ? this.#sources(name).flatMap((source) => this.#beneath(source))
      : [name];
  }

  #isTranslated(name: string): boolean {
    return this.#views.get(name)?.kind === "related" ||
      this.#sources(name).some((source) => this.#isTranslated(source));
  }

  /** Where values that are read and written through a repository are; undefined if it has none, or only records. */
  #holder(name: string): string | undefined {
    const view = this.#views.get(name);
    const store = view === undefined ? name : view.kind === "related" ? view.base : undefined;
    return store === undefined || this.#views.has(store) || this.#done.has(store)
      ? undefined
      : store;
  }

  #isInformative(name: string): boolean {
    const beneath = this.#beneath(name).map((store) =>
      this.#stores.find(({ name }) => name === store)!
    );
    return beneath.every(({ name, kind }) => kind === "metadata" && !this.#done.has(name)) &&
      !this.#asksUnrelated(name); // "missing keys"
  }

  /** Whether a repository asks for the information of jobs that may be related to nothing. */
  #asksUnrelated(name: string): boolean {
    return this.#sources(name).some((source) => this.#asksUnrelated(source)) ||
      (this.#views.get(name)?.kind === "or" && this.#isTranslated(name));
  }

  /** Whether `rm` means the same to both for a task ("rm"). */
  #isPlain({ links, plugs }: TaskSpec): boolean {
    return plugs.every(({ translator }) => translator === null) &&
      links.every((link) => !this.#views.has(link.repo) && (isRead(link) || isWritten(link)));
  }

  /** Whether values, and not only keys, are the same whatever the order of jobs is ("values"). */
  get #isExact(): boolean {
    const writers = new Map<string, string>();
    return this.#flowsForward &&
      this.#tasks.every(({ name, ready, links, actions }) =>
        ready === null && actions.every((action) => {
          if (action.do === "fail") return true;
          if (action.do === "remove" || (action.do === "write" && action.at !== null)) return false;
          const to = action.do === "copy" ? action.to : action.repo;
          const writer = writers.get(to) ?? name;
          writers.set(to, writer);
          return writer === name && !this.#views.has(to) &&
            links.some(({ repo, flags }) => repo === to && flags.isOutput);
        })
      );
  }

  /** Whether no task reads what it or a later one writes. */
  get #flowsForward(): boolean {
    return this.#tasks.every((reader, at) =>
      this.#tasks.slice(at).every((writer) => {
        const written = new Set(
          writer.links.filter(isWritten).flatMap(({ repo }) => this.#beneath(repo)),
        );
        if (writer !== reader) written.add(writer.done);
        const read = reader.links.filter(writer === reader ? isRequired : isRead);
        return read.flatMap(({ repo }) => this.#beneath(repo)).concat(
          reader.ready === null ? [] : this.#beneath(reader.ready),
        ).every((store) => !written.has(store));
      })
    );
  }
}

function pick<T>(from: readonly T[], index: number): T | undefined {
  return from[index % from.length];
}

function isRequired({ flags }: LinkSpec): boolean {
  return flags.requiredForStart ?? flags.isInput ?? false;
}

function isRead(link: LinkSpec): boolean {
  return isRequired(link) || (link.flags.isInput ?? false) || (link.flags.inhibitsStart ?? false);
}

function isWritten({ flags }: LinkSpec): boolean {
  return (flags.isOutput || flags.isStatus) ?? false;
}

/** Whether a plug makes a link required. */
function isComplete({ name, flags }: LinkSpec, { meta, outputLinks }: PlugSpec): boolean {
  return (meta && (flags.requiredForOutput ?? flags.isOutput ?? false)) ||
    ((flags.isOutput ?? false) && (outputLinks?.includes(name) ?? true));
}
