/**
 * What ties a task to a repository.
 *
 * @module
 */

import type { Repository } from "./repository.ts";

/** How a task uses a repository it is linked to. */
export interface LinkOptions {
  /**
   * The task reads from it.
   *
   * @default {false}
   */
  readonly isInput?: boolean;
  /**
   * The task writes its results to it.
   *
   * @default {false}
   */
  readonly isOutput?: boolean;
  /**
   * The task keeps account in it of what it does.
   *
   * @default {false}
   */
  readonly isStatus?: boolean;
  /**
   * A job is not started while its key is there.
   *
   * @default {false}
   */
  readonly inhibitsStart?: boolean;
  /**
   * A job is not started before its key is there. The value of `isInput`, if it is not given.
   */
  readonly requiredForStart?: boolean;
  /**
   * While its key is there, the job's results are not complete: a task that is plugged into this one waits.
   *
   * @default {false}
   */
  readonly inhibitsOutput?: boolean;
  /**
   * The job's results are complete only when its key is there: a task that is plugged into this one waits for it. The
   * value of `isOutput`, if it is not given.
   */
  readonly requiredForOutput?: boolean;
}

/** A repository as a task uses it: {@linkcode LinkOptions} with every default filled in. */
export interface Link extends Required<LinkOptions> {
  /** The repository. */
  readonly repo: Repository;
}

/**
 * Fills in the defaults of a link.
 *
 * @param repo The repository.
 * @param options How it is used.
 * @returns The link.
 */
export function makeLink(repo: Repository, options: LinkOptions = {}): Link {
  const { isInput = false, isOutput = false, isStatus = false, inhibitsStart = false } = options;
  return {
    repo,
    isInput,
    isOutput,
    isStatus,
    inhibitsStart,
    requiredForStart: options.requiredForStart ?? isInput,
    inhibitsOutput: options.inhibitsOutput ?? false,
    requiredForOutput: options.requiredForOutput ?? isOutput,
  };
}
