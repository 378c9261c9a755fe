/**
 * By what a script is to be run.
 *
 * @module
 */

/** By what a script could tell: special parameters, what brings in other text, and what leads out of it. */
const TELLING = /\$\{?[$0_-]|PPID|LINENO|BASH|SHLVL|_dt_/;
const COMMANDS = /(?:^|[\s;&|(){}`!])(?:\.|source|eval|set|return|local|trap)(?=[\s;&|()`]|$)/;

/**
 * What a script says it is to be run by.
 *
 * @param script The script.
 * @returns The path of the interpreter, and the one argument that the rest of the line is, if there is any; undefined if
 * the script is for `/bin/sh`, because it says so or says nothing.
 * @throws {TypeError} If it names no interpreter by its path.
 */
export function interpreterOf(script: string): [path: string, ...argument: string[]] | undefined {
  if (!script.startsWith("#!")) return undefined;
  const line = script.slice(2, script.indexOf("\n") < 0 ? undefined : script.indexOf("\n"));
  const [, path, argument] = /^[ \t]*([^ \t]*)[ \t]*(.*?)[ \t\r]*$/.exec(line)!;
  if (!path?.startsWith("/")) {
    throw new TypeError(
      `The first line of the script, ${
        JSON.stringify(`#!${line}`)
      }, names no interpreter; write its path behind "#!"`,
    );
  }
  if (path === "/bin/sh" && argument === "") return undefined;
  return argument === "" ? [path] : [path, argument!];
}

/**
 * Whether a script cannot tell if a shell was started for it, or another shell has only made a process for it: then the
 * latter is enough, and takes half the time.
 *
 * @param script A script for `/bin/sh`.
 * @returns False if there is any doubt.
 */
export function isPlain(script: string): boolean {
  return !TELLING.test(script) && !COMMANDS.test(script);
}
