/**
 * What a process manager asks of another machine.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import type { Accessor } from "../lib/session.ts";
import type { KeptFolder } from "./job_folders.ts";
import { machineError } from "./machine_error.ts";
import { parseStat, type ProcessStat, type ProcessTable } from "./process_identity.ts";
import { FAILED_BIT, type MachineView } from "./process_manager.ts";
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

/** The name of a journal. */
const JOURNAL = /^\.journal-\d+$/;

/** How many bytes of a file come with one answer. */
const MAX_READ = 64 * 1024;

/** Options of an {@linkcode SshMachine}. */
export interface SshMachineOptions {
  /** The folder in which the folder of the application is; the usual one, if it is undefined. */
  readonly path: string | undefined;
  /** The name of the application. */
  readonly app: string;
  /** Seconds between TERM and KILL for what jobs leave behind. */
  readonly grace: number;
  /** The clock and timers. */
  readonly env: Env;
  /** Called when a job may have ended. */
  readonly onNotice: () => void;
  /** Called when the shell that holds the lock was lost. */
  readonly onLost: () => void;
}

/** A machine with the folder of an application. */
export class SshMachine extends SshHost {
  readonly #watcher: SshWatcher;

  /** Makes it; the machine is not touched. */
  constructor(ssh: Accessor<SshClient>, { path, app, ...options }: SshMachineOptions) {
    super(ssh, { ...options, findBase: findBase(path, app) });
    this.#watcher = new SshWatcher(this, options.onNotice);
  }

  /** Begins to hear of ends of which no shell of this program tells. */
  watch(): void {
    this.#watcher.begin();
  }

  /** Hears of them no more. */
  endWatch(): Promise<void> {
    return this.#watcher.end();
  }

  /** Gives the folder up, and hears of no ends any more. */
  override async unlock(): Promise<void> {
    await this.endWatch();
    await super.unlock();
  }

  /** Opens a file to read it: a small one in one round trip. */
  async readable(path: string): Promise<ReadableStream<Uint8Array>> {
    const start = await this.readAt(path, 0);
    if (start === undefined) {
      throw machineError(`read ${path} on ${this.client}`, "there is no such file");
    }
    if (start.length < MAX_READ) return ReadableStream.from([start]);
    const { readRemote } = await import("./ssh_files.ts");
    return ReadableStream.from(chain(start, await readRemote(this.client, path, MAX_READ)));
  }

  /** Reads some bytes of a file that may still grow; undefined if there is no such file. */
  readAt(path: string, offset: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.ask(`read ${path}`, ({ shell }) => this.#read(shell, path, offset, MAX_READ));
  }

  /** Opens a file to write it anew, for this user only. */
  async writable(path: string): Promise<WritableStream<Uint8Array>> {
    const { writeRemote } = await import("./ssh_files.ts");
    return await writeRemote(this.client, path);
  }

  /** Reads what the journals and the table of processes say: in one round trip, if the journals are known. */
  look(
    offsets: ReadonlyMap<string, number>,
    processes: readonly number[] | undefined,
  ): Promise<MachineView> {
    return this.ask("look at its jobs", async ({ shell, base }) => {
      const [table, journals] = await Promise.all([
        shell.ask(processTable(processes)),
        this.#readJournals(shell, base, offsets),
      ]);
      return { table: parseTable(table.output), journals };
    });
  }

  /** Appends lines to a journal. */
  async append(journal: string, lines: string): Promise<void> {
    let again = false;
    await this.run(`write to the journal ${journal}`, (base) => {
      const script = appendLines(`${base}/${journal}`, lines, again);
      again = true;
      return script;
    });
  }

  /** Lists the folders of jobs. */
  async listFolders(): Promise<ReadonlyMap<string, KeptFolder>> {
    const output = await this.run(
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

  /**
   * Hands lines to the shell that starts jobs, once: some of what is lost on the way may have been heard.
   *
   * @param lines The lines.
   * @param note Takes note of the shell, and of the leader of its session.
   */
  async startJobs(
    lines: string,
    note: (shell: RemoteShell, leader: Pick<ProcessStat, "pid" | "start">) => Promise<void>,
  ): Promise<void> {
    const shell = await this.ask("start jobs", async ({ shell, leader }) => {
      await note(shell, leader);
      if (!shell.isAlive) throw new RemoteShellEnded("");
      return shell;
    });
    await shell.tell(startJobs(lines));
  }

  /** Sends a signal to a process or a group; false if it is gone. */
  async signal(pid: number, signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    const doing = `end process ${Math.abs(pid)}`;
    const { code, output } = await this.ask(
      doing,
      ({ shell }) => shell.ask(`kill -s ${signal.slice(3)} -- ${pid} 2>&1`),
    );
    const complaint = new TextDecoder().decode(output).trim();
    if (!/not permitted/i.test(complaint)) return code === 0;
    throw machineError(`${doing} on ${this.client}`, complaint);
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
    throw machineError(`read ${path} on ${this.client}`, new TextDecoder().decode(output));
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
