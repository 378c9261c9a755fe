/**
 * The loader of this thread: that of the program, or one like it in a worker or a subprocess.
 *
 * @module
 */

import { inheritedSettings } from "./loader_settings.ts";
import { ModuleLoader } from "./module_loader.ts";

let current: Promise<ModuleLoader> | undefined;

/**
 * The loader of this thread, where it has one; otherwise one with the settings that the program handed on.
 *
 * @param file The URL of the file of a module that runs here already.
 * @returns The loader.
 */
export function loaderHere(file?: string): Promise<ModuleLoader> {
  current ??= inherit(file);
  return current;
}

/**
 * Makes a loader that of this thread.
 *
 * @param loader The loader.
 */
export function setLoader(loader: ModuleLoader): void {
  current = Promise.resolve(loader);
}

async function inherit(file: string | undefined): Promise<ModuleLoader> {
  const loader = await ModuleLoader.create(inheritedSettings());
  if (file !== undefined) await loader.adopt(file);
  return loader;
}
