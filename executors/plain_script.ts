/**
 * Scripts that need no shell of their own.
 *
 * @module
 */

/** By what a script could tell: special parameters, what brings in other text, and what leads out of it. */
const TELLING = /\$\{?[$0_-]|PPID|LINENO|BASH|SHLVL|_dt_/;
const COMMANDS = /(?:^|[\s;&|(){}`!])(?:\.|source|eval|set|return|local|trap)(?=[\s;&|()`]|$)/;

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
