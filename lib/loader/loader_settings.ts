/**
 * How modules are to be loaded, in this process and in all that it starts.
 *
 * @module
 */

import { join } from "node:path";
import { environment } from "../environment.ts";
import { UnreachableModuleError } from "./module_error.ts";

/** How modules are to be loaded. */
export interface LoaderSettings {
  /** The folder where modules are kept. */
  readonly cache: string;
  /** The lock file that binds them; undefined if none does. */
  readonly lock?: string | undefined;
  /** The only hosts they may come from, beside the pipeline's own; with none, any. */
  readonly allowHosts?: readonly string[];
  /** Whether the network is not to be asked. */
  readonly cachedOnly?: boolean;
  /** Whether all are fetched anew. */
  readonly reload?: boolean;
  /** Seconds in which a server must begin to answer, and go on answering; 20 if it is not given. */
  readonly patience?: number;
}

/** The variable that hands the settings on to workers and subprocesses. */
const VARIABLE = "DATATASK_LOADER";

/**
 * The folder where modules are kept, if nobody says another: `DATATASK_CACHE`, or in the user's folder of caches.
 *
 * @returns Its path.
 * @throws {UnreachableModuleError} If the user has no such folder.
 */
export function defaultCache(): string {
  const given = environment("DATATASK_CACHE");
  if (given) return given;
  const caches = cachesOfUser();
  if (caches !== undefined) return join(caches, "datatask");
  throw new UnreachableModuleError(
    "modules",
    "nothing in the environment says where to keep them; name a folder in DATATASK_CACHE",
  );
}

function cachesOfUser(): string | undefined {
  if (Deno.build.os === "windows") return environment("LOCALAPPDATA");
  const given = environment("XDG_CACHE_HOME");
  if (given) return given;
  const home = environment("HOME");
  return home && join(home, Deno.build.os === "darwin" ? "Library/Caches" : ".cache");
}

/**
 * Hands settings on to the workers and subprocesses of this process.
 *
 * @param settings The settings.
 */
export function passOnSettings(settings: LoaderSettings): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  if (state !== "granted") return; // then there are no subprocesses either, and workers get the defaults
  const { reload: _once, ...lasting } = settings;
  Deno.env.set(VARIABLE, JSON.stringify(lasting));
}

/**
 * The settings that were handed on to this process or worker.
 *
 * @returns The settings; the defaults if there are none.
 */
export function inheritedSettings(): LoaderSettings {
  const text = environment(VARIABLE);
  return text ? JSON.parse(text) : { cache: defaultCache() };
}
