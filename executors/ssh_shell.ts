/**
 * Shells on other machines.
 *
 * @module
 */

import type { SshClient, SshProcess } from "./ssh_api.ts";
import type { AnswerBuffer, RemoteAnswer } from "./ssh_answers.ts";

/** The user's own shell, of whatever kind it is, need only understand this: a line is read from standard input and run. */
const COMMAND = `exec /bin/sh -c 'IFS= read -r line; eval "$line"'`;

/**
 * Starts a program by a line of shell script, which is not told to the user's own shell: that may be of any kind.
 *
 * @param client The machine.
 * @param line The line.
 * @returns The program. Its standard input is what follows.
 * @throws {StoreError} If the machine is out of reach.
 */
export async function startRemote(client: SshClient, line: string): Promise<SshProcess> {
  const process = await client.exec(COMMAND);
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${line}\n`));
  writer.releaseLock();
  return process;
}

/**
 * Gives a program up. One that has ended is fine.
 *
 * @param process The program.
 */
export function giveUp(process: SshProcess): void {
  try {
    process.kill();
  } catch {
    // It has ended.
  }
}

/** That a shell has ended before it has answered. */
export class RemoteShellEnded extends Error {
  /** What it has written last. */
  readonly output: string;

  /** Makes the error. */
  constructor(output: string) {
    super("the shell there has ended");
    this.output = output;
  }
}

/** A `/bin/sh` on another machine, which is asked one thing after the other, without waiting for the answers between. */
export class RemoteShell {
  /** Resolves when it has ended, or the connection to it. */
  readonly ended: Promise<void>;
  readonly #process: SshProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  /** What no script writes by chance: an answer ends behind it. */
  readonly #mark: string;
  readonly #asked: PromiseWithResolvers<RemoteAnswer>[] = [];
  readonly #received: AnswerBuffer;
  #isAlive = true;
  #hasAnswered = false;

  private constructor(
    process: SshProcess,
    { mark, received }: { readonly mark: string; readonly received: AnswerBuffer },
    onNotice: () => void,
  ) {
    this.#process = process;
    this.#mark = mark;
    this.#received = received;
    this.#stdin = process.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // told by what is asked
    this.ended = this.#listen(onNotice);
  }

  /**
   * Starts one.
   *
   * @param client The machine.
   * @param line What starts a shell, which reads from the same standard input.
   * @param onNotice Called when something is written to standard error.
   * @returns The shell.
   * @throws {StoreError} If the machine is out of reach.
   */
  static async start(
    client: SshClient,
    line: string,
    onNotice: () => void,
  ): Promise<RemoteShell> {
    const { AnswerBuffer } = await import("./ssh_answers.ts"); // with slow parts of the platform
    const mark = crypto.randomUUID();
    const process = await client.exec(COMMAND);
    const shell = new RemoteShell(
      process,
      { mark, received: new AnswerBuffer(`\n${mark}=`) },
      onNotice,
    );
    shell.tell(`${line}\n`).catch(() => giveUp(process));
    return shell;
  }

  /** Whether it has not ended, as far as is known. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * Runs a script, behind those before. One that is cut off by a lost connection does nothing.
   *
   * @param script The script. It has no standard input.
   * @returns What it has written, once it has ended.
   * @throws {RemoteShellEnded} If the shell, or the connection to it, has ended before.
   */
  async ask(script: string): Promise<RemoteAnswer> {
    if (!this.#isAlive) throw new RemoteShellEnded("");
    const answer = Promise.withResolvers<RemoteAnswer>();
    this.#asked.push(answer);
    this.tell(`{\n${script}\n} < /dev/null\nprintf '\\n%s=%s\\n' ${this.#mark} "$?"\n`)
      .catch(() => giveUp(this.#process));
    return await answer.promise;
  }

  /** Has it run lines, behind those before; resolves when they are sent. */
  async tell(lines: string): Promise<void> {
    await this.#stdin.write(this.#encoder.encode(lines));
  }

  /** Lets it end when it has done what it was told, and waits for that. */
  async close(): Promise<void> {
    await this.#stdin.close().catch(() => {}); // it is closed, or broken
    await this.#process.status.catch(() => {}); // likewise
    giveUp(this.#process);
    await this.ended;
  }

  /** Gives it up. */
  kill(): void {
    giveUp(this.#process);
  }

  async #listen(onNotice: () => void): Promise<void> {
    const notices = (async () => {
      for await (const _chunk of this.#process.stderr) onNotice();
    })().catch(() => {}); // it breaks with standard output
    this.#process.status.catch(() => {}).then(() => { // what it has started may hold its output open
      if (this.#hasAnswered) giveUp(this.#process);
    });
    try {
      for await (const chunk of this.#process.stdout) {
        for (const answer of this.#received.add(chunk)) {
          this.#hasAnswered = true;
          this.#asked.shift()?.resolve(answer);
        }
      }
    } catch {
      // As its end.
    }
    this.#isAlive = false;
    const error = new RemoteShellEnded(this.#received.rest);
    for (const answer of this.#asked.splice(0)) answer.reject(error);
    giveUp(this.#process);
    await notices;
  }
}
