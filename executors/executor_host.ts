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
  /** It has used up the memory that it may take. */
  onExhausted(): void;
  /** It has ended. */
  onEnd(reason: JobError): void;
}

/** What a call is said to have done. */
interface Blame {
  readonly reason: JobError;
  /** Whether it is known that it was this call. */
  readonly isCertain: boolean;
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
  #resting: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #holds: boolean | undefined;
  /** Whether it is to be ended by force, as soon as that harms no other function. */
  #doomed = false;
  /** The calls that have brought an end upon it, or that it must end because of. */
  readonly #blamed = new Map<number, Blame>();
  /** The call that has ended it, if that is known: it may have returned before. */
  #culprit: number | undefined;
  /** Whether that was running when it ended. */
  #caught = false;
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
      exits: (call, code, importing) => this.#onExits(call, code, importing),
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
      onExhausted: () => void this.kill(EXHAUSTED),
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
   *
   * @param call The call.
   * @param reason Why.
   * @param isCertain Whether it is known that the call itself is to blame.
   */
  async end(call: number, reason: JobError, isCertain: boolean): Promise<void> {
    this.#blamed.set(call, { reason, isCertain });
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

  /** Why a call fails that has been told to be to blame for something. */
  blameOf(call: number): JobError | undefined {
    return this.#blamed.get(call)?.reason;
  }

  /**
   * Whether a call that has failed, and of which nothing runs any more, may have done so for what an earlier one has left
   * behind: a timer, say, that has ended the thread or process, or calculates for ever.
   */
  isDoubtful(call: number): boolean {
    const blame = this.#blamed.get(call);
    if (blame !== undefined) return !blame.isCertain && this.count > 1;
    // What an earlier one has left may also be what has used up the memory, just when this one ended it.
    if (this.#culprit === undefined || this.#reason === EXHAUSTED) return this.count > 1;
    return this.#culprit !== call && !this.#caught;
  }

  /** Why a call has failed, after which it is known that nothing of it runs. */
  failureOf(call: number): JobError | undefined {
    const blamed = this.blameOf(call);
    if (blamed !== undefined) return blamed;
    if (this.#culprit === call || (this.#culprit === undefined && this.count <= 1)) {
      return this.#reason;
    }
    return this.#reason && new JobError(
      `What another function did has ended the thread or process of this one: ${this.#reason.message}`,
      { class: "infra", cause: this.#reason },
    );
  }

  #break(reason: JobError): void {
    this.retired = true;
    if (this.#reason === undefined) {
      this.#reason = reason;
      this.#caught = this.#culprit !== undefined && this.jobs.has(this.#culprit);
    }
    this.calls.break(reason);
  }

  /** Whether functions run that have done nothing wrong. */
  #innocent(): boolean {
    return this.jobs.keys().some((call) => !this.#blamed.has(call));
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
        true,
      );
    } else {
      warn(`What a function has left behind threw what nobody caught: ${headline(cause)}`);
    }
  }

  #onExits(call: number | undefined, code: number, importing: boolean): void {
    this.#culprit ??= call;
    if (call !== undefined || !importing) return;
    const reason = new JobError(
      `Cannot call the function: its module has ended the program, with code ${code}, where it was imported; ` +
        "let it do so only if import.meta.main is true",
      { class: "config" },
    );
    for (const waiting of this.jobs.keys()) this.#blamed.set(waiting, { reason, isCertain: true });
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
