/**
 * The verb `cat`: prints a value.
 *
 * @module
 */

import { BlobRepository } from "../blob_repository.ts";
import { NotFoundError } from "../errors.ts";
import type { Pipeline } from "../pipeline.ts";
import { MetadataRepository, type Repository } from "../repository.ts";
import { opened } from "./opened.ts";
import { OriginalError, showingOriginalErrors } from "./original_error.ts";
import { writeJson, writeOutput, writeStream } from "./output.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** Options of {@linkcode catData}. */
export interface CatDataOptions {
  /**
   * Whether to write structured data as JSON, in place of YAML.
   *
   * @default {false}
   */
  readonly json?: boolean;
}

/**
 * Writes a value to standard output: bytes as they are, structured data as YAML. Opens the pipeline if it is not open.
 *
 * @param pipeline The pipeline.
 * @param data The name of the link: `task.link`.
 * @param job The key.
 * @param options How to write it.
 * @throws {UsageError} If there is no such link, or if the repository holds neither bytes nor structured data.
 * @throws {NotFoundError} If there is no such key. The message suggests one.
 * @throws {JobIdError} If `job` is no job id.
 * @throws {StoreError} If the value cannot be read.
 */
export async function catData(
  pipeline: Pipeline,
  data: string,
  job: string,
  { json = false }: CatDataOptions = {},
): Promise<void> {
  const { selectLink } = await import("./select.ts");
  const { repo } = selectLink(pipeline, data).link;
  await opened(pipeline, async () => {
    try {
      await cat(repo, job, json);
    } catch (error) {
      if (error instanceof NotFoundError) {
        const { nearestKey } = await import("./nearest_key.ts");
        error.message += await nearestKey(job, [repo]);
      }
      throw error;
    }
  }, { readOnly: true });
}

async function cat(repository: Repository, job: string, json: boolean): Promise<void> {
  if (repository instanceof BlobRepository) {
    if (json) throw new UsageError(`${repository} holds bytes, which are written as they are`);
    await writeStream(await repository.readable(job));
  } else if (repository instanceof MetadataRepository) {
    const value: unknown = await repository.info(job);
    if (value === undefined) throw new NotFoundError(job, `${repository}`);
    if (json) return await writeJson(value);
    const { stringifyYaml } = await import("../yaml.ts");
    await writeOutput(await stringifyYaml(value));
  } else {
    throw new OriginalError("cannot cat a repository which is not a blob or metadata");
  }
}

/** The verb `cat`. */
export const catVerb: Verb = {
  name: "cat",
  summary: "Print a value: bytes as they are, data as YAML",
  reads: true,
  words: "TASK.LINK JOB",
  options: { json: { type: "boolean", description: "print data as JSON" } },
  run: ({ pipeline, words: [data = "", job = ""], options }) =>
    showingOriginalErrors(catData(pipeline, data, job, { json: options.json === true })),
};
