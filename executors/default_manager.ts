/**
 * The process manager of a program that names none.
 *
 * @module
 */

import { fingerprint } from "../lib/fingerprint.ts";
import { isMainModuleLoaded, mainModule } from "../lib/main_module.ts";
import { LocalLinuxManager } from "./local_linux_manager.ts";

const managers = new Map<string, LocalLinuxManager>();

/**
 * The manager on this machine that all tasks of a pipeline share which name none. Its folder is named after the module
 * that defines the pipeline and the folder in which the program works, where its relative paths lead: so the next run
 * finds what the last one left, a second one at the same time is refused, and nobody takes in the jobs of others.
 *
 * @returns The manager.
 */
export function defaultManager(): LocalLinuxManager {
  const app = appOf(mainModule(), Deno.cwd());
  const manager = managers.get(app) ?? new LocalLinuxManager(app);
  managers.set(app, manager);
  return manager;
}

/** The name of a module, and what tells it, where it is started, from others of that name. */
function appOf(module: string, folder: string): string {
  // The modules in a compiled program have the same names wherever it is.
  const compiled = Deno.build.standalone && !isMainModuleLoaded();
  const place = compiled ? [Deno.execPath(), module, folder] : [module, folder];
  const name = module.replace(/^.*\//, "").replace(/\.\w+$/, "").replace(/[^A-Za-z0-9_-]+/g, "-");
  return `${name.replace(/^-+/, "").slice(0, 60) || "pipeline"}-${fingerprint(place.join("\0"))}`;
}
