/**
 * Where programs keep what they remember from one run to the next.
 *
 * @module
 */

import { environment } from "./environment.ts";

/**
 * The folder for state by the XDG Base Directory Specification
 * (https://specifications.freedesktop.org/basedir-spec/latest): `$XDG_STATE_HOME/datatask`, or
 * `~/.local/state/datatask`.
 *
 * @returns Its path; `undefined` if the environment does not tell, or may not be read.
 */
export function stateFolder(): string | undefined {
  const state = environment("XDG_STATE_HOME");
  if (state !== undefined && state.startsWith("/")) return `${state}/datatask`;
  const home = environment("HOME");
  return home?.startsWith("/") ? `${home}/.local/state/datatask` : undefined;
}
