/**
 * The original, pydatatask 0.4.7, as a process that runs one pipeline after the other.
 *
 * @module
 */

import type { Seen } from "./ours.ts";
import type { Scenario } from "./scenario.ts";

const home = Deno.env.get("HOME") ?? "";
const cache = Deno.env.get("DATATASK_BENCH_CACHE") ?? `${home}/.cache/datatask-bench`;

/** The Python that has the original. */
export const PYTHON = `${cache}/venv/bin/python`;

const DRIVER = new URL("pydatatask_driver.py", import.meta.url).pathname;

/** The original at work. It ends when it is disposed of. */
export class Original implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncIterator<string>;

  /** Starts it. */
  constructor() {
    this.#process = new Deno.Command(PYTHON, {
      args: ["-B", DRIVER],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#requests = this.#process.stdin.getWriter();
    this.#answers = lines(this.#process.stdout);
  }

  /** Runs a pipeline, and says what is seen at first and after each step. */
  async run(scenario: Scenario, folder: string): Promise<Seen[]> {
    const request = `${JSON.stringify({ ...scenario, folder })}\n`;
    await this.#requests.write(new TextEncoder().encode(request));
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error("the original has ended");
    const { seen, error } = JSON.parse(value);
    if (error !== undefined) throw new Error(`the original failed: ${error}`);
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests.close();
    await this.#answers.return?.();
    await this.#process.status;
  }
}

async function* lines(bytes: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
