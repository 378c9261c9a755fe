/**
 * The shell of a process manager on another machine, which is started anew when it or the connection is lost.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { InUseError, StoreError } from "../lib/errors.ts";
import { access, type Accessor } from "../lib/session.ts";
import { prologue } from "./job_wrapper.ts";
import { machineError } from "./machine_error.ts";
import { parseStat, type ProcessStat } from "./process_identity.ts";
import { shquote } from "./sh.ts";
import type { SshClient } from "./ssh_api.ts";
import { introduction, lockedShell, PRELUDE, REFUSALS } from "./ssh_scripts.ts";
import { RemoteShell, RemoteShellEnded } from "./ssh_shell.ts";

/** How often something is asked again because the shell or the connection was lost before the answer. */
const MAX_ASKS = 5;

/** Milliseconds between two signs that this program is there; without them another one may take its folder. */
const SIGN_INTERVAL = 30_000;

/** For how many milliseconds a shell that holds no lock is kept. */
const IDLE_TIME = 1_000;

/** A shell, and who it is. */
export interface HostShell {
  readonly shell: RemoteShell;
  /** The folder in which everything is kept. */
  readonly base: string;
  /** The leader of its session, by which what it has forked is known. */
  readonly leader: Pick<ProcessStat, "pid" | "start">;
}

/** Options of an {@linkcode SshHost}. */
export interface SshHostOptions {
  /** What sets `base` there. */
  readonly findBase: string;
  /** Seconds between TERM and KILL for what jobs leave behind. */
  readonly grace: number;
  /** The clock and timers. */
  readonly env: Env;
  /** Called when a job may have ended. */
  readonly onNotice: () => void;
  /** Called when the shell that holds the lock was lost. */
  readonly onLost: () => void;
}

/** A machine on which one shell at a time does what is asked. */
export class SshHost {
  readonly #ssh: Accessor<SshClient>;
  readonly #options: SshHostOptions;
  /** Names this program's use of the folder, over whichever connection. */
  readonly #program: string = crypto.randomUUID();
  #shell: Promise<HostShell> | undefined;
  #base: string | undefined;
  #isLocked = false;
  /** How many questions are not answered. */
  #asking = 0;
  /** For when nothing is asked any more, or for a sign. */
  #timer: Disposable | undefined;

  /** Makes it; the machine is not touched. */
  constructor(ssh: Accessor<SshClient>, options: SshHostOptions) {
    this.#ssh = ssh;
    this.#options = options;
  }

