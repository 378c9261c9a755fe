/**
 * The journal of a process manager: lines that are appended by the program and by the wrappers of its jobs, so that
 * whoever comes next knows what was started and how it ended.
 *
 * A line counts when it is whole: it begins behind a newline and ends with a full stop and a newline. What was cut off
 * by a full disk or a crash counts for nothing.
 *
 * @module
 */

import type { FailureClass } from "../lib/errors.ts";
import { type NotedProcess, parseStat } from "./process_identity.ts";

/** What a line says. */
export type JournalLine =
  /**
   * The journal was begun, or the clock was set: in which boot of the machine, and when that was by the clock as it is set
   * since, in milliseconds since 1970 UTC.
   */
  | { readonly type: "boot"; readonly boot: string; readonly at: number }
  /** A shell was started that starts jobs. */
  | { readonly type: "shell"; readonly pid: number; readonly start: number }
  /** A job is about to be started. */
  | {
    readonly type: "intent";
    readonly nonce: string;
    readonly task: string;
    readonly job: string;
    readonly attempt: number;
    /** When the attempt began, in milliseconds since 1970 UTC. */
    readonly started: number;
    /** The program that is to run its script, if it says which. */
    readonly interpreter?: string | undefined;
  }
  /**
   * A job is started: this is its process. It tells all of itself, and becomes the leader of a session; or its number and
   * that of a shell, in whose group and session it is.
   */
  | { readonly type: "run"; readonly nonce: string; readonly process: NotedProcess }
  /** Somebody has decided to end a job. */
  | { readonly type: "kill"; readonly nonce: string; readonly class: FailureClass }
  /** A job has ended: with which code, and when, in seconds since the machine was started. */
  | { readonly type: "exit"; readonly nonce: string; readonly code: number; readonly at: number }
  /** The end of a job is taken in: nobody needs to know more of it. */
  | { readonly type: "forget"; readonly nonce: string };

/**
 * A line as it is appended.
 *
 * @param line What it says: any but that a job is started, which only the job itself can say.
 * @returns Its text.
 */
export function writeLine(line: Exclude<JournalLine, { type: "run" }>): string {
  switch (line.type) {
    case "boot":
      return join("boot", line.boot, line.at);
    case "shell":
      return join("shell", line.pid, line.start);
    case "intent":
      return join(
        "intent",
        line.nonce,
        encodeURIComponent(line.task),
        encodeURIComponent(line.job),
        line.attempt,
        line.started,
        ...line.interpreter === undefined ? [] : [encodeURIComponent(line.interpreter)],
      );
    case "kill":
      return join("kill", line.nonce, line.class);
    case "exit":
      return join("exit", line.nonce, line.code, line.at);
    case "forget":
      return join("forget", line.nonce);
  }
}

function join(...words: readonly (string | number)[]): string {
  return `\n${words.join(" ")} .\n`;
}

/** Reads a journal piece by piece. */
export class JournalReader {
  readonly #decoder = new TextDecoder();
  readonly #known: string | undefined;
  #rest = "";

  /**
   * Makes a reader at the beginning of a journal.
   *
   * @param own With what the nonces begin of jobs whose intents are known, and left out.
   */
  constructor(own?: string) {
    this.#known = own === undefined ? undefined : `intent ${own}`;
  }

  /**
   * Reads on.
   *
   * @param bytes What was appended.
   * @returns The lines that are whole now.
   */
  read(bytes: Uint8Array): JournalLine[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const lines: JournalLine[] = [];
    let start = 0;
    for (let end; (end = text.indexOf("\n", start)) >= 0; start = end + 1) {
      if (!text.endsWith(" .", end)) continue;
      if (this.#known !== undefined && text.startsWith(this.#known, start)) continue;
      const line = parseLine(text.slice(start, end - 2));
      if (line !== undefined) lines.push(line);
    }
    this.#rest = text.slice(start);
    return lines;
  }
}

const CLASSES: ReadonlySet<string> = new Set<FailureClass>(["timeout", "cancelled", "infra"]);

function parseLine(text: string): JournalLine | undefined {
  const [type, ...words] = text.split(" ");
  const [first = "", second = "", third = "", fourth, fifth, sixth] = words;
  switch (type) {
    case "boot":
      return { type, boot: first, at: Number(second) };
    case "shell":
      return { type, pid: Number(first), start: Number(second) };
    case "intent":
      return {
        type,
        nonce: first,
        task: decodeURIComponent(second),
        job: decodeURIComponent(third),
        attempt: Number(fourth),
        started: Number(fifth),
        ...sixth !== undefined && { interpreter: decodeURIComponent(sixth) },
      };
    case "run": {
      const process = words.length === 3
        ? inShell(Number(second), Number(third))
        : parseStat(words.slice(1).join(" "));
      return process && { type, nonce: first, process };
    }
    case "kill":
      return isKillClass(second) ? { type, nonce: first, class: second } : undefined;
    case "exit":
      return { type, nonce: first, code: Number(second), at: Number(third) };
    case "forget":
      return { type, nonce: first };
  }
}

function inShell(pid: number, shell: number): NotedProcess {
  return { pid, parent: shell, group: shell, session: shell };
}

function isKillClass(word: string): word is FailureClass {
  return CLASSES.has(word);
}
