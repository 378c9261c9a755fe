/**
 * `datatask lock`: writes what each module of a pipeline is now into a file that later runs check.
 *
 * @module
 */

import { writeMessage } from "../cli/output.ts";
import { EXIT } from "../cli/exit_code.ts";
import { defaultCache } from "../loader/loader_settings.ts";
import { LockFile } from "../loader/lock_file.ts";
import { ModuleLoader } from "../loader/module_loader.ts";
import { lockOf, type PipelineSource } from "./pipeline_source.ts";
import type { LoadOptions } from "./program_arguments.ts";
import { givenBy, requestFor } from "./run_pipeline.ts";

/**
 * Fetches all modules of a pipeline, those of constant `import()`s included, and pins them. Runs none of them.
 *
 * @param source The pipeline.
 * @param options How to load it.
 * @returns The exit code.
 */
export async function lock(source: PipelineSource, options: LoadOptions): Promise<number> {
  const { allowHosts, cachedOnly } = options;
  const settings = { cache: defaultCache(), allowHosts, cachedOnly, reload: !cachedOnly };
  const loader = await ModuleLoader.create(settings, source.url, givenBy(source));
  await loader.load(requestFor(source, options), true);
  const { path, pipeline } = lockOf(source.url);
  const file = options.lock ?? path;
  const { redirects, modules } = loader.found;
  await LockFile.write(file, pipeline, { redirects, modules });
  writeMessage(`${file}: ${modules.size} modules of ${pipeline}\n`);
  return EXIT.OK;
}
