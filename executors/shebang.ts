/**
 * The first line of a script.
 *
 * @module
 */

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
