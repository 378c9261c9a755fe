/**
 * A thread or process in which functions run, as the pool has it that has started it.
 *
 * @module
 */

import { JobError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import type { Task } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import { type CallMessage, Calls } from "./calls.ts";
import type { ExecutorJob } from "./executor.ts";
import type { HostService, OwnerService } from "./function_host.ts";
import { MemoryServer } from "./memory_server.ts";
import { receiveError } from "./remote_error.ts";

/** Milliseconds in which a thread or process answers, unless it calculates. */
const PATIENCE = 1_000;

/** Milliseconds that a thread or process waits for the next call before it counts as idle. */
const REST = 50;

/** Why a thread or process ends that is not needed any more. */
export const UNNEEDED: JobError = new JobError("The executor was closed", { class: "cancelled" });

/** Why one ends whose memory is used up. */
const EXHAUSTED = new JobError("The function needs more memory than it may have", {
  class: "oom",
});

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

/** A thread or process of a pool, and who is to blame when it ends. */
export class ExecutorHost {
  readonly calls: Calls<HostService>;
  readonly jobs = new Map<number, ExecutorJob>();
  readonly ended: Promise<void>;
  /** How many functions it was given. */
  count = 0;
  /** Whether it gets no more. */
  retired = false;
  /** Why calls fail that have brought an end upon it, or that it must end because of. */
  readonly blamed = new Map<number, JobError>();
  #resting: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #holds: boolean | undefined;
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
      exhausted: () => void this.kill(EXHAUSTED),
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

  /** Takes in a call. */
  enter(call: number, job: ExecutorJob): void {
    this.jobs.set(call, job);
    this.count++;
    this.#hold(true);
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  /**
   * Takes in that there is nothing to do. The next call mostly comes at once, and then nothing has to be done for this.
   *
   * @param timeout Milliseconds after which it is not needed any more.
   * @param end Called then. This process may end earlier.
   */
  rest(timeout: number, end: () => void): void {
    this.#resting ??= setTimeout(() => {
      this.#resting = undefined;
      if (this.jobs.size > 0 || this.retired) return;
      this.#hold(false);
      this.#idle = setTimeout(end, timeout);
      Deno.unrefTimer(this.#idle);
    }, Math.min(REST, timeout));
  }

  /** Ends it by force, and resolves when nothing of it runs any more. */
  async kill(reason: JobError): Promise<void> {
    this.#break(reason);
    clearTimeout(this.#resting);
    clearTimeout(this.#idle);
    this.#hold(true); // until it has ended
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
    if (this.#doomed && !this.#innocent()) await this.kill(UNNEEDED);
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
    const answer = this.calls.call("ping").then(() => true, () => false);
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

  /** Keeps this process from ending, or not. */
  #hold(holds: boolean): void {
    if (this.#holds === holds) return;
    this.#holds = holds;
    this.#use((line) => line.hold(holds));
  }

  #use(act: (line: HostLine) => void): void {
    this.#line.then(act).catch(() => {}); // whoever waits for it is told that it has ended
  }
}
