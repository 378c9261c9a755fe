/**
 * Loads a pipeline and does what its verbs say.
 *
 * @module
 */

import { main, mainWasCalled } from "../cli/main.ts";
import { PipelineError } from "../errors.ts";
import { defaultCache, type LoaderSettings, passOnSettings } from "../loader/loader_settings.ts";
import { LockFile } from "../loader/lock_file.ts";
import { setEntry } from "../loader/module_context.ts";
import { ModuleError } from "../loader/module_error.ts";
import { ModuleLoader } from "../loader/module_loader.ts";
import { OWN_NAME } from "../loader/own_package.ts";
import { setLoader } from "../loader/realm.ts";
import { loadWorkersHere } from "../loader/worker_patch.ts";
import { setMainModule } from "../main_module.ts";
import { Pipeline } from "../pipeline.ts";
import { lockOf, type PipelineSource } from "./pipeline_source.ts";
import type { LoadOptions } from "./program_arguments.ts";

/** A pipeline whose module threw when it was run. */
export class PipelineModuleError extends Error {
  /** `"PipelineModuleError"`. */
  override name = "PipelineModuleError";
}

/**
 * Loads a pipeline and runs it, as `deno run` would: its module is the main one, and sees the arguments.
 *
 * @param source The pipeline.
 * @param options How to load it.
 * @param args The verb, and what stands behind it.
 * @returns The exit code; undefined if the module has made a program of itself and goes on.
 * @throws {ModuleError} If it cannot be loaded.
 * @throws {PipelineModuleError} If it cannot be run.
 * @throws {PipelineError} If it is no pipeline.
 */
export async function runPipeline(
  source: PipelineSource,
  options: LoadOptions,
  args: readonly string[],
): Promise<number | undefined> {
  const settings = await settingsFor(source, options);
  const loader = await ModuleLoader.create(settings, source.url, givenBy(source));
  const { url, file } = await loader.load(requestFor(source, options));
  setLoader(loader);
  passOnSettings(settings);
  loadWorkersHere();
  setMainModule(url, file);
  setEntry(file);
  setArguments(args);
  setProperty("mainModule", url);
  let exported: unknown;
  try {
    exported = await loader.run(file);
  } catch (error) {
    if (error instanceof ModuleError) throw error;
    throw new PipelineModuleError(`Cannot run ${url}: it threw an error; correct it`, {
      cause: error,
    });
  }
  if (mainWasCalled()) return undefined;
  return await main(pipelineOf(exported, url), { args });
}

/**
 * How a pipeline is to be loaded, its lock file included.
 *
 * @param source The pipeline.
 * @param options What the user says.
 * @returns The settings.
 * @throws {ModuleError} If the lock file that the user names is none.
 */
export async function settingsFor(
  source: PipelineSource,
  { lock, allowHosts, cachedOnly, reload }: LoadOptions,
): Promise<LoaderSettings> {
  const settings = { cache: defaultCache(), allowHosts, cachedOnly, reload };
  if (lock !== undefined) {
    if (await LockFile.read(lock) !== undefined) return { ...settings, lock };
    throw new ModuleError(`the lock file ${lock}`, `there is none; make it with "datatask lock"`);
  }
  const { path, pipeline } = lockOf(source.url);
  const bound = (await LockFile.read(path))?.knows(pipeline) === true;
  return bound ? { ...settings, lock: path } : settings;
}

/**
 * Gives a module the arguments that it would see if it were the main one.
 *
 * @param args What it finds in `Deno.args`.
 */
export function setArguments(args: readonly string[]): void {
  setProperty("args", [...args]);
}

function setProperty(name: "args" | "mainModule", value: unknown): void {
  Object.defineProperty(Deno, name, { value, configurable: true, writable: true });
}

/** What a loader is given beforehand. */
export function givenBy(
  { url, text }: PipelineSource,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  return new Map(text === undefined ? [] : [[url, text]]);
}

/** What a loader is asked for. */
export function requestFor(
  source: PipelineSource,
  options: LoadOptions,
): { readonly url: string; readonly pin: string | undefined } {
  if (source.pin !== undefined && options.pin !== undefined && source.pin !== options.pin) {
    throw new ModuleError(
      source.url,
      `its URL pins it to ${source.pin}, and --integrity to ${options.pin}; name one`,
    );
  }
  return { url: source.url, pin: options.pin ?? source.pin };
}

function pipelineOf(exported: unknown, url: string): Pipeline {
  const { default: byDefault, pipeline } = Object(exported);
  for (const value of [byDefault, pipeline]) if (value instanceof Pipeline) return value;
  const foreign = [byDefault, pipeline].some((value) => value?.constructor?.name === "Pipeline");
  throw new PipelineError([
    foreign
      ? `what ${url} exports is a pipeline of another copy of the library; import it from "${OWN_NAME}"`
      : `${url} exports none; let it export one by default, or under the name "pipeline"`,
  ]);
}
