/**
 * A pool of threads or processes in which functions run.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { JobError } from "../lib/errors.ts";
import { failureRecord } from "../lib/failure.ts";
import { mainModule } from "../lib/main_module.ts";
import type { Task } from "../lib/task.ts";
import { type CallMessage, Calls } from "./calls.ts";
import type { Executor, ExecutorJob } from "./executor.ts";
import type { HostService, OwnerService } from "./function_host.ts";
import { MemoryServer } from "./memory_server.ts";

/** Milliseconds that a function has to end when it should, before its thread or process is ended. */
const GRACE = 2_000;

/** Milliseconds between two questions whether a thread has run out of memory. */
const CHECK = 500;

/** Options of a pool. */
export interface ExecutorPoolOptions {
  /**
   * How many threads or processes there are at most.
   *
   * @default {"the number of cores"}
   */
  readonly size?: number;
  /**
   * How many functions run at the same time in each: more than one, if they mostly wait.
   *
   * @default {1}
   */
  readonly concurrency?: number;
  /**
   * After how many functions one is replaced by a new one.
   *
   * @default {Infinity}
   */
  readonly recycleAfter?: number;
  /**
   * Seconds after which one is ended that has nothing to do.
   *
   * @default {10}
   */
  readonly idleTimeout?: number;
}

/** A thread or a process, as whatever starts it sees it. */
export interface HostLine {
  /** Takes a message to it. */
  send(message: CallMessage): void;
  /** Ends it by force. Resolves when nothing of it runs any more. */
  kill(): Promise<void>;
  /** Lets this process end while it has nothing to do, or not. */
  hold(holds: boolean): void;
}

/** What a thread or process tells. */
export interface HostEvents {
  /** It has sent a message. */
  onMessage(message: CallMessage): void;
  /** It has written something that belongs to no message. */
  onOutput(text: Uint8Array): void;
  /** It has ended. */
  onEnd(reason: JobError): void;
}

/** A thread or process of a pool. */
class Host {
  readonly calls: Calls<HostService>;
  readonly jobs = new Map<number, ExecutorJob>();
  readonly ended: Promise<void>;
  /** How many functions it was given. */
  count = 0;
  /** Whether it gets no more. */
  retired = false;
  idle: ReturnType<typeof setTimeout> | undefined;
  readonly #line: Promise<HostLine>;

  constructor(start: (events: HostEvents) => Promise<HostLine>, tasks: ReadonlyMap<string, Task>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    const server = new MemoryServer(tasks);
    const service: OwnerService = {
      ...server.service,
      log: (call, text) => this.jobs.get(call)?.log(text),
    };
    const onEnd = (reason: JobError): void => {
      this.retired = true;
      this.calls.break(reason);
      server.end().then(resolve);
    };
    this.#line = start({
      onMessage: (message) => this.calls.receive(message),
      onOutput: (text) => {
        for (const job of this.jobs.values()) return job.log(text);
      },
      onEnd,
    });
    this.#line.catch((cause) =>
      onEnd(
        new JobError(`Cannot start a thread or process for functions: ${cause}`, {
          class: "infra",
          cause,
        }),
      )
    );
    this.calls = new Calls((message) => this.#use((line) => line.send(message)), service);
  }

  /** Keeps this process from ending, or not. */
  hold(holds: boolean): void {
    this.#use((line) => line.hold(holds));
  }

  async kill(reason: JobError): Promise<void> {
    this.retired = true;
    this.calls.break(reason);
    this.hold(true); // until it has ended
    await this.#line.then((line) => line.kill(), () => {}); // what could not be started has ended
    await this.ended;
  }

  #use(act: (line: HostLine) => void): void {
    this.#line.then(act).catch(() => {}); // whoever waits for it is told that it has ended
  }
}

/** Runs functions in threads or processes that are used again and again. */
export abstract class ExecutorPool implements Executor {
  readonly #size: number;
  readonly #concurrency: number;
  readonly #recycleAfter: number;
  readonly #idleTimeout: number;
  readonly #timeout: number | undefined;
  readonly #hosts = new Set<Host>();
  readonly #queue: PromiseWithResolvers<void>[] = [];
  readonly #tasks = new Map<string, Task>();
  #next = 0;

  /**
   * Makes a pool. Nothing is started.
   *
   * @param options How large it is.
   * @param timeout Seconds after which a function is ended; unlimited, if it is not given.
   * @throws {TypeError} If a number cannot be.
   */
  constructor(options: ExecutorPoolOptions = {}, timeout?: number) {
    this.#timeout = timeout;
    this.#size = options.size ?? navigator.hardwareConcurrency;
    this.#concurrency = options.concurrency ?? 1;
    this.#recycleAfter = options.recycleAfter ?? Infinity;
    this.#idleTimeout = options.idleTimeout ?? 10;
    const counts = {
      size: this.#size,
      concurrency: this.#concurrency,
      recycleAfter: this.#recycleAfter,
    };
    for (const [name, count] of Object.entries(counts)) {
      if (!(count >= 1) || (count !== Infinity && !Number.isInteger(count))) {
        throw new TypeError(
          `Cannot make an executor whose ${name} is ${count}: use a whole number from 1`,
        );
      }
    }
  }

