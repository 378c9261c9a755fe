/**
 * A pool of threads or processes in which functions run.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { JobError } from "../lib/errors.ts";
import { failureRecord, headline } from "../lib/failure.ts";
import { mainModule } from "../lib/main_module.ts";
import type { Task } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import { type CallMessage, Calls } from "./calls.ts";
import type { Executor, ExecutorJob } from "./executor.ts";
import type { HostService, OwnerService } from "./function_host.ts";
import { MemoryServer } from "./memory_server.ts";
import { receiveError } from "./remote_error.ts";

/** Milliseconds that a function has to end when it should, before its thread or process is ended. */
const GRACE = 2_000;

/** Milliseconds in which a thread or process answers, unless it calculates. */
const PATIENCE = 1_000;

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
  /** Why calls fail that have brought an end upon it, or that it must end because of. */
  readonly blamed = new Map<number, JobError>();
  /** Whether it is to be ended by force, as soon as that harms no other function. */
  #doomed = false;
  /** The call that has ended it. */
  #culprit: number | undefined;
  /** How many functions ran in it when it ended. */
  #crowd = 0;
  #reason: JobError | undefined;
  readonly #line: Promise<HostLine>;

  constructor(start: (events: HostEvents) => Promise<HostLine>, tasks: ReadonlyMap<string, Task>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    const server = new MemoryServer(tasks);
    const service: OwnerService = {
      ...server.service,
      log: (call, text) => this.jobs.get(call)?.log(text),
      uncaught: (call, error) => this.#onUncaught(call, receiveError(error)),
      exits: (call, code) => this.#onExits(call, code),
    };
    const onEnd = (reason: JobError): void => {
      this.#break(reason);
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

  /** Ends it by force, and resolves when nothing of it runs any more. */
  async kill(reason: JobError): Promise<void> {
    this.#break(reason);
    this.hold(true); // until it has ended
    await this.#line.then((line) => line.kill(), () => {}); // what could not be started has ended
    await this.ended;
  }

  /**
   * Ends one call by force. What cannot be ended alone takes the others with it: not before they have ended, if they can.
   */
  async end(call: number, reason: JobError): Promise<void> {
    this.blamed.set(call, reason);
    this.#doomed = true;
    this.retired = true;
    if (this.#innocent() && await this.#responds()) return; // the last of the others ends it
    await this.kill(reason);
  }

  /** Takes in that a call has ended. */
  async leave(call: number): Promise<void> {
    this.jobs.delete(call);
    if (this.#doomed && !this.#innocent()) await this.kill(ENDED);
  }

  /** Whether it answers no more. */
  get isBroken(): boolean {
    return this.#reason !== undefined;
  }

  /** Why a call has failed, after which it is known that nothing of it runs. */
  failureOf(call: number): JobError | undefined {
    const blamed = this.blamed.get(call);
    if (blamed !== undefined) return blamed;
    if (this.#crowd <= 1 || this.#culprit === call) return this.#reason;
    return this.#reason && new JobError(
      `What another function did has ended the thread or process of this one: ${this.#reason.message}`,
      { class: "infra", cause: this.#reason },
    );
  }

  #break(reason: JobError): void {
    this.retired = true;
    if (this.#reason === undefined) {
      this.#reason = reason;
      this.#crowd = this.jobs.size;
    }
    this.calls.break(reason);
  }

  /** Whether functions run that have done nothing wrong. */
  #innocent(): boolean {
    return this.jobs.keys().some((call) => !this.blamed.has(call));
  }

  async #responds(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<boolean>((resolve) =>
      timer = setTimeout(resolve, PATIENCE, false)
    );
    const answer = this.calls.call("exhausted").then((exhausted) => !exhausted, () => false);
    const responds = await Promise.race([answer, patience]);
    clearTimeout(timer);
    return responds;
  }

  #onUncaught(call: number | undefined, cause: Error): void {
    if (call !== undefined && this.jobs.has(call)) {
      void this.end(
        call,
        new JobError(`Nobody caught what the function has thrown: ${headline(cause)}`, {
          class: "user",
          cause,
        }),
      );
    } else {
      warn(`What a function has left behind threw what nobody caught: ${headline(cause)}`);
    }
  }

  #onExits(call: number | undefined, code: number): void {
    this.#culprit = call;
    if (call !== undefined) return;
    for (const waiting of this.jobs.keys()) {
      this.blamed.set(
        waiting,
        new JobError(
          `Cannot call the function: its module has ended the program, with code ${code}, where it was imported; ` +
            "let it do so only if import.meta.main is true",
          { class: "config" },
        ),
      );
    }
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
      await host.leave(call);
      this.#release(host);
    }
  }

  /** Ends the threads or processes that have nothing to do, and the others when their functions have ended. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#hosts, (host) => {
      if (host.jobs.size === 0) return this.#end(host);
      host.retired = true;
    }));
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
      grace = setTimeout((reason) => void host.end(call, reason), GRACE, ending);
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
      if (await host.calls.call("exhausted").catch(() => false)) {
        void host.kill(
          new JobError("The function needs more memory than it may have", { class: "oom" }),
        );
      }
    }, CHECK);
    try {
      const { task: { name: task }, module, job: key, started } = job;
      const order = { call, module, main: mainModule(), task, job: key, started };
      const record = await host.calls.call("run", order);
      const failure = host.blamed.get(call) ?? ending;
      if (failure === undefined || record.success) return record;
      return failureRecord(failure, job.started, Date.now());
    } catch (error) {
      if (!host.retired) throw error;
      await host.ended; // nothing of it runs any more
      throw ending ?? host.failureOf(call) ?? error;
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
    host.retired = true;
    if (!host.isBroken) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const patience = new Promise((resolve) => timer = setTimeout(resolve, GRACE));
      await Promise.race([host.calls.call("close").catch(() => {}), patience]);
      clearTimeout(timer);
    }
    await host.kill(ENDED);
  }
}

/** Why a thread or process ends that is not needed any more. */
const ENDED = new JobError("The executor was closed", { class: "cancelled" });
