/**
 * The keys of a repository that are translated to those of another.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { RelatedItem } from "../related_item_repository.ts";
import type { Repository } from "../repository.ts";
import { Evaluations, PENDING } from "./evaluations.ts";
import { KeySet } from "./key_set.ts";
import type { KeySpace } from "./key_space.ts";
import type { Stats } from "./stats.ts";
import { type Trace, View } from "./view.ts";

/**
 * The keys of the translator whose translations the base holds. A translation is read when the translator is listed, and
 * when it tells that it has changed.
 */
export class RelatedView extends View {
  readonly #related: Repository & RelatedItem;
  readonly #base: View;
  readonly #translator: View;
  readonly #space: KeySpace;
  readonly #stats: Stats;
  /** Ids of the base plus 1, by id here; 0 where there is none. */
  #translations = new Uint32Array(0);
  readonly #known = new KeySet();
  readonly #errors = new Map<number, unknown>();
  /** Ids here, by the id of the base that they are translated to. */
  readonly #sources = new Map<number, Set<number>>();
  readonly #lookups: Evaluations<string | null | undefined>;
  /** Whether a look is under way. */
  #refreshing = false;

  /** Makes the view. */
  constructor(
    related: Repository & RelatedItem,
    base: View,
    translator: View,
    space: KeySpace,
    stats: Stats,
    pending: Set<Promise<void>>,
  ) {
    super(related);
    this.#related = related;
    this.#base = base;
    this.#translator = translator;
    this.#space = space;
    this.#stats = stats;
    this.#lookups = new Evaluations((id) => this.#read(id), (id, to, error) => {
      this.#learn(id, to, error);
      if (this.#refreshing) return; // the set changes in one step
      this.set.set(id, this.#holds(id));
      this.emit(id);
    }, pending);
    base.listen((id) => {
      for (const source of this.#sources.get(id) ?? []) {
        this.set.set(source, this.#holds(source));
        this.emit(source);
      }
    });
    translator.listen((id) => {
      this.#lookups.forget(id);
      this.#unlearn(id);
      this.set.delete(id);
      if (translator.set.has(id)) {
        this.#errors.set(id, PENDING); // until there is an answer, nothing is decided by the last one
        this.#lookups.one(id);
        if (this.#errors.get(id) !== PENDING) return;
      }
      this.emit(id);
    });
  }

  override get error(): unknown {
    return this.#base.error ?? this.#translator.error;
  }

  override errorOf(id: number): unknown {
    const own = this.#translator.set.has(id) ? this.#errors.get(id) : undefined;
    const to = this.#translate(id);
    return this.#translator.errorOf(id) ?? own ?? (to < 0 ? undefined : this.#base.errorOf(to));
  }

  override doubtful(): number[] {
    const related = [...this.#base.doubtful()].flatMap((id) => [...this.#sources.get(id) ?? []]);
    return [...this.#translator.doubtful(), ...this.#errors.keys(), ...related];
  }

  override traces(): readonly Trace[] {
    return [...this.#translated(this.#base.traces()), ...this.#translator.traces()];
  }

  override written(): readonly Trace[] {
    return this.#translated(this.#base.written());
  }

  override async refresh(listed: ReadonlySet<Repository>): Promise<void> {
    for (const id of this.#known.clone().subtract(this.#translator.set)) this.#unlearn(id);
    if (this.#translator.traces().some(({ origin }) => listed.has(origin))) {
      this.#known.clear(); // others may have changed what the keys are translated to
    }
    const unknown = [...this.#translator.set.clone().subtract(this.#known)];
    this.#refreshing = true;
    if (unknown.length > 0 && this.#related.prefetchLookup && this.#known.empty) {
      await this.#prefetch(unknown);
    } else await this.#lookups.all(unknown);
    this.#refreshing = false;
    for (const id of this.#errors.keys()) this.#known.delete(id); // asked again at the next look
    const set = new KeySet();
    for (const id of this.#translator.set) if (this.#holds(id)) set.add(id);
    this.set = set;
  }

  #translated(traces: readonly Trace[]): Trace[] {
    return traces.map((trace): Trace => ({
      origin: trace.origin,
      forward: (id) => {
        const to = this.#translate(id);
        return to < 0 ? -1 : trace.forward(to);
      },
      backward: (id) => {
        const sources: number[] = [];
        for (const to of trace.backward(id)) sources.push(...this.#sources.get(to) ?? []);
        return sources;
      },
    }));
  }

  /** Reads the translator whole; one that cannot be read so, value by value: a broken one is then no other's fault. */
  async #prefetch(ids: readonly number[]): Promise<void> {
    this.#stats.reads++;
    let all: ReadonlyMap<string, string | null | undefined>;
    try {
      all = await this.#related.translator.infoAll();
    } catch {
      await this.#lookups.all(ids);
      return;
    }
    for (const id of ids) {
      // What has become known meanwhile is newer.
      if (!this.#known.has(id)) this.#learn(id, all.get(this.#space.name(id)), undefined);
    }
  }

  #read(id: number): Promise<string | null | undefined> {
    this.#stats.reads++;
    return this.#related.translator.info(this.#space.name(id));
  }

  #holds(id: number): boolean {
    const to = this.#translate(id);
    return to >= 0 && !this.#errors.has(id) && this.#translator.set.has(id) &&
      this.#base.set.has(to);
  }

  #translate(id: number): number {
    return (this.#translations[id] ?? 0) - 1;
  }

  #unlearn(id: number): void {
    this.#learn(id, undefined, undefined);
    this.#known.delete(id);
  }

  #learn(id: number, translation: string | null | undefined, error: unknown): void {
    const before = this.#translate(id);
    if (before >= 0) this.#sources.get(before)?.delete(id);
    this.#known.add(id);
    this.#errors.delete(id);
    let to = -1;
    if (error !== undefined) {
      this.#errors.set(id, error);
    } else if (translation !== undefined && translation !== null) {
      if (typeof translation === "string" && this.#related.base.isValidJobId(translation)) {
        to = this.#space.intern(translation);
      } else {
        const shown = JSON.stringify(translation);
        this.#errors.set(
          id,
          new DataError(
            `Cannot translate "${
              this.#space.name(id)
            }" by ${this.#related.translator}: ${shown} is no job id`,
          ),
        );
      }
    }
    if (id >= this.#translations.length) {
      const grown = new Uint32Array(
        Math.max(id + 1, this.#space.size, this.#translations.length * 2),
      );
      grown.set(this.#translations);
      this.#translations = grown;
    }
    this.#translations[id] = to + 1;
    if (to < 0) return;
    const sources = this.#sources.get(to);
    if (sources === undefined) this.#sources.set(to, new Set([id]));
    else sources.add(id);
  }
}
