/**
 * Functions in pods of a Kubernetes cluster.
 *
 * @module
 */

import type { Attempt, RecoveredJob } from "../lib/attempt.ts";
import { type DoneRecord, type DoneRepository, successRecord } from "../lib/done_record.ts";
import { PipelineError } from "../lib/errors.ts";
import { failureRecord } from "../lib/failure.ts";
import { sourcesOf } from "../lib/graph.ts";
import type { LinkType, linkTypes, RepositoriesOf } from "../lib/link_types.ts";
import type { Repository } from "../lib/repository.ts";
import { access, type Accessor } from "../lib/session.ts";
import type { Task } from "../lib/task.ts";
import type { JobArguments } from "./function_task.ts";
import { type KubeLinks, KubeTask, type KubeTaskOptions } from "./kube_task.ts";
import type { PodManager } from "./pod_manager.ts";

/** Options of a {@linkcode KubeFunctionTask}. */
export interface KubeFunctionTaskOptions extends KubeTaskOptions {
  /** Where the function's own records are kept, which are written from within the pods. Nowhere, if it is not given. */
  readonly funcDone?: DoneRepository;
}

/** The links of a {@linkcode KubeFunctionTask} that its options make. */
export type KubeFunctionLinks<Options> =
  & KubeLinks<Options>
  & (Options extends { readonly funcDone: infer R extends Repository }
    ? { readonly func_done: LinkType<R, false> }
    : unknown);

/**
 * Runs a function in a pod for each job. The pod runs the same pipeline, with `launch TASK JOB --sync --force`: there the
 * function is called, and what it writes goes straight to the repositories that it is linked to. So these have to be ones
 * that a pod can reach, and the pod needs the credentials for them, from secrets that its template names.
 *
 * The template names the image. If its first container has neither `command` nor `args`, it is
 * `deno run -A MODULE launch TASK JOB --sync --force`, where the module is the one that defines the pipeline, by the URL
 * from which it is run here. If that is a file, it has to be in the image or mounted at the same path. Of a pipeline that
 * the program `datatask` runs, the pod gets that program as well: `deno run -A jsr:@datatask/datatask@VERSION/cli MODULE ...`.
 * An image that has the program can be given
 * `args: ["{{ argv0 }}", launch, "{{ task }}", "{{ job }}", "--sync", "--force"]`, if it is what the image runs.
 *
 * The record of a job, in `done`, is that of its pod, as of any {@linkcode KubeTask}. If the function throws, it has the
 * failure's `class`, `exception` and `traceback`, as far as 4096 bytes hold them. The option `funcDone` keeps what
 * `InProcessSyncTask` would, written from within the pod.
 *
 * With `launch --sync`, and with `Pipeline.settings({ synchronous: true })`, functions are called in this process.
 *
 * @typeParam Options The options that it is made with, from which the compiler knows its links.
 *
 * @example Usage
 * ```ts ignore
 * import { KubeFunctionTask, MongoMetadataRepository, PodManager, S3BucketRepository, Session } from "@datatask/datatask";
 * import { mongoClient } from "@datatask/datatask/mongodb";
 * import { s3Client } from "@datatask/datatask/s3";
 *
 * const session = new Session();
 * const s3 = session.resource(() => s3Client());
 * const mongo = session.resource(() => mongoClient());
 * const collection = (name: string) => () => mongo().db("library").collection(name);
 * const count = new KubeFunctionTask(
 *   "count",
 *   new PodManager("library", "default"),
 *   new MongoMetadataRepository(collection("done")),
 *   { template: new URL("./pod.yaml", import.meta.url) },
 * )
 *   .link("books", new S3BucketRepository(s3, "library"), { isInput: true })
 *   .link("counts", new MongoMetadataRepository<{ letters: number }>(collection("counts")), { isOutput: true })
 *   .func(async ({ job, books, counts }) => {
 *     await counts.dump(job, { letters: (await books.readText(job)).length });
 *   });
 * ```
 */
export class KubeFunctionTask<
  const Options extends KubeFunctionTaskOptions = KubeFunctionTaskOptions,
