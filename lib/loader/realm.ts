/**
 * The loader of this thread: that of the program, or one like it in a worker or a subprocess.
 *
 * @module
 */

import { inheritedSettings } from "./loader_settings.ts";
import { ModuleLoader } from "./module_loader.ts";

let current: Promise<ModuleLoader> | undefined;

/**
 * The loader of this thread, where it has one; otherwise one with the settings that the program handed on, which
 * knows the modules that run here already.
 *
 * @param file The URL of the file of a module that runs here.
 * @returns The loader.
 */
export function realmLoader(file: string): Promise<ModuleLoader> {
  current ??= inherit(file);
  return current;
}

/**
 * Makes a loader that of this thread.
 *
 * @param loader The loader.
 */
export function setRealmLoader(loader: ModuleLoader): void {
  current = Promise.resolve(loader);
}

async function inherit(file: string): Promise<ModuleLoader> {
  const loader = await ModuleLoader.create(inheritedSettings());
  await loader.adopt(file);
  return loader;
}
