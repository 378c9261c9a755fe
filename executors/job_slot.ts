/**
 * Shells that run one job at a time on this machine.
 *
 * @module
 */

import { NOTHING_LEFT } from "./job_wrapper.ts";
import { Notices } from "./notices.ts";
import { parseStat, type ProcessStat } from "./process_identity.ts";

/** A `/bin/sh` in a session of its own, which outlives this program while its job runs. */
export class JobSlot {
  /** Its process id. */
  readonly pid: number;
  /** When it was started, in clock ticks since the machine was. */
  readonly start: number;
  /** The process that has taken it over, as it does all that loses its parent here. */
  readonly parent: number;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #notices: Notices;
  readonly #encoder = new TextEncoder();

  private constructor(
    { pid, start, parent }: ProcessStat,
    child: Deno.ChildProcess,
    stdin: WritableStreamDefaultWriter<Uint8Array>,
    notices: Notices,
    onNotice: () => void,
  ) {
    this.pid = pid;
    this.start = start;
    this.parent = parent;
    this.#child = child;
    this.#stdin = stdin;
    this.#notices = notices;
    this.ended = notices.hear(onNotice).then(() => this.#closeStdin());
  }

  /**
   * Starts it.
   *
   * @param onNotice Called when it has written down the end of a job.
   * @returns The shell, when it is there; undefined if it has ended at once.
   */
  static async start(onNotice: () => void): Promise<JobSlot | undefined> {
    // It is no child of this program, which need not wait for it.
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", "exec 3<&0; setsid /bin/sh <&3 3<&- &"],
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const stdin = child.stdin.getWriter();
    stdin.closed.catch(() => {}); // told by the calls that fail
    const notices = new Notices(child.stdout);
    await stdin.write(new TextEncoder().encode("echo $$\n")).catch(() => {}); // nobody answers
    let line = "";
    for (let part; !line.endsWith("\n") && (part = await notices.next()) !== undefined;) {
      line += new TextDecoder().decode(part);
    }
    await child.status;
    const stat = parseStat(
      await Deno.readTextFile(`/proc/${Number(line)}/stat`).catch(() => ""),
    );
    if (stat !== undefined) return new JobSlot(stat, child, stdin, notices, onNotice);
    await stdin.close().catch(() => {}); // nobody reads it
    await notices.cancel();
  }

  /** Tells it to run lines, and resolves when they are sent. */
  async send(lines: string): Promise<void> {
    await this.#stdin.write(this.#encoder.encode(lines));
  }

  /** Keeps the program alive, or no longer. */
  keepAlive(alive: boolean): void {
    if (alive) this.#child.ref();
    else this.#child.unref();
  }

  /** Lets it end when its job has ended, which is not waited for; and what that leaves. */
  async close(): Promise<void> {
    await this.#closeStdin();
    await this.#notices.cancel();
    await this.ended;
  }

  /** Ends it, in whose session nothing is left. */
  async dismiss(): Promise<void> {
    await this.send(NOTHING_LEFT).catch(() => {}); // it has ended
    await this.close();
  }

  async #closeStdin(): Promise<void> {
    await this.#stdin.close().catch(() => {}); // it is closed, or broken
  }
}
