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
import { machineError } from "./machine_error.ts";
import { parseStat, type ProcessStat, type ProcessTable } from "./process_identity.ts";
import type { ProcessJob } from "./process_job.ts";
import {
  AbstractProcessManager,
  FAILED_BIT,
  type MachineView,
  type ProcessManagerOptions,
  type Uptime,
} from "./process_manager.ts";
import { shquote } from "./sh.ts";
import type { SshClient } from "./ssh_api.ts";
import { SshHost } from "./ssh_host.ts";
import {
  appendLines,
  findBase,
  NO_FILE,
  processTable,
  readFile,
  startJobs,
} from "./ssh_scripts.ts";
import { type RemoteShell, RemoteShellEnded } from "./ssh_shell.ts";
import { SshWatcher } from "./ssh_watcher.ts";

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

/** The name of a journal. */
const JOURNAL = /^\.journal-\d+$/;

/** Milliseconds between two attempts to end a job. */
const RETRY_DELAY = 1_000;

/** How many bytes of a file come with one answer. */
const MAX_READ = 64 * 1024;

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
  readonly #host: SshHost;
  readonly #watcher: SshWatcher;
  /** Where everything is kept, if that is known before the machine is reached. */
  readonly #base: string | undefined;
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
    this.#base = path?.startsWith("/") ? `${path}/${app}` : undefined;
    this.resources = options.resources ??
      new ResourceManager(
        Resources.parse(navigator.hardwareConcurrency, Deno.systemMemoryInfo().total),
      );
    this.#host = new SshHost(ssh, {
      findBase: findBase(path, app),
      grace: this.grace,
      env: this.env,
      onNotice: () => this.#refresh(),
      onLost: () => {
        if (!this.#isBusy) return;
        this.#watcher.begin(); // no shell tells any more of the ends of those jobs
        this.lookSoon();
      },
    });
    this.#watcher = new SshWatcher(this.#host, () => this.#refresh());
  }

  /**
   * The absolute path, on the machine, of the folder in which everything is kept.
   *
   * @throws {Error} If `remotePath` is not absolute, and the machine was not reached yet.
   */
  override get basedir(): string {
    const base = this.#base ?? this.#host.base;
    if (base !== undefined) return base;
    throw new Error(`Cannot tell the folder of ${this}: it was not reached yet; await open()`);
  }

  /** Its class, the machine and its folder there. */
  override toString(): string {
    return `<${this.constructor.name} ${this.#base ?? this.#host.base ?? this.#app}>`;
  }

  /** Makes a folder, which only this user can read, and those that lead to it. */
  override async mkdir(path: string): Promise<void> {
    await this.#host.run(`make the folder ${path}`, () => `mkdir -p -- ${shquote(path)} 2>&1`);
  }

  /** Removes a folder and what is in it; none is fine. */
  override async rmtree(path: string): Promise<void> {
    await this.#host.run(`remove ${path}`, () => `rm -rf -- ${shquote(path)} 2>&1`);
  }

  /** Opens a file to read it: a small one in one round trip. */
  override async readable(path: string): Promise<ReadableStream<Uint8Array>> {
    const start = await this.readAt(path, 0);
    if (start === undefined) {
      throw machineError(`read ${path} on ${this.#host.client}`, "there is no such file");
    }
    if (start.length < MAX_READ) return ReadableStream.from([start]);
    const { readRemote } = await import("./ssh_files.ts");
    return ReadableStream.from(chain(start, await readRemote(this.#host.client, path, MAX_READ)));
  }

  /** Reads some bytes of a file that may still grow; undefined if there is no such file. */
  override readAt(path: string, offset: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#host.ask(
      `read ${path}`,
      ({ shell }) => this.#read(shell, path, offset, MAX_READ),
    );
  }

  /** Opens a file to write it anew, for this user only. */
  override async writable(path: string): Promise<WritableStream<Uint8Array>> {
    const { writeRemote } = await import("./ssh_files.ts");
    return await writeRemote(this.#host.client, path);
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
    await this.#host.run(
      `make the folder ${folder}`,
      () => `{ [ ! -e ${path} ] || rm -rf -- ${path}; } 2>&1 && mkdir -p -- ${path}/cwd 2>&1`,
    );
  }

  /** Takes the folder for this program; refuses if another one that runs has it. */
  protected override lock(): Promise<void> {
    return this.#host.lock();
  }

  /** Gives the folder back. */
  protected override async unlock(): Promise<void> {
    await this.#watcher.end();
    await this.#host.unlock();
  }

  /** Reads what the journals and the table of processes say: in one round trip, if the journals are known. */
  protected override look(
    offsets: ReadonlyMap<string, number>,
    processes?: readonly number[],
  ): Promise<MachineView> {
    return this.#host.ask("look at its jobs", async ({ shell, base }) => {
      const [table, journals] = await Promise.all([
        shell.ask(processTable(processes)),
        this.#readJournals(shell, base, offsets),
      ]);
      return { table: parseTable(table.output), journals };
    });
  }

  /** Appends lines to a journal. */
  protected override async append(journal: string, lines: string): Promise<void> {
    let again = false;
    await this.#host.run(`write to the journal ${journal}`, (base) => {
      const script = appendLines(`${base}/${journal}`, lines, again);
      again = true;
      return script;
    });
  }

  /** Removes journals that are not needed any more. */
  protected override async removeJournals(journals: readonly string[]): Promise<void> {
    if (journals.length === 0) return;
    await this.#host.run(
      "remove old journals",
      (base) => `rm -f -- ${shquote(journals.map((name) => `${base}/${name}`))} 2>&1`,
    );
  }

  /** Sets the bit. */
  protected override async markFailed(folder: string): Promise<void> {
    await this.#host.run(`mark ${folder}`, () => `chmod +t -- ${shquote(folder)} 2>&1`);
  }

  /** Lists the folders of jobs. */
  protected override async listFolders(): Promise<ReadonlyMap<string, KeptFolder>> {
    const output = await this.#host.run(
      "list the folders of jobs",
      (base) =>
        `find ${shquote(base)} -mindepth 2 -maxdepth 2 -type d -exec stat -c '%Y %a %n' {} + 2>&1`,
    );
    return new Map(
      output.split("\n").filter(Boolean).map((line) => {
        const [, seconds, mode, path] = /^(\d+) ([0-7]+) (.*)$/.exec(line) ?? [];
        if (path === undefined) throw machineError("list the folders of jobs", line);
        const failed = (parseInt(mode!, 8) & FAILED_BIT) !== 0;
        return [path, { since: Number(seconds) * 1000, failed }];
      }),
    );
  }

  /** Which boot of the machine this is, and how long it has been up. */
  protected override async uptime(): Promise<Uptime> {
    const output = await this.#host.run(
      "learn when the machine was started",
      () => "cat /proc/sys/kernel/random/boot_id /proc/uptime 2>&1",
    );
    const [boot = "", uptime = ""] = output.split("\n");
    return { boot, uptime: Number(uptime.split(" ")[0]) * 1000 };
  }

  /** Hands lines to the shell that starts jobs, once: some of what is lost on the way may have been heard. */
  protected override async send(lines: string): Promise<void> {
    const shell = await this.#host.ask("start jobs", async ({ shell, leader }) => {
      if (this.#noted !== shell) {
        await this.noteShell(leader.pid, leader.start);
        this.#noted = shell;
      }
      if (!shell.isAlive) throw new RemoteShellEnded("");
      return shell;
    });
    await shell.tell(startJobs(lines));
  }

  /** Sends a signal to a process or a group; false if it is gone. */
  protected override async signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    const doing = `end process ${Math.abs(pid)}`;
    const { code, output } = await this.#host.ask(
      doing,
      ({ shell }) => shell.ask(`kill -s ${signal.slice(3)} -- ${pid} 2>&1`),
    );
    const complaint = new TextDecoder().decode(output).trim();
    if (!/not permitted/i.test(complaint)) return code === 0;
    throw machineError(`${doing} on ${this.#host.client}`, complaint);
  }

  /** From now on, a lost connection is made anew at once. */
  protected override onBusy(): void {
    this.#isBusy = true;
  }

  /** Begins to hear of ends of which no shell of this program tells. */
  protected override onAdopted(): void {
    this.#watcher.begin();
  }

  /** From now on, a connection is made when it is needed. */
  protected override onIdle(): void {
    this.#isBusy = false;
    this.#watcher.end();
  }

  #refresh(): void {
    this.refresh().catch((error) => warn(headline(error)));
  }

  async #readJournals(
    shell: RemoteShell,
    base: string,
    offsets: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    // Only who holds the lock begins journals: then all are known.
    const names = offsets.size > 0 ? [...offsets.keys()] : await journalsIn(shell, base);
    const read = await Promise.all(names.map(async (name) => {
      const bytes = await this.#read(shell, `${base}/${name}`, offsets.get(name) ?? 0);
      return bytes === undefined ? [] : [[name, bytes] as const];
    }));
    return new Map(read.flat());
  }

  async #read(
    shell: RemoteShell,
    path: string,
    offset: number,
    limit?: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { code, output } = await shell.ask(readFile(path, offset, limit));
    if (code === 0) return output;
    if (code === NO_FILE) return undefined;
    throw machineError(`read ${path} on ${this.#host.client}`, new TextDecoder().decode(output));
  }
}

async function* chain(
  start: Uint8Array,
  rest: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield start;
  yield* rest;
}

async function journalsIn(shell: RemoteShell, base: string): Promise<string[]> {
  const { output } = await shell.ask(`ls -A -- ${shquote(base)}`);
  return new TextDecoder().decode(output).split("\n").filter((name) => JOURNAL.test(name));
}

/** Reads the boot, and lines which begin with the file that they are of: the name of a program may hold newlines. */
function parseTable(output: Uint8Array): ProcessTable {
  const [boot = "", ...lines] = new TextDecoder().decode(output).split("\n");
  const files = new Map<string, string>();
  for (const line of lines) {
    const [, file, text] = /^(\/proc\/\d+\/stat):(.*)$/.exec(line) ?? [];
    if (file !== undefined) files.set(file, `${files.get(file) ?? ""}${text}\n`);
  }
  const processes = new Map<number, ProcessStat>();
  for (const text of files.values()) {
    const stat = parseStat(text);
    if (stat !== undefined) processes.set(stat.pid, stat);
  }
  return { boot, processes };
}
