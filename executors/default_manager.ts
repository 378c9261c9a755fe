/**
 * The process manager of tasks that name none.
 *
 * @module
 */

import { fingerprint } from "../lib/fingerprint.ts";
import { isMainModuleLoaded, mainModule } from "../lib/main_module.ts";
import type { Repository } from "../lib/repository.ts";
import { LocalLinuxManager } from "./local_linux_manager.ts";

const managers = new Map<string, LocalLinuxManager>();

/**
 * The manager on this machine for a task that names none. Its folder is named after the module that defines the pipeline,
 * and after the place where the records of the task's jobs are kept: so whoever runs the pipeline on the same data, from
 * whichever folder, finds what the last run has left, a second run at the same time is refused, and nobody takes in the
 * jobs of others.
 *
 * Where records that are only in memory are concerned, or in a store that does not say where it is, the folder in which
 * the program works stands for that place.
 *
 * @param done Where the records are kept.
 * @returns The manager, which all tasks share that keep their records in the same place.
 */
export function defaultManager(done: Repository): LocalLinuxManager {
  const app = appOf(mainModule(), placeOf(done) ?? Deno.cwd());
  const manager = managers.get(app) ?? new LocalLinuxManager(app);
  managers.set(app, manager);
  return manager;
}

/** What a repository says of where it is: a path or an address; undefined if it says nothing but its class. */
function placeOf(repository: Repository): string | undefined {
  const text = String(repository);
  return /[/.:]/.test(text) ? text : undefined;
}

/** The name of a module, and what tells it from others of that name, and from itself with other data. */
function appOf(module: string, data: string): string {
  // The modules in a compiled program have the same names wherever it is.
  const compiled = Deno.build.standalone && !isMainModuleLoaded();
  const place = compiled ? [Deno.execPath(), module, data] : [module, data];
  const name = module.replace(/^.*\//, "").replace(/\.\w+$/, "").replace(/[^A-Za-z0-9_-]+/g, "-");
  return `${name.replace(/^-+/, "").slice(0, 60) || "pipeline"}-${fingerprint(place.join("\0"))}`;
}
