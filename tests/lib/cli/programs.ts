/**
 * Programs made of pipelines, run as a user runs them.
 *
 * @module
 */

const root = new URL("../../../", import.meta.url);

/** What every program has at hand. */
const PRELUDE = `
import { InProcessSyncTask } from "${root}executors/in_process_sync_task.ts";
import { PipelineError, StoreError } from "${root}lib/errors.ts";
import { main, printStatus, printTrace, run } from "${root}lib/cli/mod.ts";
import { engineOf, Pipeline } from "${root}lib/pipeline.ts";
import { Session } from "${root}lib/session.ts";
import { Task } from "${root}lib/task.ts";
import { warn } from "${root}lib/warnings.ts";
import { InProcessBlobRepository } from "${root}repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "${root}repos/in_process_metadata_repository.ts";
import { FakeBlobs, FakeMetadata } from "${root}tests/lib/fake_stores.ts";

const keys = (...jobs) => jobs.map((job) => [job, 1]);
const never = () => new Promise((resolve) => setTimeout(resolve, 2 ** 30));
function makeTask(name, input, { func = () => {}, output, done = new FakeMetadata(name + " records"), ...options } = {}) {
  const task = new InProcessSyncTask(name, done, options).link("in", input, { isInput: true });
  if (output !== undefined) task.link("out", output, { isOutput: true });
  return task.func(func);
}
`;

/** How a program ended, and what it wrote. */
export interface Outcome {
  /** Its exit code. */
  readonly code: number;
  /** What it wrote to standard output. */
  readonly stdout: string;
  /** What it wrote to standard error. */
  readonly stderr: string;
}

/** Programs in a folder of their own. */
export class Programs implements AsyncDisposable {
  readonly #folder: string = Deno.makeTempDirSync();
  #count = 0;

  /** Writes a program; returns how to run it. */
  command(
    body: string,
    args: readonly string[],
    options: Partial<Deno.CommandOptions> = {},
  ): Deno.Command {
    const script = `${this.#folder}/program${this.#count++}.js`;
    Deno.writeTextFileSync(script, `${PRELUDE}\n${body}`);
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", new URL("deno.json", root).pathname, script, ...args],
      stdin: "null",
      env: { NO_COLOR: "1" },
      ...options,
    });
  }

  /** Runs a program to its end. */
  async run(
    body: string,
    args: readonly string[] = [],
    options: Partial<Deno.CommandOptions> = {},
  ): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(body, args, options).output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  }

  /** Removes all programs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Text that arrives bit by bit. */
export class Listener {
  /** What has arrived. */
  text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  /** Begins to listen. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until something has been said. */
  async hear(what: string): Promise<void> {
    while (!this.text.includes(what)) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`It ended without ${JSON.stringify(what)}: ${this.text}`);
      this.text += value;
    }
  }

  /** Waits for the end; returns all that was said. */
  async rest(): Promise<string> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return this.text;
      this.text += value;
    }
  }
}
