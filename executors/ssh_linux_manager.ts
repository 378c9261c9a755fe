/**
 * Processes on another machine.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { ResourceManager } from "../lib/resource_manager.ts";
import { Resources } from "../lib/resources.ts";
import type { Accessor } from "../lib/session.ts";
import { warn } from "../lib/warnings.ts";
import type { KeptFolder } from "./job_folders.ts";
import type { ProcessJob } from "./process_job.ts";
import {
  AbstractProcessManager,
  type MachineView,
  type ProcessManagerOptions,
  type Uptime,
} from "./process_manager.ts";
import { shquote } from "./sh.ts";
import type { SshClient } from "./ssh_api.ts";
import type { SshMachine } from "./ssh_machine.ts";
import type { RemoteShell } from "./ssh_shell.ts";

/** Options of an {@linkcode SSHLinuxManager}. */
export interface SSHLinuxManagerOptions extends ProcessManagerOptions {
  /**
   * The folder on the machine in which the folder of the application is. A relative path begins in the user's home folder.
   *
   * @default {"$XDG_STATE_HOME/datatask"}
   */
  readonly remotePath?: string;
  /**
   * What the jobs of all tasks that use the manager may take together. The machine is not asked what it has: as much as
   * this machine has, if it is not given.
   */
  readonly resources?: ResourceManager;
}

/** A name for an application: one part of a path. */
const APP = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** Milliseconds between two attempts to end a job. */
const RETRY_DELAY = 1_000;

/**
 * Runs jobs as processes on another machine, which must be Linux with util-linux and a user who may log in; nothing is
 * installed there. Everything is kept there in `<remotePath>/<app>`, which only this user can read; the values of a task's
 * `stdin`, `stdout` and `stderr` are carried to and fro.
 *
 * A machine that is out of reach is not taken for one whose jobs have ended: they go on, and what has become of them is
 * learned when it is in reach again.
 *
 * @example Usage
 * ```ts ignore
 * import { FileRepository, InProcessMetadataRepository, Pipeline, ProcessTask, run, Session, SSHLinuxManager } from "@datatask/datatask";
 * import { sshClient } from "@datatask/datatask/ssh";
 *
 * const session = new Session();
 * const server = session.resource(() => sshClient({ host: "server.example.org" }));
 * const count = new ProcessTask("count", new InProcessMetadataRepository(), {
 *   template: "wc -w",
 *   manager: new SSHLinuxManager("count", server),
 *   stdin: new FileRepository("./books", ".txt"),
 *   stdout: new FileRepository("./counts"),
 * });
 * await run(new Pipeline([count], session));
 * ```
 */
export class SSHLinuxManager extends AbstractProcessManager {
  /** What its jobs may take together. */
  override readonly resources: ResourceManager;

  readonly #app: string;
  readonly #ssh: Accessor<SshClient>;
  readonly #path: string | undefined;
  /** Where everything is kept, if that is known before the machine is reached. */
  readonly #base: string | undefined;
  /** What asks the machine, once something is asked of it. */
  #loading: Promise<SshMachine> | undefined;
  #machine: SshMachine | undefined;
  #isBusy = false;
  /** The shell that is written down in the journal. */
  #noted: RemoteShell | undefined;

  /**
   * Makes a manager; the machine is not touched.
   *
   * @param app Names the folder: pipelines that may run at the same time need different names.
   * @param ssh A connection to the machine, or what gives it once the session is open.
   * @param options Where the folder is.
   * @throws {TypeError} If `app` or `remotePath` cannot be the name of a folder.
   */
  constructor(app: string, ssh: Accessor<SshClient>, options: SSHLinuxManagerOptions = {}) {
    super(options);
    if (!APP.test(app)) {
      throw new TypeError(
        `Cannot call an application ${JSON.stringify(app)}: use letters, digits, "_", "-" and "."`,
      );
    }
    const path = options.remotePath?.replace(/\/+$/, "");
    if (path !== undefined && /^$|[\n\0]/.test(path)) {
      throw new TypeError(`Cannot use the folder ${JSON.stringify(path)}: name one by its path`);
    }
    this.#app = app;
    this.#ssh = ssh;
    this.#path = path;
    this.#base = path?.startsWith("/") ? `${path}/${app}` : undefined;
    this.resources = options.resources ??
      new ResourceManager(
        Resources.parse(navigator.hardwareConcurrency, Deno.systemMemoryInfo().total),
      );
  }

  /**
   * The absolute path, on the machine, of the folder in which everything is kept.
   *
   * @throws {Error} If `remotePath` is not absolute, and the machine was not reached yet.
   */
  override get basedir(): string {
    const base = this.#base ?? this.#machine?.base;
    if (base !== undefined) return base;
    throw new Error(`Cannot tell the folder of ${this}: it was not reached yet; await open()`);
  }

  /** Its class, the machine and its folder there. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#base ?? this.#machine?.base ?? this.#app}>`;
  }

  /** Makes a folder, which only this user can read, and those that lead to it. */
  override async mkdir(path: string): Promise<void> {
    const machine = await this.#reach();
    await machine.run(`make the folder ${path}`, () => `mkdir -p -- ${shquote(path)} 2>&1`);
  }

