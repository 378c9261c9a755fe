/**
 * Where the pipeline is that a command line means.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UsageError } from "../cli/usage_error.ts";
import { parsePin } from "../loader/integrity.ts";

/** The name of a pipeline that need not be named. */
export const PIPELINE_FILE = "pipeline.ts";

/** The name of a lock file that need not be named. */
export const LOCK_FILE = "datatask.lock";

/** A pipeline. */
export interface PipelineSource {
  /** The URL of its module. */
  readonly url: string;
  /** The hash that its URL says it must have. */
  readonly pin?: string;
  /** Its text, if that came from standard input. */
  readonly text?: Uint8Array<ArrayBuffer>;
}

/**
 * Whether a word names a pipeline, and not a verb: it is a path, a URL or `-`.
 *
 * @param word The word.
 * @returns Whether it does.
 */
export function namesPipeline(word: string): boolean {
  return word === "-" || /[/\\]|\.[cm]?[jt]sx?$|^[a-z][a-z0-9+.-]+:/i.test(word);
}

/**
 * Finds the pipeline that a word names.
 *
 * @param word A path, a URL, or `-` for standard input.
 * @returns The pipeline.
 * @throws {UsageError} If it names none.
 */
export async function pipelineNamed(word: string): Promise<PipelineSource> {
  if (word === "-") {
    const text = await new Response(Deno.stdin.readable).bytes();
    return { url: pathToFileURL(resolve("stdin.ts")).href, text };
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(word)?.[1]?.toLowerCase();
  if (scheme === undefined) return { url: pathToFileURL(resolve(word)).href };
  const url = URL.parse(word);
  if (url === null || !["file", "http", "https"].includes(scheme)) {
    throw new UsageError(`"${word}" names no pipeline: use a path, an https: or file: URL, or -`);
  }
  const fragment = url.hash;
  url.hash = "";
  if (fragment === "") return { url: url.href };
  const pin = parsePin(fragment.slice(1));
  if (pin === undefined) {
    throw new UsageError(`"${fragment}" is no hash: write #sha256= and 64 hexadecimal digits`);
  }
  return { url: url.href, pin };
}

/**
 * Finds the pipeline of this folder, or of the nearest one above, and goes there, so that its relative paths mean what
 * they mean to who wrote it.
 *
 * @returns The pipeline; undefined if there is none.
 */
export function pipelineHere(): PipelineSource | undefined {
  for (let folder = resolve(".");; folder = dirname(folder)) {
    const file = join(folder, PIPELINE_FILE);
    if (isFile(file)) {
      Deno.chdir(folder);
      return { url: pathToFileURL(file).href };
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * The lock file of a pipeline: beside one of this machine, in this folder for one from the network.
 *
 * @param url The URL of the pipeline.
 * @returns The path of the file, which may not exist, and how it calls the pipeline.
 */
export function lockOf(url: string): { readonly path: string; readonly pipeline: string } {
  if (!url.startsWith("file:")) return { path: resolve(LOCK_FILE), pipeline: url };
  const file = fileURLToPath(url);
  return { path: join(dirname(file), LOCK_FILE), pipeline: basename(file) };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // also where nobody may look
  }
}