  /** The connection. */
  get client(): SshClient {
    return access(this.#ssh);
  }

  /** The folder in which everything is kept; undefined if the machine was not reached yet. */
  get base(): string | undefined {
    return this.#base;
  }

  /** Takes the folder, until {@linkcode unlock}. */
  async lock(): Promise<void> {
    await this.#leave();
    this.#isLocked = true;
    await this.ask("take the folder", () => Promise.resolve());
    this.#signLater();
  }

  /** Gives the folder up. */
  async unlock(): Promise<void> {
    this.#isLocked = false;
    await this.#leave();
  }

  /**
   * Does something with the shell; again with another one, if it or the connection ends meanwhile.
   *
   * @param doing What is done, as it goes on from "Cannot".
   * @param action Does it.
   * @returns What comes of it.
   * @throws {StoreError} If the machine is out of reach, the folder is another program's, or no shell lasts.
   */
  async ask<T>(doing: string, action: (shell: HostShell) => Promise<T>): Promise<T> {
    this.#asking++;
    try {
      for (let asked = 1;; asked++) {
        try {
          return await action(await this.#current());
        } catch (error) {
          if (!(error instanceof RemoteShellEnded)) throw error;
          if (asked === MAX_ASKS) throw machineError(`${doing} on ${this.client}`, error);
        }
      }
    } finally {
      this.#asking--;
      if (!this.#isLocked) this.#leaveLater();
    }
  }

  /** Runs a script, and gives what it writes. */
  async run(doing: string, script: (base: string) => string): Promise<string> {
    const { code, output } = await this.ask(doing, ({ shell, base }) => shell.ask(script(base)));
    const text = new TextDecoder().decode(output);
    if (code === 0) return text;
    throw machineError(`${doing} on ${this.client}`, text.trim() || `code ${code}`);
  }

  #current(): Promise<HostShell> {
    if (this.#shell === undefined) {
      const shell = this.#isLocked ? this.#startLocked() : this.#start("exec /bin/sh", PRELUDE);
      this.#shell = shell;
      const onEnd = (): void => {
        if (this.#shell !== shell) return;
        this.#shell = undefined;
        if (this.#isLocked) this.#options.onLost();
        else this.#cancelTimer();
      };
      shell.then(({ shell }) => shell.ended.then(onEnd), () => {
        if (this.#shell === shell) this.#shell = undefined;
      });
    }
    return this.#shell;
  }

  async #start(line: string, lines: string): Promise<HostShell> {
    const { findBase, onNotice } = this.#options;
    const shell = await RemoteShell.start(this.client, line, onNotice);
    try {
      shell.tell(lines).catch(() => {}); // its end tells more
      const { output } = await shell.ask(introduction(findBase));
      const [base = "", own = "", session = ""] = new TextDecoder().decode(output).split("\n");
      const leader = parseStat(session) ?? parseStat(own);
      if (leader === undefined) {
        throw new StoreError(
          `Cannot run jobs on ${this.client}: it has no /proc as Linux has; choose another machine`,
        );
      }
      this.#base = base;
      return { shell, base, leader: { pid: leader.pid, start: leader.start } };
    } catch (error) {
      shell.kill();
      throw error;
    }
  }

  async #startLocked(): Promise<HostShell> {
    const { findBase, grace } = this.#options;
    let started: HostShell;
    try {
      started = await this.#start(
        lockedShell(findBase, this.#program),
        PRELUDE + prologue(grace),
      );
    } catch (error) {
      if (!(error instanceof RemoteShellEnded) || error.output.trim() === "") throw error;
      throw this.#refusal(error.output.trim().split("\n").at(-1)!);
    }
    const { shell, base } = started;
    const who = `process ${Deno.pid} of ${Deno.hostname()}`;
    await shell.ask(
      `read -r stat < /proc/self/stat\nset -- $stat\nprintf '%s\\n' "${this.#program} $$ \${22} "${
        shquote(who)
      } > ${shquote(`${base}/.lock`)}`,
    );
    return started;
  }

  #refusal(reason: string): StoreError {
    const owner = /^held (.*)$/.exec(reason)?.[1];
    if (owner !== undefined) {
      return new InUseError(
        `Cannot start jobs on ${this.client}: ${
          owner || "another program"
        } does so in the same folder; wait until it has ended, or give the manager another name`,
      );
    }
    const known = REFUSALS.get(reason);
    if (known === undefined) return machineError(`use the folder on ${this.client}`, reason);
    return new StoreError(`Cannot use the folder on ${this.client}: ${known}`);
  }

  async #leave(): Promise<void> {
    this.#cancelTimer();
    const shell = this.#shell;
    this.#shell = undefined;
    await shell?.then(({ shell }) => shell.close(), () => {});
  }

  #leaveLater(): void {
    if (this.#asking > 0 || this.#shell === undefined) return;
    this.#cancelTimer();
    this.#timer = this.#options.env.schedule(() => {
      if (this.#asking === 0 && !this.#isLocked) this.#leave();
    }, IDLE_TIME);
  }

  #cancelTimer(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #signLater(): void {
    this.#timer = this.#options.env.schedule(async () => {
      await this.#shell?.then(({ shell, base }) => shell.ask(`: >> ${shquote(`${base}/.lock`)}`))
        .catch(() => {}); // who needs the machine is told
      if (this.#isLocked) this.#signLater();
    }, SIGN_INTERVAL);
  }
}
