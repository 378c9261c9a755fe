/**
 * The process manager of a program that names none.
 *
 * @module
 */

import { mainModule } from "../lib/main_module.ts";
import { LocalLinuxManager } from "./local_linux_manager.ts";

let manager: LocalLinuxManager | undefined;

/**
 * The manager on this machine that all tasks of this program share which name none. Its folder is named after the main
 * module, wherever the program is started: so it finds what it left, and two of it do not run the same jobs.
 *
 * @returns The manager.
 */
export function defaultManager(): LocalLinuxManager {
  return manager ??= new LocalLinuxManager(appOf(mainModule()));
}

/** The name of a module, and what tells it from others of that name. */
function appOf(module: string): string {
  let hash = 0xcbf29ce484222325n; // FNV-1a
  for (const byte of new TextEncoder().encode(module)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  const name = module.replace(/^.*\//, "").replace(/\.\w+$/, "").replace(/[^A-Za-z0-9_-]+/g, "-");
  return `${name.replace(/^-+/, "").slice(0, 60) || "pipeline"}-${
    hash.toString(16).padStart(16, "0")
  }`;
}
