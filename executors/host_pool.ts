/**
 * The threads or processes of a pool, and which of them makes a call.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { JobError } from "../lib/errors.ts";
import { mainModule } from "../lib/main_module.ts";
import type { Task } from "../lib/task.ts";
import type { ExecutorJob } from "./executor.ts";
import { ExecutorHost, type HostEvents, type HostLine, UNNEEDED } from "./executor_host.ts";
import type { ExecutorPoolOptions } from "./executor_pool.ts";
import { functionFailure } from "./function_failure.ts";

/** Milliseconds that a function has to end when it should, before its thread or process is ended. */
const GRACE = 2_000;

/** How large a pool is. */
export interface PoolLimits extends Required<ExecutorPoolOptions> {
  /** Seconds after which a function is ended; unlimited, if it is not given. */
  readonly timeout: number | undefined;
}

/** Starts a thread or a process, which first calls a function of a module. */
export type StartHost = (events: HostEvents, module: string) => Promise<HostLine>;

/** The threads or processes of a pool. */
export class HostPool {
  readonly #limits: PoolLimits;
  readonly #start: StartHost;
  readonly #hosts = new Set<ExecutorHost>();
  readonly #queue: PromiseWithResolvers<void>[] = [];
  readonly #tasks = new Map<string, Task>();
  #next = 0;
  /** For how many calls there is to be room in which they are alone. */
  #reserved = 0;

  /**
   * Makes it. Nothing is started.
   *
   * @param limits How large it is.
   * @param start Starts a thread or a process.
   */
  constructor(limits: PoolLimits, start: StartHost) {
    this.#limits = limits;
    this.#start = start;
  }

  /** Calls a function, once there is room for it. */
  async run(job: ExecutorJob): Promise<DoneRecord> {
    const call = this.#next++;
    this.#tasks.set(job.task.name, job.task);
    let isDoubtful = false;
    while (!job.signal.aborted) {
      const host = isDoubtful ? this.#placeAlone(call, job) : this.#place(call, job);
      if (host === undefined) {
        await this.#turn(job.signal, isDoubtful);
        continue;
      }
      const record = await this.#runIn(host, call, job);
      if (record !== undefined) return record;
      isDoubtful = true;
    }
    if (isDoubtful) this.#reserved--;
    this.#queue.shift()?.resolve(); // the turn may have come when it was too late
    return functionFailure(endingOf(job.signal.reason), job.started);
  }

  /** Ends the threads or processes that have nothing to do, and the others when their functions have ended. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#hosts, (host) => {
      if (host.jobs.size === 0) return this.#end(host);
      host.retired = true;
    }));
  }

  /** Makes a call. Undefined if its failure says nothing about it: then there is room reserved in which it is alone. */
  async #runIn(
    host: ExecutorHost,
    call: number,
    job: ExecutorJob,
  ): Promise<DoneRecord | undefined> {
    try {
      return await this.#call(host, call, job);
    } catch (error) {
      return functionFailure(error, job.started);
    } finally {
      await host.leave(call);
      this.#release(host);
    }
  }

  async #call(
    host: ExecutorHost,
    call: number,
    job: ExecutorJob,
  ): Promise<DoneRecord | undefined> {
    let ending: JobError | undefined;
    let grace: ReturnType<typeof setTimeout> | undefined;
    let responds = false;
    const end = (reason: DOMException): void => {
      if (ending !== undefined) return;
      ending = endingOf(reason);
      host.calls.call("abort", call, reason.name, reason.message)
        .then(() => responds = true, () => {}); // it has ended
      grace = setTimeout((reason) => void host.end(call, reason, responds), GRACE, ending);
    };
    const onAbort = (): void => end(job.signal.reason);
    if (job.signal.aborted) onAbort();
    else job.signal.addEventListener("abort", onAbort);
    const timeout = Math.min(job.timeout ?? Infinity, this.#limits.timeout ?? Infinity);
    const timer = timeout === Infinity ? undefined : setTimeout(
      () => end(new DOMException(`The job ran longer than ${timeout} s`, "TimeoutError")),
      timeout * 1000,
    );
    try {
      const { task: { name: task }, module, job: key, started } = job;
      const order = { call, module, main: mainModule(), task, job: key, started };
      const record = await host.calls.call("run", order);
      const failure = host.blameOf(call) ?? ending;
      if (failure === undefined || record.success) return record;
      return functionFailure(failure, job.started, record);
    } catch (error) {
      if (!host.isBroken) throw host.blameOf(call) ?? ending ?? error;
      await host.ended; // nothing of it runs any more
      if (host.isDoubtful(call) && !job.signal.aborted) {
        this.#reserved++; // before anyone else takes the room
        return undefined;
      }
      throw ending ?? host.failureOf(call) ?? error;
    } finally {
      clearTimeout(grace);
      clearTimeout(timer);
      job.signal.removeEventListener("abort", onAbort);
    }
  }

  /** Takes room for a call, if there is some: where nothing runs, or else where least does. */
  #place(call: number, job: ExecutorJob): ExecutorHost | undefined {
    let host: ExecutorHost | undefined;
    for (const other of this.#hosts) {
      if (other.retired || other.jobs.size >= this.#limits.concurrency) continue;
      if (host === undefined || other.jobs.size < host.jobs.size) host = other;
    }
    if (host?.jobs.size !== 0 && this.#hosts.size + this.#reserved < this.#limits.size) {
      host = this.#add(job.module);
    }
    if (host === undefined) return undefined;
    host.enter(call, job);
    return host;
  }

  /** Takes the room that is reserved for a call, in which nothing ran before and nothing else will. */
  #placeAlone(call: number, job: ExecutorJob): ExecutorHost | undefined {
    if (this.#hosts.size >= this.#limits.size) {
      const idle = this.#hosts.values().find((host) => !host.retired && host.jobs.size === 0);
      if (idle !== undefined) void this.#end(idle);
      return undefined;
    }
    this.#reserved--;
    const host = this.#add(job.module);
    host.enter(call, job);
    host.retired = true;
    return host;
  }

  /** Waits until there may be room, or a call should end that has not begun. */
  async #turn(signal: AbortSignal, isFirst: boolean): Promise<void> {
    const turn = Promise.withResolvers<void>();
    if (isFirst) this.#queue.unshift(turn);
    else this.#queue.push(turn);
    signal.addEventListener("abort", () => turn.resolve(), { once: true });
    await turn.promise;
    const index = this.#queue.indexOf(turn);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  #add(module: string): ExecutorHost {
    const host = new ExecutorHost((events) => this.#start(events, module), this.#tasks);
    this.#hosts.add(host);
    host.ended.then(() => {
      this.#hosts.delete(host);
      this.#queue.shift()?.resolve();
    });
    return host;
  }

  #release(host: ExecutorHost): void {
    if (host.count >= this.#limits.recycleAfter) host.retired = true;
    if (host.jobs.size === 0) {
      if (host.retired) void this.#end(host);
      else host.rest(this.#limits.idleTimeout * 1000, () => void this.#end(host));
    }
    this.#queue.shift()?.resolve();
  }

  async #end(host: ExecutorHost): Promise<void> {
    host.retired = true;
    if (!host.isBroken) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const patience = new Promise((resolve) => timer = setTimeout(resolve, GRACE));
      await Promise.race([host.calls.call("close").catch(() => {}), patience]);
      clearTimeout(timer);
    }
    await host.kill(UNNEEDED);
  }
}

/** Why a call has failed that was asked to end. */
function endingOf(reason: DOMException): JobError {
  return new JobError(reason.message, {
    class: reason.name === "TimeoutError" ? "timeout" : "cancelled",
  });
}
