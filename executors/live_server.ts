/**
 * Answering other programs that ask about the jobs of a task that this one runs.
 *
 * @module
 */

import type { LiveJobInfo } from "./executor_live_repo.ts";
import type { LivePlace, LiveQuestion } from "./live_socket.ts";

/** Milliseconds in which those who read along take in the rest, when the task is closed. */
const PATIENCE = 1_000;

/** How long a question can be, in bytes. */
const MAX_QUESTION = 4_096;

/** What is asked about. */
export interface LiveJobs {
  /** The jobs that run. */
  list(): Readonly<Record<string, LiveJobInfo>>;
  /** Ends a job. Resolves when it has ended: whether it ran. */
  cancel(job: string): Promise<boolean>;
  /** What a job that runs has written. */
  logs(job: string, follow: boolean): ReadableStream<Uint8Array> | undefined;
}

/** Answers on a socket that only this user can reach. */
export class LiveServer {
  /** The name of its socket. */
  readonly name: string;
  readonly #jobs: LiveJobs;
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #answers = new Set<Promise<void>>();

  /**
   * Begins to answer. This process may end nevertheless.
   *
   * @param place Where.
   * @param jobs What is asked about.
   * @throws {Error} If there can be no such socket.
   */
  constructor({ folder, prefix }: LivePlace, jobs: LiveJobs) {
    this.name = prefix + crypto.randomUUID().slice(0, 8);
    this.#jobs = jobs;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.chmodSync(folder, 0o700); // it may have been there
    this.#path = `${folder}/${this.name}`;
    this.#listener = Deno.listen({ transport: "unix", path: this.#path });
    Deno.chmodSync(this.#path, 0o600);
    this.#listener.unref();
    globalThis.addEventListener("unload", this.#end);
    void this.#accept();
  }

  /** Answers no more, and leaves nothing behind. */
  async close(): Promise<void> {
    globalThis.removeEventListener("unload", this.#end);
    this.#end();
    if (this.#answers.size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise((resolve) => timer = setTimeout(resolve, PATIENCE));
    await Promise.race([Promise.all(this.#answers), patience]);
    clearTimeout(timer);
  }

  readonly #end = (): void => {
    this.#listener.close();
    try {
      Deno.removeSync(this.#path); // the listener does so only when it is not waited for any more
    } catch {
      // it has done so
    }
  };

  async #accept(): Promise<void> {
    for (;;) {
      let connection: Deno.UnixConn;
      try {
        connection = await this.#listener.accept();
      } catch {
        return; // it is closed
      }
      connection.unref();
      const answer = this.#answer(connection).catch(() => {}); // whoever has asked is gone
      this.#answers.add(answer);
      answer.then(() => this.#answers.delete(answer));
    }
  }

  async #answer(connection: Deno.UnixConn): Promise<void> {
    using _ = connection;
    const question = await readQuestion(connection);
    if (question === undefined) return;
    const text = question.ask === "logs"
      ? this.#jobs.logs(question.job, question.follow)
      : undefined;
    const answer = question.ask === "list"
      ? this.#jobs.list()
      : question.ask === "cancel"
      ? await this.#jobs.cancel(question.job)
      : text !== undefined;
    await writeAll(connection, new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
    for await (const chunk of text ?? []) await writeAll(connection, chunk);
  }
}

/** Who cannot ask gets no answer: it is this user's own folder. */
async function readQuestion(connection: Deno.UnixConn): Promise<LiveQuestion | undefined> {
  const bytes = new Uint8Array(MAX_QUESTION);
  let size = 0;
  while (size < bytes.length) {
    const count = await connection.read(bytes.subarray(size));
    if (count === null) return undefined;
    size += count;
    if (bytes[size - 1] === 10) {
      return JSON.parse(new TextDecoder().decode(bytes.subarray(0, size)));
    }
  }
  return undefined;
}

async function writeAll(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