  /** Removes a folder and what is in it; none is fine. */
  override async rmtree(path: string): Promise<void> {
    const machine = await this.#reach();
    await machine.run(`remove ${path}`, () => `rm -rf -- ${shquote(path)} 2>&1`);
  }

  /** Opens a file to read it: a small one in one round trip. */
  override async readable(path: string): Promise<ReadableStream<Uint8Array>> {
    return await (await this.#reach()).readable(path);
  }

  /** Reads some bytes of a file that may still grow; undefined if there is no such file. */
  override async readAt(
    path: string,
    offset: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await (await this.#reach()).readAt(path, offset);
  }

  /** Opens a file to write it anew, for this user only. */
  override async writable(path: string): Promise<WritableStream<Uint8Array>> {
    return await (await this.#reach()).writable(path);
  }

  /** Ends a job; one that runs too long also when the machine is out of reach for long, once it is in reach again. */
  override async kill(job: ProcessJob, failure: "timeout" | "cancelled"): Promise<void> {
    for (;;) {
      try {
        return await super.kill(job, failure);
      } catch (error) {
        if (failure !== "timeout" || !this.#isBusy || !(error instanceof StoreError)) throw error;
        warn(`"${job.job}" of task "${job.task}" is to be ended later: ${headline(error)}`);
        await this.pause(RETRY_DELAY, job.ended);
      }
    }
  }

  /** Makes a job's folder anew, in one round trip. */
  protected override async renew(folder: string): Promise<void> {
    const path = shquote(folder);
    const machine = await this.#reach();
    await machine.run(
      `make the folder ${folder}`,
      () => `{ [ ! -e ${path} ] || rm -rf -- ${path}; } 2>&1 && mkdir -p -- ${path}/cwd 2>&1`,
    );
  }

  /** Takes the folder for this program; refuses if another one that runs has it. */
  protected override async lock(): Promise<void> {
    await (await this.#reach()).lock();
  }

  /** Gives the folder back. */
  protected override async unlock(): Promise<void> {
    await (await this.#reach()).unlock();
  }

  /** Reads what the journals and the table of processes say: in one round trip, if the journals are known. */
  protected override async look(
    offsets: ReadonlyMap<string, number>,
    processes?: readonly number[],
  ): Promise<MachineView> {
    return await (await this.#reach()).look(offsets, processes);
  }

  /** Appends lines to a journal. */
  protected override async append(journal: string, lines: string): Promise<void> {
    await (await this.#reach()).append(journal, lines);
  }

  /** Removes journals that are not needed any more. */
  protected override async removeJournals(journals: readonly string[]): Promise<void> {
    if (journals.length === 0) return;
    const machine = await this.#reach();
    await machine.run(
      "remove old journals",
      (base) => `rm -f -- ${shquote(journals.map((name) => `${base}/${name}`))} 2>&1`,
    );
  }

  /** Sets the bit. */
  protected override async markFailed(folder: string): Promise<void> {
    const machine = await this.#reach();
    await machine.run(`mark ${folder}`, () => `chmod +t -- ${shquote(folder)} 2>&1`);
  }

  /** Lists the folders of jobs. */
  protected override async listFolders(): Promise<ReadonlyMap<string, KeptFolder>> {
    return await (await this.#reach()).listFolders();
  }

  /** Which boot of the machine this is, and how long it has been up. */
  protected override async uptime(): Promise<Uptime> {
    const machine = await this.#reach();
    const output = await machine.run(
      "learn when the machine was started",
      () => "cat /proc/sys/kernel/random/boot_id /proc/uptime 2>&1",
    );
    const [boot = "", uptime = ""] = output.split("\n");
    return { boot, uptime: Number(uptime.split(" ")[0]) * 1000 };
  }

  /** Hands lines to the shell that starts jobs, once: some of what is lost on the way may have been heard. */
  protected override async send(lines: string): Promise<void> {
    const machine = await this.#reach();
    await machine.startJobs(lines, async (shell, { pid, start }) => {
      if (this.#noted === shell) return;
      await this.noteShell(pid, start);
      this.#noted = shell;
    });
  }

  /** Sends a signal to a process or a group; false if it is gone. */
  protected override async signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    return await (await this.#reach()).signal(pid, signal);
  }

  /** From now on, a lost connection is made anew at once. */
  protected override onBusy(): void {
    this.#isBusy = true;
  }

  /** Begins to hear of ends of which no shell of this program tells. */
  protected override onAdopted(): void {
    this.#machine?.watch();
  }

  /** From now on, a connection is made when it is needed. */
  protected override onIdle(): void {
    this.#isBusy = false;
    this.#machine?.endWatch();
  }

  /** What asks the machine: nothing of it is loaded before. */
  #reach(): Promise<SshMachine> {
    this.#loading ??= import("./ssh_machine.ts").then(({ SshMachine }) =>
      this.#machine = new SshMachine(this.#ssh, {
        path: this.#path,
        app: this.#app,
        grace: this.grace,
        env: this.env,
        onNotice: () => {
          this.refresh().catch((error) => warn(headline(error)));
        },
        onLost: () => {
          if (!this.#isBusy) return;
          this.#machine?.watch(); // no shell tells any more of the ends of those jobs
          this.lookSoon();
        },
      })
    );
    return this.#loading;
  }
}
