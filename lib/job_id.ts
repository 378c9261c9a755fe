/**
 * Job ids: the names by which every repository and every verb knows a job.
 *
 * This is the only place that decides what an id may look like. An id can become a file name, an object key, a label
 * or a word on a command line, so nothing that could lead out of such a place is ever an id, whatever a repository
 * allows on top of the usual characters.
 *
 * @module
 */

import { JobIdError } from "./errors.ts";

/** Options of a {@linkcode JobIdRule}. */
export interface JobIdRuleOptions {
  /**
   * The characters an id may consist of.
   *
   * @default {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"}
   */
  readonly charset?: string;
  /**
   * The characters an id may begin and end with.
   *
   * @default {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"}
   */
  readonly charsetStartEnd?: string;
  /**
   * The greatest length of an id, in UTF-16 code units.
   *
   * @default {200}
   */
  readonly maxLength?: number;
}

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Whether no rule can allow a character: those separate paths, end strings, or control terminals. */
function isForbidden(code: number): boolean {
  return code < 0x20 || code === 0x7f || code === 0x2f || code === 0x5c;
}

/**
 * Which strings are job ids.
 *
 * A repository that names things differently passes a rule of its own; `/`, `\`, control characters and the names
 * `.` and `..` stay forbidden in every rule.
 *
 * @example Usage
 * ```ts
 * import { JobIdRule } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const digits = new JobIdRule({ charset: "0123456789", charsetStartEnd: "0123456789", maxLength: 4 });
 * strictEqual(digits.accepts("2026"), true);
 * strictEqual(digits.accepts("20a6"), false);
 * strictEqual(digits.accepts("20266"), false);
 * ```
 */
export class JobIdRule {
  /** The greatest length of an id, in UTF-16 code units. */
  readonly maxLength: number;
  /**
   * For each ASCII byte, whether it may stand inside an id (bit 0) and at its ends (bit 1): what lets a listing of a
   * million names be checked without making a string of each.
   */
  readonly ascii: Uint8Array = new Uint8Array(128);
  /** True if only ASCII characters are allowed, so that {@linkcode ascii} alone decides. */
  readonly asciiOnly: boolean;
  /** The characters that may stand inside an id, and those at its ends, where the table does not say it. */
  readonly #inside: ReadonlySet<string>;
  readonly #ends: ReadonlySet<string>;

  /**
   * Makes a rule.
   *
   * @param options What differs from the usual rule.
   */
  constructor(options: JobIdRuleOptions = {}) {
    const { charset = ALPHANUMERIC + "._-", charsetStartEnd = ALPHANUMERIC, maxLength = 200 } =
      options;
    this.maxLength = maxLength;
    // By index: the usual rule is made whenever a program starts, when iterating takes several times as long.
    const { ascii } = this;
    let asciiOnly = true;
    for (let at = 0; at < charset.length; at++) {
      const code = charset.charCodeAt(at);
      if (code >= 128) asciiOnly = false;
      else if (!isForbidden(code)) ascii[code] = 1;
    }
    for (let at = 0; at < charsetStartEnd.length; at++) {
      const code = charsetStartEnd.charCodeAt(at);
      if (code < 128) ascii[code]! |= ascii[code]! << 1 & 2;
    }
    this.asciiOnly = asciiOnly;
    this.#inside = new Set(asciiOnly ? [] : charset);
    this.#ends = new Set(asciiOnly ? [] : charsetStartEnd);
  }

  /**
   * Whether `job` is an id.
   *
   * @param job Any string.
   * @returns True if it is an id by this rule.
   */
  accepts(job: string): boolean {
    if (job.length === 0 || job.length > this.maxLength || job === "." || job === "..") {
      return false;
    }
    const { ascii } = this;
    for (let at = 0; at < job.length; at++) {
      const code = job.charCodeAt(at);
      if (code >= 128) return !this.asciiOnly && this.#acceptsAll([...job]);
      if ((ascii[code]! & 1) === 0) return false;
    }
    return (ascii[job.charCodeAt(0)]! & ascii[job.charCodeAt(job.length - 1)]! & 2) !== 0;
  }

  #acceptsAll(chars: readonly string[]): boolean {
    return chars.every((char) => this.#allows(char, 1, this.#inside)) &&
      [chars[0]!, chars.at(-1)!].every((char) => this.#allows(char, 2, this.#ends));
  }

  /** Whether a character has a bit in the table or, where that ends, is one of others. */
  #allows(char: string, bit: number, others: ReadonlySet<string>): boolean {
    const code = char.charCodeAt(0);
    return code < 128 ? (this.ascii[code]! & bit) !== 0 : others.has(char);
  }
}

/** The usual rule: 1 to 200 characters of `[A-Za-z0-9._-]`, the first and the last a letter or a digit. */
export const JOB_ID_RULE: JobIdRule = new JobIdRule();

/**
 * Whether a string is a job id by the usual rule.
 *
 * @param job Any string.
 * @returns True for 1 to 200 characters of `[A-Za-z0-9._-]`, the first and the last a letter or a digit.
 *
 * @example Usage
 * ```ts
 * import { isValidJobId } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(isValidJobId("moby-dick_v1.0"), true);
 * strictEqual(isValidJobId("../etc/passwd"), false);
 * ```
 */
export function isValidJobId(job: string): boolean {
  return JOB_ID_RULE.accepts(job);
}

/**
 * Refuses what is no job id by the usual rule.
 *
 * @param job Any string.
 * @throws {JobIdError} If it is not.
 *
 * @example Usage
 * ```ts
 * import { checkJobId, JobIdError } from "@datatask/datatask";
 * import { throws } from "node:assert";
 *
 * throws(() => checkJobId("a/b"), JobIdError);
 * ```
 */
export function checkJobId(job: string): void {
  if (!JOB_ID_RULE.accepts(job)) throw new JobIdError(job);
}