> extends KubeTask<Options> {
  /** Its links, as the compiler knows them. */
  declare readonly [linkTypes]: KubeFunctionLinks<Options>;

  readonly #funcDone: DoneRepository | undefined;
  #func: ((args: JobArguments<this>) => unknown) | undefined;

  /**
   * Makes the task.
   *
   * @param name Its name: letters, digits, `_` and `-`.
   * @param podManager The pods.
   * @param done Where the records of ended pods are kept.
   * @param options The template, and where other records are kept.
   * @throws {PipelineError} If it cannot work like that.
   */
  constructor(
    name: string,
    podManager: Accessor<PodManager>,
    done: DoneRepository,
    options: Options,
  ) {
    super(name, podManager, done, options);
    this.#funcDone = options.funcDone;
    linkFunction(this, options.funcDone);
  }

  /**
   * Gives the task its function.
   *
   * @param func Called for each job, in its pod, with the job's id and the linked repositories. What it returns is ignored.
   * @returns The task itself.
   */
  func(func: (args: JobArguments<this>) => unknown): this {
    this.#func = func;
    return this;
  }

  /**
   * Checks that there are a function and a template, that the cluster can be reached, and that pods can reach what the
   * function works on.
   *
   * @throws {PipelineError} If that is not so.
   * @throws {StoreError} If the cluster is out of reach, or refuses.
   */
  override async validate(): Promise<void> {
    const problems: string[] = [];
    if (this.#func === undefined) {
      problems.push(`task "${this.name}" has no function: give it one with .func(...)`);
    }
    for (const [link, { repo }] of this.links) {
      if (link === "done" || link === "live" || link === "logs" || !isInMemory(repo)) continue;
      problems.push(
        `link "${this.name}.${link}" leads to ${repo}, which holds its data in the memory of this program, where a pod ` +
          `cannot reach it: use a store behind a network, or one on a volume that the pod mounts`,
      );
    }
    if (problems.length > 0) throw new PipelineError(problems);
    await super.validate();
  }

  /** Makes the pod of a job, and waits for its end; in a pod, or synchronously, calls the function. */
  override async execute(job: string, attempt: Attempt): Promise<DoneRecord> {
    const inPod = access(this.podManager).inPod !== undefined;
    if (!inPod && !this.synchronous) return await super.execute(job, attempt);
    // The record of the job is for whoever has made the pod, and who may try again.
    if (inPod) this.metadata = false;
    const record = await this.#call(job, attempt);
    await this.#funcDone?.dump(job, record);
    if (inPod && !record.success) {
      const { leaveWord } = await import("./function_pod.ts");
      await leaveWord(record);
    }
    return record;
  }

  /** The jobs that an earlier run of the program has left. */
  override async recover(): Promise<readonly RecoveredJob[]> {
    return this.synchronous ? [] : await super.recover();
  }

  /** What the pod of a job has written, as of any `KubeTask`. Nothing, where functions are called in this process. */
  override async logs(
    job: string,
    options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    return this.synchronous ? undefined : await super.logs(job, options);
  }

  /** What the first container of a pod runs. */
  protected override async podCommand(job: string): Promise<readonly string[]> {
    const { podCommand } = await import("./function_pod.ts");
    return await podCommand(this.name, job);
  }

  async #call(job: string, attempt: Attempt): Promise<DoneRecord> {
    const { env, started, signal } = attempt;
    const func = this.#func;
    if (func === undefined) throw new PipelineError([`task "${this.name}" has no function`]);
    const repositories: Record<string, Repository> = {};
    for (const [name, { repo }] of this.links) repositories[name] = repo;
    try {
      // Links are only ever added by .link and .plug, which tell the compiler.
      await func({ ...repositories as RepositoriesOf<this>, job, signal });
    } catch (error) {
      return failureRecord(error, started, env.now());
    }
    return successRecord(started, env.now());
  }
}

/** Links what a function in a pod uses. The compiler knows these links by the options of the task. */
function linkFunction(task: Task, funcDone: DoneRepository | undefined): void {
  if (funcDone === undefined) return;
  // It inhibits no start, as it did in the original: that of an attempt that failed would inhibit the next one.
  task.link("func_done", funcDone, { isStatus: true, requiredForOutput: true });
}

/** Whether what a repository holds, or a part of it, is in the memory of this program. */
function isInMemory(repository: Repository): boolean {
  return repository.isInMemory || sourcesOf(repository).some(isInMemory);
}