  /** Starts a thread or a process, which first calls a function of a module. */
  protected abstract start(events: HostEvents, module: string): Promise<HostLine>;

  /** How many functions run at the same time. */
  get capacity(): number {
    return this.#size * this.#concurrency;
  }

  /** Calls a function, once there is room for it. */
  async run(job: ExecutorJob): Promise<DoneRecord> {
    const call = this.#next++;
    this.#tasks.set(job.task.name, job.task);
    const host = await this.#acquire(call, job);
    try {
      return await this.#call(host, call, job);
    } catch (error) {
      return failureRecord(error, job.started, Date.now());
    } finally {
      host.jobs.delete(call);
      if (host.retired && host.jobs.size === 0) await host.kill(ENDED);
      this.#release(host);
    }
  }

  /** Ends all threads or processes, those with functions that still run, too. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#hosts, (host) => this.#end(host)));
  }

  async #call(host: Host, call: number, job: ExecutorJob): Promise<DoneRecord> {
    let ending: JobError | undefined;
    let grace: ReturnType<typeof setTimeout> | undefined;
    const end = (reason: DOMException): void => {
      if (ending !== undefined) return;
      const { name, message } = reason;
      ending = new JobError(message, {
        class: name === "TimeoutError" ? "timeout" : "cancelled",
        cause: reason,
      });
      host.calls.call("abort", call, name, message).catch(() => {}); // it has ended
      grace = setTimeout(() => host.kill(BESIDE), GRACE);
    };
    const onAbort = (): void => end(job.signal.reason);
    if (job.signal.aborted) onAbort();
    else job.signal.addEventListener("abort", onAbort);
    const timeout = this.#timeout;
    const timer = timeout === undefined ? undefined : setTimeout(
      () => end(new DOMException(`The job ran longer than ${timeout} s`, "TimeoutError")),
      timeout * 1000,
    );
    const check = setInterval(async () => {
      if (!await host.calls.call("exhausted").catch(() => false)) return; // it has ended
      if (host.jobs.size === 1) {
        ending ??= new JobError("The function needs more memory than it may have", {
          class: "oom",
        });
      }
      await host.kill(BESIDE);
    }, CHECK);
    try {
      const { task: { name: task }, module, job: key, started } = job;
      const order = { call, module, main: mainModule(), task, job: key, started };
      const record = await host.calls.call("run", order);
      if (ending === undefined || record.success) return record;
      return failureRecord(ending, job.started, Date.now());
    } catch (error) {
      if (host.retired) await host.ended; // nothing of it runs any more
      throw ending ?? (host.jobs.size > 1 ? BESIDE : error);
    } finally {
      clearInterval(check);
      clearTimeout(grace);
      clearTimeout(timer);
      job.signal.removeEventListener("abort", onAbort);
    }
  }

  /** Finds room for a call, and takes it. */
  async #acquire(call: number, job: ExecutorJob): Promise<Host> {
    for (;;) {
      const free = [...this.#hosts].find((host) =>
        !host.retired && host.jobs.size < this.#concurrency
      );
      const host = free ?? (this.#hosts.size < this.#size ? this.#add(job.module) : undefined);
      if (host !== undefined) {
        clearTimeout(host.idle);
        host.jobs.set(call, job);
        host.count++;
        host.hold(true);
        return host;
      }
      const turn = Promise.withResolvers<void>();
      this.#queue.push(turn);
      await turn.promise;
    }
  }

  #add(module: string): Host {
    const host = new Host((events) => this.start(events, module), this.#tasks);
    this.#hosts.add(host);
    host.ended.then(() => {
      this.#hosts.delete(host);
      this.#queue.shift()?.resolve();
    });
    return host;
  }

  #release(host: Host): void {
    if (host.count >= this.#recycleAfter) host.retired = true;
    if (host.jobs.size === 0) {
      if (host.retired) void this.#end(host);
      else {
        host.hold(false);
        host.idle = setTimeout(() => this.#end(host), this.#idleTimeout * 1000);
        Deno.unrefTimer(host.idle);
      }
    }
    this.#queue.shift()?.resolve();
  }

  async #end(host: Host): Promise<void> {
    clearTimeout(host.idle);
    const idle = host.jobs.size === 0 && !host.retired;
    host.retired = true;
    if (idle) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const patience = new Promise((resolve) => timer = setTimeout(resolve, GRACE));
      await Promise.race([host.calls.call("close").catch(() => {}), patience]);
      clearTimeout(timer);
    }
    await host.kill(ENDED);
  }
}

/** Why a function ends with its thread or process when the executor is closed. */
const ENDED = new JobError("The executor was closed", { class: "cancelled" });

/** Why a function ends with its thread or process for what another one has done. */
const BESIDE = new JobError("A function beside it has ended their thread or process", {
  class: "infra",
});
