/**
 * The errors that a caller may want to tell apart. Each says what was being done, to what, what happened and what to
 * do next; what lies beneath is its `cause`.
 *
 * @module
 */

/**
 * A string that was given as a job id is none.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, JobIdError } from "@datatask/datatask";
 * import { rejects } from "node:assert";
 *
 * await rejects(new InProcessBlobRepository().contains("../x"), JobIdError);
 * ```
 */
export class JobIdError extends Error {
  /** `"JobIdError"`. */
  override name = "JobIdError";
  /** What was given. */
  readonly job: string;

  /**
   * Makes the error.
   *
   * @param job What was given.
   */
  constructor(job: string) {
    const shown = job.length > 80
      ? `${JSON.stringify(job.slice(0, 80))}… (${job.length} characters)`
      : JSON.stringify(job);
    super(
      `${shown} is not a valid job id: use 1 to 200 letters, digits, ".", "_" or "-", ` +
        `beginning and ending with a letter or digit`,
    );
    this.job = job;
  }
}

/**
 * A repository was asked for the value of a key it does not hold.
 *
 * @example Usage
 * ```ts
 * import { InProcessBlobRepository, NotFoundError } from "@datatask/datatask";
 * import { rejects } from "node:assert";
 *
 * await rejects(new InProcessBlobRepository().readText("moby"), NotFoundError);
 * ```
 */
export class NotFoundError extends Error {
  /** `"NotFoundError"`. */
  override name = "NotFoundError";
  /** The missing key. */
  readonly job: string;

  /**
   * Makes the error.
   *
   * @param job The missing key.
   * @param repository How the repository names itself in messages.
   * @param options What lies beneath.
   */
  constructor(job: string, repository: string, options?: ErrorOptions) {
    super(`Cannot read "${job}" from ${repository}: it holds no such key`, options);
    this.job = job;
  }
}

/**
 * A store did not do what it was asked for, and nothing can be said about the keys it holds: it is out of reach, full,
 * or refuses. Never a sign that a key is absent.
 *
 * @example Usage
 * ```ts
 * import { FileRepository, StoreError } from "@datatask/datatask";
 * import { rejects } from "node:assert";
 *
 * const repository = new FileRepository("./no/such/folder");
 * await rejects(repository.validate({ create: false }), StoreError);
 * ```
 */
export class StoreError extends Error {
  /** `"StoreError"`. */
  override name = "StoreError";
}

/**
 * Another program does the same work at this moment: two of them would do things twice.
 *
 * Internal to this library: to callers it is a {@linkcode StoreError}.
 */
export class InUseError extends StoreError {}

/**
 * A value cannot be what it was taken for: YAML that does not parse, data that the format has no words for.
 *
 * @example Usage
 * ```ts
 * import { DataError, InProcessMetadataRepository } from "@datatask/datatask";
 * import { rejects } from "node:assert";
 *
 * await rejects(new InProcessMetadataRepository().dump("moby", () => {}), DataError);
 * ```
 */
export class DataError extends Error {
  /** `"DataError"`. */
  override name = "DataError";
}

/**
 * A pipeline that cannot work as it is defined. Its message lists every problem that was found.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, InProcessSyncTask, Pipeline, PipelineError } from "@datatask/datatask";
 * import { rejects } from "node:assert";
 *
 * const task = new InProcessSyncTask("count", new InProcessMetadataRepository());
 * await rejects(new Pipeline([task, task]).open(), PipelineError);
 * ```
 */
export class PipelineError extends Error {
  /** `"PipelineError"`. */
  override name = "PipelineError";
  /** One sentence a problem. */
  readonly problems: readonly string[];

  /**
   * Makes the error.
   *
   * @param problems One sentence a problem; at least one.
   * @param options What lies beneath.
   */
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(
      problems.length === 1
        ? `The pipeline cannot work: ${problems[0]}`
        : `The pipeline cannot work, for ${problems.length} reasons:\n${
          problems.map((p) => `- ${p}`).join("\n")
        }`,
      options,
    );
    this.problems = problems;
  }
}

/**
 * What a function throws to say which class its failure has, where that is not the usual `user`.
 *
 * @example Usage
 * ```ts
 * import { JobError } from "@datatask/datatask";
 *
 * function fetched(response: Response): Response {
 *   if (response.status === 503) throw new JobError("the service is busy", { class: "infra" });
 *   return response;
 * }
 * fetched(new Response());
 * ```
 */
export class JobError extends Error {
  /** `"JobError"`. */
  override name = "JobError";
  /** Why the attempt failed. */
  readonly class: FailureClass;

  /**
   * Makes the error.
   *
   * @param message What happened.
   * @param options The failure class, and what lies beneath.
   */
  constructor(message: string, options: ErrorOptions & { readonly class: FailureClass }) {
    super(message, options);
    this.class = options.class;
  }
}

/**
 * Why an attempt failed. Each class has its own retry budget.
 *
 * - `user`: the function threw, the script ended with another code than 0
 * - `timeout`: it ran longer than its task's `timeout`
 * - `oom`: it ran out of memory
 * - `infra`: what it runs on failed it: a lost process or node, a store out of reach
 * - `config`: it cannot run as it is defined
 * - `cancelled`: somebody stopped it
 */
export type FailureClass = "user" | "timeout" | "oom" | "infra" | "config" | "cancelled";

/** The kinds of failure. */
export const FAILURE_CLASSES: readonly FailureClass[] = [
  "user",
  "timeout",
  "oom",
  "infra",
  "config",
  "cancelled",
];
