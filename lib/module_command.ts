/**
 * How a program starts another process that runs a module of its own.
 *
 * @module
 */

import { isMainModuleLoaded } from "./main_module.ts";

/** The verb of the compiled program that runs a module instead of a pipeline. */
export const MODULE_VERB = "__module";

/** A program, and the arguments that stand before all others. */
export interface ModuleCommand {
  /** The path of the program. */
  readonly program: string;
  /** Its first arguments. */
  readonly args: readonly string[];
}

/**
 * The command that runs a module in a process of its own: with `deno run`, or with this very file where the program is
 * one file without Deno. There the module is not the main one: `import.meta.main` is false.
 *
 * Internal to this library.
 *
 * @param module The URL of the module, one of this package.
 * @param flags What `deno run` is told besides.
 * @returns The command. What the module finds in `Deno.args` is to be appended.
 * @throws {Error} If the program is one file that runs nothing but its own pipeline.
 */
export function moduleCommand(
  module: string,
  flags: readonly string[] = ["--allow-all"],
): ModuleCommand {
  const program = Deno.execPath();
  if (!Deno.build.standalone) {
    return { program, args: ["run", "--quiet", "--no-prompt", ...flags, module] };
  }
  if (isMainModuleLoaded()) return { program, args: [MODULE_VERB, module] };
  throw new Error(
    `Cannot start ${module} in a process of its own: this program was compiled with its pipeline, and has no verb ` +
      `for it; run the pipeline with datatask or with deno run`,
  );
}
