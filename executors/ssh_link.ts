/**
 * One connection of ssh2, until it is lost.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { SshProcess } from "./ssh_api.ts";

/** What is used of a readable stream of Node. */
interface NodeReadable {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** What is used of a channel of ssh2. */
interface Ssh2Channel extends NodeReadable {
  readonly stderr: NodeReadable;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  on(event: "exit", listener: (code: number | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): unknown;
  end(): unknown;
  close(): unknown;
}

/** What is used of a client of ssh2. */
export interface Ssh2Client {
  on(event: "ready" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  connect(config: Readonly<Record<string, unknown>>): unknown;
  setNoDelay(noDelay: boolean): unknown;
  exec(
    command: string,
    callback: (error: Error | undefined, channel: Ssh2Channel) => void,
  ): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** The code of a process that was ended by a signal. */
const KILLED = 255;

/** How many bytes are kept for a reader that has not asked for them. */
const HIGH_WATER = 256 * 1024;

/** That the machine, or this program, refuses for a reason that does not go away by itself. */
export class SshRefusal extends StoreError {}

/** That a machine has no more channels for now. */
export class SshChannelError extends Error {}

/** A connection of ssh2 that is made, and is of no use any more when it is lost. */
export class SshLink {
  /** Resolves when it is lost. */
  readonly lost: Promise<void>;
  readonly #client: Ssh2Client;
  #isLost = false;

  private constructor(client: Ssh2Client, lost: Promise<void>) {
    this.#client = client;
    this.lost = lost;
    lost.then(() => this.#isLost = true);
  }

  /**
   * Connects.
   *
   * @param client A client that is not connected.
   * @param config What it is to connect to.
   * @returns The connection.
   * @throws {Error} What happened instead.
   */
  static async connect(
    client: Ssh2Client,
    config: Readonly<Record<string, unknown>>,
  ): Promise<SshLink> {
    const ready = Promise.withResolvers<void>();
    const lost = Promise.withResolvers<void>();
    client.on("ready", ready.resolve);
    client.on("error", (error) => {
      if ("level" in error && error.level === "agent") return; // what comes behind the agent is tried
      ready.reject(error);
      client.destroy();
    });
    client.on("close", () => {
      ready.reject(new Error("the connection was closed"));
      lost.resolve();
    });
    client.connect(config);
    await ready.promise;
    client.setNoDelay(true);
    return new SshLink(client, lost.promise);
  }

  /**
   * Starts a program.
   *
   * @param command What is to be run.
   * @returns The program.
   * @throws {SshChannelError} If there are too many channels.
   * @throws {Error} If the connection is lost, or the machine does not want to.
   */
  async exec(command: string): Promise<LinkedProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<LinkedProcess>();
    this.#client.exec(command, (error, channel) => {
      if (error === undefined) resolve(new LinkedProcess(channel));
      else if ("reason" in error) reject(new SshChannelError(error.message, { cause: error }));
      else reject(error);
    });
    return await promise;
  }

  /** Ends it, and resolves when that is done. */
  async close(): Promise<void> {
    if (!this.#isLost) this.#client.end();
    await this.lost;
  }
}

/** A program that was started over a connection. */
export class LinkedProcess implements SshProcess {
  /** Its standard input. */
  readonly stdin: WritableStream<Uint8Array>;
  /** Its standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Its standard error. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Its code. */
  readonly status: Promise<{ readonly code: number }>;
  /** Resolves when its channel is closed. */
  readonly closed: Promise<void>;
  readonly #channel: Ssh2Channel;
  readonly #outputs: readonly [Output, Output];

  /** Takes over a channel that was just opened. */
  constructor(channel: Ssh2Channel) {
    this.#channel = channel;
    const status = Promise.withResolvers<{ readonly code: number }>();
    const closed = Promise.withResolvers<void>();
    channel.on("exit", (code) => status.resolve({ code: code ?? KILLED }));
    channel.on("error", () => {}); // a write that fails is told by its callback
    channel.on("close", () => {
      status.reject(new StoreError("Cannot learn how it ended: the connection was lost"));
      closed.resolve();
    });
    status.promise.catch(() => {}); // nobody need ask
    this.status = status.promise;
    this.closed = closed.promise;
    this.#outputs = [new Output(channel), new Output(channel.stderr)];
    this.stdout = this.#outputs[0].stream;
    this.stderr = this.#outputs[1].stream;
    this.stdin = writableOf(channel, closed.promise);
  }

  /** Closes its channel. */
  kill(): void {
    this.#channel.close();
    for (const output of this.#outputs) output.end();
  }
}

/** What a program writes. */
class Output {
  /** What comes of it. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #source: NodeReadable;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(source: NodeReadable) {
    this.#source = source;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => void source.resume(),
      cancel: () => {
        this.#controller = undefined;
        source.resume();
      },
    }, { highWaterMark: HIGH_WATER, size: ({ length }) => length });
    source.on("data", (chunk) => {
      if (this.#controller === undefined) return;
      this.#controller.enqueue(chunk);
      if (this.#controller.desiredSize! <= 0) source.pause();
    });
    source.on("end", () => this.end());
  }

  /** Ends the stream. What still comes is thrown away: a channel is not closed before all has come. */
  end(): void {
    this.#controller?.close();
    this.#controller = undefined;
    this.#source.resume();
  }
}

function writableOf(channel: Ssh2Channel, closed: Promise<void>): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(chunk) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      closed.then(() => reject(new StoreError("Cannot send: the connection was lost")));
      channel.write(chunk, (error) => error ? reject(error) : resolve());
      await promise;
    },
    close() {
      channel.end();
    },
    abort() {
      channel.close();
    },
  });
}
