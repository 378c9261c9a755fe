/**
 * Opens pipelines for as long as they are needed.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import { engineOf, type OpenOptions, type Pipeline } from "../pipeline.ts";

/**
 * Calls a function with the engine of a pipeline, which is opened before and closed after, unless it is open.
 *
 * @typeParam Result What the function gives.
 * @param pipeline The pipeline.
 * @param use What needs it open.
 * @param options Whether it is to be written to.
 * @returns What the function gives.
 * @throws {PipelineError} If it is opened, and tasks cannot work.
 * @throws {StoreError} If it is opened, and a repository cannot be used.
 */
export async function opened<Result>(
  pipeline: Pipeline,
  use: (engine: Engine) => Result | Promise<Result>,
  options: OpenOptions = {},
): Promise<Result> {
  if (pipeline.isOpen) return await use(engineOf(pipeline));
  await pipeline.open(options);
  await using _closing = pipeline;
  return await use(engineOf(pipeline));
}
