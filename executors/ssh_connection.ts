/**
 * A connection that is made when it is needed, and made anew when it was lost.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { StoreError } from "../lib/errors.ts";
import type { OpenSshClient, SshProcess } from "./ssh_api.ts";
import { type LinkedProcess, SshChannelError, type SshLink, SshRefusal } from "./ssh_link.ts";

/** Milliseconds between two attempts to connect, or to open a channel: the first, and the longest. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 10_000;

/** Options of an {@linkcode SshConnection}. */
export interface SshConnectionOptions {
  /** How many programs may run over it at the same time. */
  readonly maxChannels: number;
  /** For how many milliseconds one that was lost is tried to be made again, before what waits for it fails. */
  readonly reconnectTimeout: number;
  /** The clock, timers and chance. */
  readonly env: Env;
}

/** One connection to a machine at a time, shared by all that is run there. */
export class SshConnection implements OpenSshClient {
  readonly #name: string;
  readonly #dial: () => Promise<SshLink>;
  readonly #options: SshConnectionOptions;
  #link: Promise<SshLink> | undefined;
  /** Whether it has been made before: then a failure is taken for one that goes away. */
  #wasMade = false;
  /** How often in turn it could not be made, or was lost before it was of any use. */
  #failures = 0;
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #closing = Promise.withResolvers<void>();
  #closed = false;

  /**
   * Makes it; nothing is connected.
   *
   * @param name Names the machine.
   * @param dial Connects.
   * @param options Its limits.
   */
  constructor(name: string, dial: () => Promise<SshLink>, options: SshConnectionOptions) {
    this.#name = name;
    this.#dial = dial;
    this.#options = options;
    this.#free = options.maxChannels;
  }

  /** Starts a program, once there are a connection and a channel for it. */
  async exec(command: string): Promise<SshProcess> {
    const { env, reconnectTimeout } = this.#options;
    const deadline = env.elapsed() + reconnectTimeout;
    if (this.#free === 0) await this.#turn();
    else this.#free--;
    let process: LinkedProcess;
    try {
      process = await this.#start(command, deadline);
    } catch (error) {
      this.#release();
      throw error;
    }
    process.closed.then(() => this.#release());
    return process;
  }

  /** Closes it. */
  async end(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    const link = await this.#link?.catch(() => undefined);
    await link?.close();
  }

  /** As {@linkcode end}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** The user, the host and the port. */
  toString(): string {
    return this.#name;
  }

  async #start(command: string, deadline: number): Promise<LinkedProcess> {
    for (let delay = FIRST_DELAY;; delay = Math.min(2 * delay, LONGEST_DELAY)) {
      const retrying = this.#wasMade;
      try {
        const link = await this.#before(deadline, this.#linked());
        const starting = link.exec(command);
        const process = await this.#before(deadline, starting).catch((error) => {
          starting.then((process) => process.kill(), () => {}); // if it starts after all
          throw error;
        });
        this.#failures = 0;
        return process;
      } catch (error) {
        if (error instanceof SshRefusal) throw error;
        if (this.#closed || !retrying || this.#options.env.elapsed() >= deadline) {
          throw this.#unreachable(error);
        }
        // A channel that was just closed still counts.
        await this.#pause(error instanceof SshChannelError ? delay : FIRST_DELAY);
      }
    }
  }

  #unreachable(error: unknown): StoreError {
    const happened = error instanceof Error ? error.message : String(error);
    return new StoreError(
      `Cannot reach ${this.#name}: ${happened}; see that the machine is up and lets this user in`,
      { cause: error },
    );
  }

  /** The connection; only one is made at a time. */
  #linked(): Promise<SshLink> {
    if (this.#closed) throw new Error("the client was closed");
    if (this.#link === undefined) {
      const link = this.#connect();
      this.#link = link;
      const forget = (): void => {
        if (this.#link === link) this.#link = undefined;
      };
      link.then(({ lost }) => lost.then(forget), forget);
    }
    return this.#link;
  }

  async #connect(): Promise<SshLink> {
    if (this.#failures > 0) {
      const delay = Math.min(FIRST_DELAY * 2 ** this.#failures, LONGEST_DELAY);
      await this.#pause(delay * (0.5 + this.#options.env.random() / 2));
    }
    if (this.#closed) throw new Error("the client was closed");
    this.#failures++; // until it is of use
    const link = await this.#dial();
    this.#wasMade = true;
    return link;
  }

  async #pause(delay: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#options.env.schedule(resolve, delay);
    await Promise.race([promise, this.#closing.promise]);
  }

  /** What a promise resolves with, unless it is too late. */
  async #before<T>(deadline: number, promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { env } = this.#options;
    using _timer = env.schedule(
      () => reject(new Error("it does not answer")),
      Math.max(0, deadline - env.elapsed()),
    );
    return await Promise.race([promise, late]);
  }

  async #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
