/**
 * What `~/.ssh/config` says of a machine.
 *
 * @module
 */

import { machineError } from "./machine_error.ts";
import { matchesPattern, matchesPatterns } from "./ssh_patterns.ts";

/** How a machine is reached. */
export interface SshHostConfig {
  /** Its real name or address. */
  readonly hostName?: string;
  /** Its port. */
  readonly port?: number;
  /** As whom. */
  readonly user?: string;
  /** The files in which keys are, in the order in which they are to be tried. */
  readonly identityFiles: readonly string[];
}

/**
 * Reads what a file says of a host: of its lines, `Host`, `Include`, `HostName`, `Port`, `User` and `IdentityFile`. What
 * stands behind `Match` is left out, except for `Match all`.
 *
 * @param host The host, as the user names it.
 * @param file The path or URL of the file. One that is not there says nothing.
 * @param home The user's home folder.
 * @returns The first value that each setting has for the host; all identity files.
 * @throws {StoreError} If a file cannot be read.
 */
export async function readSshConfig(
  host: string,
  file: string | URL,
  home: string,
): Promise<SshHostConfig> {
  const settings = new Map<string, string>();
  const identityFiles: string[] = [];
  for await (const [keyword, value] of settingsOf(host, file, home)) {
    if (keyword === "identityfile") identityFiles.push(value);
    else if (!settings.has(keyword)) settings.set(keyword, value);
  }
  const hostName = settings.get("hostname")?.replaceAll(
    /%[h%]/g,
    (token) => token === "%h" ? host : "%",
  );
  const user = settings.get("user");
  const port = Number(settings.get("port"));
  return {
    ...hostName !== undefined && { hostName },
    ...user !== undefined && { user },
    ...Number.isInteger(port) && { port },
    identityFiles: identityFiles.filter((path) => path.toLowerCase() !== "none").map((path) =>
      path.replace(/^~(?=\/)/, "%d").replaceAll(
        /%[dhr%]/g,
        (token) =>
          token === "%d"
            ? home
            : token === "%h"
            ? hostName ?? host
            : token === "%r"
            ? user ?? ""
            : "%",
      )
    ),
  };
}

/** Files that include each other have an end. */
const MAX_DEPTH = 16;

/** The settings of a file that apply to a host, and their values, in the order of the file. */
async function* settingsOf(
  host: string,
  file: string | URL,
  home: string,
  depth = 0,
): AsyncGenerator<readonly [keyword: string, value: string], void, undefined> {
  let applies = true;
  for (const line of (await readText(file)).split("\n")) {
    const [, keyword = "", rest = ""] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    const words = [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
    const name = keyword.toLowerCase();
    if (name === "host") applies = matchesPatterns(words, host);
    else if (name === "match") applies = words[0]?.toLowerCase() === "all";
    else if (!applies || words[0] === undefined) continue;
    else if (name !== "include") yield [name, words[0]];
    else if (depth < MAX_DEPTH) {
      for await (const path of filesOf(words, home)) {
        yield* settingsOf(host, path, home, depth + 1);
      }
    }
  }
}

async function readText(file: string | URL): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw machineError(`read the settings of SSH in ${file}`, error);
  }
}

/** The files that are included: the last part of a path may be a pattern. */
async function* filesOf(
  paths: readonly string[],
  home: string,
): AsyncGenerator<string, void, undefined> {
  for (const path of paths) {
    const full = path.startsWith("/")
      ? path
      : path.replace(/^(~\/)?/, (start) => start === "" ? `${home}/.ssh/` : `${home}/`);
    const at = full.lastIndexOf("/") + 1;
    if (!/[*?]/.test(full)) yield full;
    else {
      for (const name of await namesIn(full.slice(0, at))) {
        if (matchesPattern(full.slice(at), name)) yield full.slice(0, at) + name;
      }
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw machineError(`list the settings of SSH in ${folder}`, error);
  }
}
