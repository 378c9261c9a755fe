/**
 * The verb `inject`: stores a value.
 *
 * @module
 */

import { BlobRepository } from "../blob_repository.ts";
import { DataError, JobIdError } from "../errors.ts";
import type { Pipeline } from "../pipeline.ts";
import { MetadataRepository } from "../repository.ts";
import { concat } from "../streams.ts";
import { EXIT } from "./exit_code.ts";
import { OriginalError, showingOriginalErrors } from "./original_error.ts";
import { writeMessage } from "./output.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode injectData}. */
export interface InjectDataOptions {
  /** Where the value comes from. Standard input, if it is not given. */
  readonly source?: ReadableStream<Uint8Array>;
  /** Gives up: nothing is stored then. */
  readonly signal?: AbortSignal;
}

/**
 * Stores a value, in place of an earlier one: bytes as they are, structured data from YAML. The key exists when all of
 * it has been read and stored; whatever else happens leaves everything as it was.
 *
 * The pipeline need not be open. If it is not, its session is opened meanwhile, and the store is made ready to be
 * written to, so that the first value can be put into an input that does not exist yet.
 *
 * @param pipeline The pipeline.
 * @param data The name of the link: `task.link`.
 * @param job The key.
 * @param options Where the value comes from.
 * @throws {UsageError} If there is no such link, if the repository holds neither bytes nor structured data, or if it
 * holds structured data and what was read is no YAML.
 * @throws {JobIdError} If `job` is no job id.
 * @throws {DataError} If the store has no words for the data.
 * @throws {StoreError} If the value cannot be stored.
 */
export async function injectData(
  pipeline: Pipeline,
  data: string,
  job: string,
  { source = Deno.stdin.readable, signal = new AbortController().signal }: InjectDataOptions = {},
): Promise<void> {
  const { selectLink } = await import("./select.ts");
  const { repo } = selectLink(pipeline, data).link;
  if (!(repo instanceof BlobRepository || repo instanceof MetadataRepository)) {
    throw new OriginalError("cannot inject data into a repository which is not a blob or metadata");
  }
  if (!repo.isValidJobId(job)) throw new JobIdError(job);
  const { session } = pipeline;
  await using closing = new AsyncDisposableStack();
  if (!session.isOpen) {
    await session.open();
    closing.defer(() => session.close());
  }
  await repo.validate({ create: true });
  if (repo instanceof BlobRepository) {
    await pour(source, await repo.writable(job), signal);
  } else {
    await repo.dump(job, await readYaml(source, signal));
  }
}

/** Copies all of a stream. What it was copied to is closed only at its end, and aborted by whatever else happens. */
async function pour(
  source: ReadableStream<Uint8Array>,
  target: WritableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  await source.pipeTo(target, { preventClose: true, signal });
  try {
    await noticeInterrupt(signal);
  } catch (error) {
    await target.abort(error);
    throw error;
  }
  await target.close();
}

async function readYaml(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  const collector = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
  await source.pipeTo(collector, { signal });
  await noticeInterrupt(signal);
  const { parseYaml } = await import("../yaml.ts");
  try {
    return await parseYaml(decode(concat(chunks)), "standard input");
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new OriginalError("could not parse stdin as yaml", { cause });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError("Cannot read standard input as YAML: it is not UTF-8; convert it", {
      cause,
    });
  }
}

/**
 * To be called at the end of the input: an interrupt ends the program at the other end of a pipe as well, and that must
 * not pass for the end of its output. So signals get their turn first.
 */
async function noticeInterrupt(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}

/** The verb `inject`. */
export const injectVerb: Verb = {
  name: "inject",
  summary: "Store a value from standard input: bytes as they are, data from YAML",
  words: "TASK.LINK JOB",
  details:
    `Puts it in place of an earlier one: "inject count.books moby < moby.txt". The key is there when all of it has been stored.`,
  opens: false,
  stops: true,
  async run({ pipeline, words: [data = "", job = ""], signal }) {
    if (Deno.stdin.isTerminal()) writeMessage("Type the value; Ctrl-D ends it\n");
    try {
      return await showingOriginalErrors(injectData(pipeline, data, job, { signal }));
    } catch (error) {
      if (signal.aborted && error === signal.reason) return EXIT.INTERRUPTED;
      throw error;
    }
  },
};
