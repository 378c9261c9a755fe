/**
 * Asking other programs about the jobs of a task that they run.
 *
 * @module
 */

import type { Task } from "../lib/task.ts";
import { warn } from "../lib/warnings.ts";
import type { LiveJobInfo } from "./executor_live_repo.ts";
import { livePlace, type LiveQuestion } from "./live_socket.ts";

/** Milliseconds in which a program says what it runs, unless it calculates or is stopped. */
const PATIENCE = 2_000;

/** An answer: a line, and what comes behind it. */
interface Answer {
  readonly line: string;
  readonly rest: ReadableStream<Uint8Array>;
}

/** The other programs that run jobs of a task. */
export class OtherPrograms {
  readonly #task: Task;
  readonly #own: () => string | undefined;

  /**
   * Makes it; nobody is asked yet.
   *
   * @param task The task.
   * @param own The name of this program's own socket, if it has one.
   */
  constructor(task: Task, own: () => string | undefined) {
    this.#task = task;
    this.#own = own;
  }

  /** The jobs that they run. */
  async list(): Promise<Map<string, LiveJobInfo>> {
    const lists = await Promise.all(this.#sockets().map((socket) => list(socket)));
    return new Map(lists.flatMap((jobs) => Object.entries(jobs)));
  }

  /** Ends a job, and waits for that: whether one of them ran it. */
  async cancel(job: string): Promise<boolean> {
    const socket = await this.#running(job);
    if (socket === undefined) return false;
    const answer = await ask(socket, { ask: "cancel", job });
    return answer !== undefined && JSON.parse(answer.line) === true;
  }

  /** What a job that one of them runs has written; undefined if none does. */
  async logs(
    job: string,
    { follow = false, signal }: { readonly follow?: boolean; readonly signal?: AbortSignal },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const socket = await this.#running(job);
    if (socket === undefined) return undefined;
    const answer = await ask(socket, { ask: "logs", job, follow }, signal);
    if (answer === undefined) return undefined;
    if (JSON.parse(answer.line) === true) return answer.rest;
    await answer.rest.cancel();
    return undefined;
  }

  async #running(job: string): Promise<string | undefined> {
    for (const socket of this.#sockets()) {
      if (Object.hasOwn(await list(socket), job)) return socket;
    }
    return undefined;
  }

  #sockets(): string[] {
    const place = livePlace(this.#task);
    if (place === undefined) return [];
    const own = this.#own();
    try {
      return Array.from(Deno.readDirSync(place.folder), ({ name }) => name)
        .filter((name) => name.startsWith(place.prefix) && name !== own)
        .map((name) => `${place.folder}/${name}`);
    } catch {
      return []; // nobody has made it
    }
  }
}

/**
 * Deletes the sockets of programs that have been killed.
 *
 * @param folder The folder of all sockets.
 */
export async function forgetDead(folder: string): Promise<void> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  await Promise.all(names.map(async (name) => (await connect(`${folder}/${name}`))?.close()));
}

/** A connection with a program. Undefined if it is not there any more. */
async function connect(socket: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path: socket });
  } catch (error) {
    // It was killed; or it has ended this moment.
    if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(socket).catch(() => {});
    return undefined;
  }
}

async function list(socket: string): Promise<Record<string, LiveJobInfo>> {
  const answer = await ask(socket, { ask: "list" }, AbortSignal.timeout(PATIENCE));
  if (answer === undefined) return {};
  await answer.rest.cancel();
  return JSON.parse(answer.line);
}

/** Asks a program. Undefined if it is not there any more, and if it does not answer. */
async function ask(
  socket: string,
  question: LiveQuestion,
  signal?: AbortSignal,
): Promise<Answer | undefined> {
  const connection = await connect(socket);
  if (connection === undefined) return undefined;
  const reader = new AnswerReader(connection, signal);
  try {
    await connection.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    return { line: await reader.line(), rest: reader.rest() };
  } catch {
    reader.close();
    if (signal?.aborted) {
      warn(
        `A program that may run jobs of the same task does not answer at ${socket}: what it runs is not seen`,
      );
    }
    return undefined;
  }
}

/** Reads an answer until it ends, or is not needed any more. */
class AnswerReader {
  readonly #connection: Deno.UnixConn;
  readonly #signal: AbortSignal | undefined;
  #chunk: Uint8Array<ArrayBufferLike> = new Uint8Array();
  #closed = false;

  constructor(connection: Deno.UnixConn, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
    signal?.addEventListener("abort", this.close);
    if (signal?.aborted) this.close();
  }

  readonly close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.close);
    this.#connection.close();
  };

  /** The first line. */
  async line(): Promise<string> {
    const decoder = new TextDecoder();
    let line = "";
    for (;;) {
      const end = this.#chunk.indexOf(10);
      line += decoder.decode(end < 0 ? this.#chunk : this.#chunk.subarray(0, end), {
        stream: true,
      });
      this.#chunk = end < 0 ? new Uint8Array() : this.#chunk.subarray(end + 1);
      if (end >= 0) return line;
      const chunk = await this.#read();
      if (chunk === undefined) throw new Error("the answer ends within its first line");
      this.#chunk = chunk;
    }
  }

  /** What is behind it. */
  rest(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        const chunk = this.#chunk.length > 0 ? this.#chunk : await this.#read();
        this.#chunk = new Uint8Array();
        if (chunk === undefined) {
          this.close();
          controller.close();
        } else {
          controller.enqueue(chunk);
        }
      },
      cancel: this.close,
    }, { highWaterMark: 0 });
  }

  async #read(): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(65_536);
    try {
      const count = await this.#connection.read(bytes);
      return count === null ? undefined : bytes.subarray(0, count);
    } catch (error) {
      if (this.#closed) return undefined; // it is not needed any more
      throw error;
    }
  }
}
