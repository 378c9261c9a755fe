/**
 * What the author of a store tells the suite.
 *
 * @module
 */

import type { Repository } from "../../lib/repository.ts";

/** A value that JSON has words for. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A new store, made for one test. */
export interface RepositoryFixture {
  /** The store. It holds no keys; the suite calls its `validate` before anything else. */
  readonly repository: Repository;
  /**
   * Makes a key, with a value of any kind. Needed where the class has no way of its own: for a repository that is neither
   * a `BlobRepository` nor a `MetadataRepository`.
   */
  readonly put?: (job: string) => Promise<void>;
  /** Makes a second repository over the same data, as another process would. Without it, what needs two is not tested. */
  readonly reopen?: () => Promise<Repository>;
  /**
   * Makes the store fail from now on, as one that is out of reach does. Without it, what a store does then is not
   * tested.
   */
  readonly fail?: () => void | Promise<void>;
  /** Called when the test has ended, however it ended: gives back all that the fixture holds. */
  readonly dispose?: () => Promise<void>;
}

/** What a store is not expected to do. */
export interface RepositoryCapabilities {
  /**
   * Whether keys that differ only by case are different keys.
   *
   * @default {true}
   */
  readonly caseSensitive?: boolean;
  /**
   * The size, in bytes, of the greatest value that is tried. The suite goes up to 256 MiB, which a store must stream
   * without holding it in memory; one that holds its values in memory says less.
   *
   * @default {268435456}
   */
  readonly maxValueBytes?: number;
  /**
   * How many keys are made to be listed, which should be more than the store gives in one page.
   *
   * @default {1100}
   */
  readonly manyKeys?: number;
}

/** A debt: a test that a store does not pass yet, or cannot pass. */
export interface SkippedTest {
  /** The sentence of the contract, as in the name of the test behind the name of the store. */
  readonly test: string;
  /** Why it is not kept. Shown in the name of the test. */
  readonly reason: string;
}

/** Options of {@linkcode testRepository} and {@linkcode repositoryTests}. */
export interface RepositoryTestOptions {
  /** The store's name: what the name of each test begins with. */
  readonly name: string;
  /** Makes a new, empty store that shares nothing with others. Called once for each test, and once before. */
  readonly create: () => RepositoryFixture | Promise<RepositoryFixture>;
  /**
   * For a metadata repository that does not take every JSON value: makes one that it takes, from which the JSON value can
   * be told, `(json) => ({ json })` for instance. The value itself, if it is not given.
   */
  readonly value?: (json: JsonValue) => unknown;
  /** What the store is not expected to do. */
  readonly capabilities?: RepositoryCapabilities;
  /** The debts. */
  readonly skip?: readonly SkippedTest[];
  /**
   * After how many milliseconds without the change that it waits for a test of `watch` fails.
   *
   * @default {30000}
   */
  readonly timeout?: number;
}

/** One sentence of the contract, ready to be tested by any test runner. */
export interface RepositoryTest {
  /** The store's name, and the sentence. */
  readonly name: string;
  /** True if it is among the debts. */
  readonly ignore: boolean;
  /**
   * Makes a new store and tests it.
   *
   * @throws {Error} If the store does not keep the sentence.
   */
  readonly fn: () => Promise<void>;
}
