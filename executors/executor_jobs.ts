/**
 * The jobs of an `ExecutorTask` while they run.
 *
 * @module
 */

import type { Attempt } from "../lib/attempt.ts";
import type { BlobRepository } from "../lib/blob_repository.ts";
import type { DoneRecord } from "../lib/done_record.ts";
import { failureRecord } from "../lib/failure.ts";
import { warn } from "../lib/warnings.ts";
import type { ExecutorTask } from "./executor_task.ts";
import { JobConsole } from "./job_console.ts";
import type { LiveServer } from "./live_server.ts";
import { livePlace } from "./live_socket.ts";

/** Runs the jobs of a task, keeps what they write, and lets other programs ask about them. */
export class ExecutorJobs {
  readonly #task: ExecutorTask;
  readonly #logs: BlobRepository | undefined;
  readonly #consoles = new Map<string, JobConsole>();
  /** What answers other programs; made when the first job is started. */
  #server: LiveServer | undefined;
  #serving: Promise<void> | undefined;

  /**
   * Makes it; nothing runs yet.
   *
   * @param task The task.
   * @param logs Where what a job has written is kept when it has ended.
   */
  constructor(task: ExecutorTask, logs: BlobRepository | undefined) {
    this.#task = task;
    this.#logs = logs;
  }

  /** The name of the socket on which other programs can ask, if there is one. */
  get socket(): string | undefined {
    return this.#server?.name;
  }

  /** What a job writes that runs. */
  console(job: string): JobConsole | undefined {
    return this.#consoles.get(job);
  }

  /**
   * Lets the executor call the function.
   *
   * @param job The job.
   * @param attempt The attempt.
   * @param module The URL of the module that exports the task, or its pipeline.
   * @param signal Aborted when the call should end.
   * @returns What happened.
   */
  async execute(
    job: string,
    attempt: Attempt,
    module: string,
    signal: AbortSignal,
  ): Promise<DoneRecord> {
    const { executor, options: { timeout } } = this.#task;
    const console = new JobConsole(this.#logs === undefined);
    this.#consoles.set(job, console);
    try {
      if (this.#serving === undefined) await (this.#serving = this.#serve());
      return await executor.run({
        task: this.#task,
        module,
        job,
        started: attempt.started,
        ...timeout !== undefined && { timeout },
        signal,
        log: (text) => console.write(text),
      });
    } catch (error) {
      return failureRecord(error, attempt.started, attempt.env.now());
    } finally {
      console.end();
      this.#consoles.delete(job);
      await this.#keepLogs(job, console);
    }
  }

  /** Answers other programs no more. */
  async close(): Promise<void> {
    await this.#serving;
    const server = this.#server;
    this.#server = this.#serving = undefined;
    await server?.close();
  }

  /** Lets other programs ask what runs. Where they cannot, it runs all the same. */
  async #serve(): Promise<void> {
    const place = livePlace(this.#task);
    if (place === undefined) return;
    const [{ LiveServer }, { forgetDead }] = await Promise.all([
      import("./live_server.ts"),
      import("./live_client.ts"),
    ]);
    const { live } = this.#task;
    try {
      this.#server = new LiveServer(place, {
        list: () => live.own(),
        cancel: (job) => Object.hasOwn(live.own(), job) ? live.cancel(job) : Promise.resolve(false),
        logs: (job, follow) => this.#consoles.get(job)?.read({ follow }),
      });
      await forgetDead(place.folder);
    } catch {
      // no such folder can be made, or its path is too long for a socket
    }
  }

  async #keepLogs(job: string, console: JobConsole): Promise<void> {
    if (this.#logs === undefined) return;
    try {
      await this.#logs.writeBytes(job, console.text());
    } catch (error) {
      warn(`Task "${this.#task.name}" cannot keep what "${job}" has written: ${error}`);
    }
  }
}
