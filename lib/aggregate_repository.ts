/**
 * Several repositories seen as one: the keys that all of them hold, or those that any of them holds.
 *
 * @module
 */

import { StoreError } from "./errors.ts";
import { headline } from "./failure.ts";
import { Repository, type ValidateOptions } from "./repository.ts";

/**
 * What each of several repositories says of a key, under the names of the repositories.
 *
 * @typeParam Children The repositories by name.
 */
export type ChildrenInfo<Children extends Readonly<Record<string, Repository>>> = {
  [Name in keyof Children]: Children[Name] extends Repository<infer Info> ? Info : never;
};

/**
 * What {@linkcode AggregateAndRepository} and {@linkcode AggregateOrRepository} have in common. They hold nothing
 * themselves and do not pass changes on: subscribe to the children.
 *
 * @typeParam Children The repositories by name.
 */
export abstract class AggregateRepository<
  Children extends Readonly<Record<string, Repository>> = Readonly<Record<string, Repository>>,
> extends Repository<ChildrenInfo<Children>> {
  /** The repositories that are seen as one, by name. */
  readonly children: Children;

  /**
   * Makes the view.
   *
   * @param children The repositories by name; at least one.
   * @throws {TypeError} If there is none.
   */
  constructor(children: Children) {
    super();
    this.children = children;
    if (this.repositories.length === 0) {
      throw new TypeError(
        `Cannot make ${this}: it has no children; give it at least one repository`,
      );
    }
  }

  /** The children without their names. */
  protected get repositories(): Repository[] {
    return Object.values(this.children);
  }

  /**
   * Which keys are shown.
   *
   * @param keys The keys of each child.
   * @returns The keys of the view.
   */
  protected abstract combine(keys: readonly ReadonlySet<string>[]): Set<string>;

  /** The children's keys, combined. All children are listed at the same time. */
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* this.combine(
      await this.#all("list", async (child) => new Set(await Array.fromAsync(child))),
    );
  }

  /**
   * What each child says of the key, under the child's name. A child has its say also where it does not hold the key.
   *
   * @param job The key.
   * @returns The information.
   * @throws {JobIdError} If `job` is no job id, here or to a child.
   * @throws {StoreError} If a child cannot tell.
   */
  override async info(job: string): Promise<ChildrenInfo<Children>> {
    this.check(job);
    return this.#named(await this.#all("read", (child) => child.info(job)));
  }

  /** {@linkcode info} of every key that is shown, from one `infoAll` of each child. */
  override async infoAll(): Promise<Map<string, ChildrenInfo<Children>>> {
    const known = new Map(
      await this.#all("read", async (child) => [child, await child.infoAll()] as const),
    );
    const all = new Map<string, ChildrenInfo<Children>>();
    for (const job of this.combine([...known.values()].map((infos) => new Set(infos.keys())))) {
      const infos = this.repositories.map((child) => {
        const own = known.get(child);
        return own?.has(job) ? own.get(job) : child.info(job);
      });
      all.set(job, this.#named(await Promise.all(infos)));
    }
    return all;
  }

  /**
   * Deletes the key from every child. One that fails does not keep it from the others.
   *
   * @param job The key.
   * @throws {JobIdError} If `job` is no job id.
   * @throws {StoreError} If a child cannot delete it; if several cannot, the cause is an `AggregateError` of theirs.
   */
  override async delete(job: string): Promise<void> {
    this.check(job);
    await this.#all("delete", async (child) => {
      if (child.isValidJobId(job)) await child.delete(job);
    });
    this.changed({ type: "delete", job });
  }

  /** Validates every child. */
  override async validate(options?: ValidateOptions): Promise<void> {
    await this.#all("validate", (child) => child.validate(options));
  }

  /** Names the children. */
  override toString(): string {
    const children = Object.entries(this.children).map(([name, child]) => `${name}: ${child}`);
    return `<${this.constructor.name} of ${children.join(", ")}>`;
  }

  #named(infos: readonly unknown[]): ChildrenInfo<Children> {
    const names = Object.keys(this.children);
    return Object.fromEntries(names.map((name, i) => [name, infos[i]])) as ChildrenInfo<Children>;
  }

  /** Asks all children at the same time, and fails only when all have answered, so that nothing goes on unseen. */
  async #all<Answer>(
    what: string,
    ask: (child: Repository) => Promise<Answer>,
  ): Promise<Answer[]> {
    const asked = this.repositories.map(ask);
    const errors: unknown[] = [];
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === "rejected") errors.push(outcome.reason);
    }
    if (errors.length > 1) {
      throw new StoreError(
        `Cannot ${what} ${this}: ${errors.length} children failed: ${
          errors.map(headline).join("; ")
        }`,
        { cause: new AggregateError(errors) },
      );
    }
    return await Promise.all(asked);
  }
}

/**
 * The keys that all of several repositories hold.
 *
 * It holds nothing itself and does not pass changes on: subscribe to the children.
 *
 * @typeParam Children The repositories by name.
 *
 * @example Usage
 * ```ts
 * import { AggregateAndRepository, InProcessMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const pages = new InProcessMetadataRepository(new Map([["moby", 635], ["emma", 474]]));
 * const authors = new InProcessMetadataRepository(new Map([["moby", "Melville"]]));
 * const both = new AggregateAndRepository({ pages, authors });
 * deepStrictEqual(await both.infoAll(), new Map([["moby", { pages: 635, authors: "Melville" }]]));
 * ```
 */
export class AggregateAndRepository<
  Children extends Readonly<Record<string, Repository>> = Readonly<Record<string, Repository>>,
> extends AggregateRepository<Children> {
  /** The keys that every child holds. */
  protected override combine(keys: readonly ReadonlySet<string>[]): Set<string> {
    return keys.reduce<Set<string>>(
      (common, more) => common.intersection(more),
      new Set(keys[0]),
    );
  }

  /** Whether every child holds the key. Children behind one that does not are not asked. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    for (const child of this.repositories) if (!await child.contains(job)) return false;
    return true;
  }

  /** Whether every child has it so. */
  override isValidJobId(job: string): boolean {
    return this.repositories.every((child) => child.isValidJobId(job));
  }
}

/**
 * The keys that at least one of several repositories holds.
 *
 * It holds nothing itself and does not pass changes on: subscribe to the children.
 *
 * @typeParam Children The repositories by name.
 *
 * @example Usage
 * ```ts
 * import { AggregateOrRepository, InProcessMetadataRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const novels = new InProcessMetadataRepository(new Map([["moby", 635], ["emma", 474]]));
 * const plays = new InProcessMetadataRepository(new Map([["hamlet", 120]]));
 * const either = new AggregateOrRepository({ novels, plays });
 * deepStrictEqual((await Array.fromAsync(either)).sort(), ["emma", "hamlet", "moby"]);
 * ```
 */
export class AggregateOrRepository<
  Children extends Readonly<Record<string, Repository>> = Readonly<Record<string, Repository>>,
> extends AggregateRepository<Children> {
  /** The keys that any child holds. */
  protected override combine(keys: readonly ReadonlySet<string>[]): Set<string> {
    return keys.reduce<Set<string>>((either, more) => either.union(more), new Set());
  }

  /** Whether any child holds the key. Children behind one that does are not asked. */
  override async contains(job: string): Promise<boolean> {
    this.check(job);
    for (const child of this.repositories) {
      if (child.isValidJobId(job) && await child.contains(job)) return true;
    }
    return false;
  }

  /** Whether any child has it so. */
  override isValidJobId(job: string): boolean {
    return this.repositories.some((child) => child.isValidJobId(job));
  }
}
