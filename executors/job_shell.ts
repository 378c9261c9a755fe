/**
 * The shell that starts jobs on this machine.
 *
 * @module
 */

import { Notices } from "./notices.ts";

/** A `/bin/sh` that reads what to do from this program, in a session of its own, where no Ctrl-C reaches it. */
export class JobShell {
  /** Its process id. */
  readonly pid: number;
  /** Resolves when it has ended. Wrappers that it has started are still heard of. */
  readonly ended: Promise<void>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #notices: Notices;
  readonly #listening: Promise<void>;
  readonly #encoder = new TextEncoder();

  /**
   * Starts it.
   *
   * @param onNotice Called when a wrapper has written down the end of its job.
   */
  constructor(onNotice: () => void) {
    this.#child = new Deno.Command("/bin/sh", {
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      detached: true,
    }).spawn();
    this.pid = this.#child.pid;
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // told by the calls that fail
    this.#notices = new Notices(this.#child.stdout);
    this.#listening = this.#notices.hear(onNotice);
    this.ended = this.#child.status.then(() => this.#closeStdin());
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

  /** Lets it end when it has done what it was told. Its jobs, and their wrappers, go on. */
  async close(): Promise<void> {
    this.keepAlive(true);
    await this.#closeStdin();
    await this.ended;
    await this.#notices.cancel();
    await this.#listening;
  }

  async #closeStdin(): Promise<void> {
    await this.#stdin.close().catch(() => {}); // it is closed, or broken
  }
}
