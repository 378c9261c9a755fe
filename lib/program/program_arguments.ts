/**
 * Takes the command line of the program apart: what concerns the loading of the pipeline, and what the pipeline is
 * asked to do.
 *
 * @module
 */

import { UsageError } from "../cli/usage_error.ts";
import { parsePin } from "../loader/integrity.ts";

/** How the pipeline is to be loaded. */
export interface LoadOptions {
  /** The hash that the pipeline's own module must have. */
  readonly pin?: string;
  /** The lock file, if one is named. */
  readonly lock?: string;
  /** The hosts that modules may come from, beside the pipeline's own. */
  readonly allowHosts: readonly string[];
  /** Whether the network is not to be asked. */
  readonly cachedOnly: boolean;
  /** Whether all modules are fetched anew. */
  readonly reload: boolean;
}

/** A command line, taken apart. */
export interface ProgramArguments {
  /** How the pipeline is to be loaded. */
  readonly load: LoadOptions;
  /** All other words. */
  readonly rest: readonly string[];
}

/** The options that concern the loading of a pipeline, with what their help says. */
export const LOAD_OPTIONS: readonly (readonly [string, string])[] = [
  ["--integrity HASH", "refuse the pipeline if its sha256 is another, as URL#sha256=HASH does"],
  [
    "--lock FILE",
    "refuse modules that are not as in this lock file; datatask.lock is used where there is one",
  ],
  ["--allow-host HOST", "load modules only from the pipeline's host and this one; may recur"],
  ["--cached-only", "load modules only from the cache, not from the network"],
  ["--reload", "fetch all modules anew"],
];

/**
 * Takes a command line apart. The options of loading may stand anywhere before `--`.
 *
 * @param args The command line.
 * @returns Its parts.
 * @throws {UsageError} If an option has no value, or one that cannot be.
 */
export function parseProgramArguments(args: readonly string[]): ProgramArguments {
  const rest: string[] = [];
  const allowHosts: string[] = [];
  let pin: string | undefined;
  let lock: string | undefined;
  let [cachedOnly, reload] = [false, false];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      rest.push(...args.slice(at));
      break;
    }
    const [, name, inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const value = (): string => {
      const given = inline ?? args[++at];
      if (!given || given.startsWith("--")) throw new UsageError(`--${name} needs a value`);
      return given;
    };
    switch (name) {
      case "integrity": {
        const text = value();
        pin = parsePin(text);
        if (pin === undefined) {
          throw new UsageError(
            `--integrity needs a sha256 of 64 hexadecimal digits, and not "${text}"`,
          );
        }
        break;
      }
      case "lock":
        lock = value();
        break;
      case "allow-host":
        allowHosts.push(...value().split(",").map(checkHost));
        break;
      case "cached-only":
        cachedOnly = true;
        break;
      case "reload":
        reload = true;
        break;
      default:
        rest.push(arg);
    }
  }
  if (cachedOnly && reload) throw new UsageError("--cached-only and --reload exclude each other");
  const load: LoadOptions = {
    ...pin !== undefined && { pin },
    ...lock !== undefined && { lock },
    allowHosts,
    cachedOnly,
    reload,
  };
  return { load, rest };
}

function checkHost(text: string): string {
  const url = URL.parse(`https://${text}`);
  if (url === null || url.pathname !== "/" || text.includes("@")) {
    throw new UsageError(`--allow-host needs a host, with a port or without, and not "${text}"`);
  }
  return text;
}
