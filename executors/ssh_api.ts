/**
 * What a process manager needs of a connection to another machine.
 *
 * @module
 */

/** A program that runs on another machine. A `Deno.ChildProcess` of the program `ssh` with three pipes is one, too. */
export interface SshProcess {
  /** Its standard input. */
  readonly stdin: WritableStream<Uint8Array>;
  /** Its standard output, which ends with it, or when the connection is lost. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Its standard error, likewise. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves with the code that it ended with; rejects if that cannot be known, because the connection was lost. */
  readonly status: Promise<{ readonly code: number }>;
  /** Gives it up: its streams end. */
  kill(): void;
}

/** A connection to another machine. `sshClient` of `@datatask/datatask/ssh` makes one, which is made anew when it is lost. */
export interface SshClient {
  /**
   * Starts a program.
   *
   * @param command What the user's shell on the machine is to run.
   * @returns The program, which runs.
   * @throws {StoreError} If the machine is out of reach or refuses.
   */
  exec(command: string): Promise<SshProcess>;
  /** Names the machine in messages. */
  toString(): string;
}

/** A connection that has to be closed. */
export interface OpenSshClient extends SshClient, AsyncDisposable {
  /** Closes it, and gives up all programs that run over it. */
  end(): Promise<void>;
}
