/**
 * Paths, without `node:path` and `node:url`, which take longer to load than a small pipeline to run.
 *
 * @module
 */

const isWindows = Deno.build.os === "windows";

/**
 * The absolute path of a file or folder, without `.`, `..` and empty parts.
 *
 * @param path A path, relative to the working directory of now, or a `file:` URL.
 * @returns The path, with `/` between its parts.
 * @throws {TypeError} If the URL is of another kind.
 */
export function absolutePath(path: string | URL): string {
  const given = path instanceof URL ? pathOf(path) : path;
  const isAbsolute = (isWindows ? /^(?:[A-Za-z]:)?[/\\]/ : /^\//).test(given);
  const whole = isAbsolute ? given : `${Deno.cwd()}/${given}`;
  const parts: string[] = [];
  for (const part of whole.split(isWindows ? /[/\\]/ : "/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `${whole.startsWith("/") ? "/" : ""}${parts.join("/")}`;
}

/**
 * The last part of a path.
 *
 * @param path The path.
 * @returns What follows its last separator.
 */
export function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), isWindows ? path.lastIndexOf("\\") : -1) + 1);
}

function pathOf(url: URL): string {
  if (url.protocol !== "file:") {
    throw new TypeError(
      `Cannot use ${url} as a folder: it is no file: URL; give a path or a file: URL`,
    );
  }
  return decodeURIComponent(isWindows ? url.pathname.slice(1) : url.pathname);
}
