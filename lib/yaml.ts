/**
 * YAML, by the library js-yaml, which is loaded when it is first needed.
 *
 * Values are read by the core schema of YAML 1.2: what JSON has words for, and the numbers `.nan`, `.inf` and `-.inf`.
 * They are written so that readers of YAML 1.1 understand the same.
 *
 * @module
 */

import { DataError } from "./errors.ts";

/** How deep lists and mappings may be nested. */
const MAX_DEPTH = 500;

let library: Awaited<ReturnType<typeof load>> | undefined;

/**
 * Reads a document.
 *
 * @param text The document. An empty one is `null`.
 * @param what What it is, for messages.
 * @returns Its value. Dates are strings.
 * @throws {DataError} If it is no YAML, more than one document, or has a tag outside the core schema. The message tells
 * line and column.
 */
export async function parseYaml(text: string, what: string = "the text"): Promise<unknown> {
  library ??= await load();
  let documents: unknown[];
  try {
    documents = library.loadAll(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof library.YAMLException)) throw error;
    const place = error.mark === undefined
      ? ""
      : `line ${error.mark.line + 1}, column ${error.mark.column + 1}: `;
    throw new DataError(`Cannot read ${what} as YAML: ${place}${error.reason}; correct it there`, {
      cause: error,
    });
  }
  if (documents.length > 1) {
    throw new DataError(
      `Cannot read ${what} as YAML: it holds ${documents.length} documents where one is expected; remove the others`,
    );
  }
  return documents[0] ?? null;
}

/**
 * Writes a value as a document.
 *
 * @param value What JSON has words for, `NaN` and the infinite numbers, and dates, which are written in ISO format and
 * read as strings. Members that are `undefined` are left out.
 * @param what What it is, for messages.
 * @returns The document, which ends with a newline.
 * @throws {DataError} If YAML has no words for the value or for a part of it.
 */
export async function stringifyYaml(value: unknown, what: string = "the value"): Promise<string> {
  const record = stringifyRecord(value);
  if (record !== undefined) return record;
  const problem = unspeakable(value, "", 0);
  if (problem !== undefined) {
    throw new DataError(
      `Cannot write ${what} as YAML: ${problem}; ` +
        "keep to strings, numbers, booleans, null, dates, lists and plain objects",
    );
  }
  library ??= await load();
  return library.dump(value, { lineWidth: -1, noRefs: true });
}

/**
 * Makes what writes values as parts of documents: on one line, to stand wherever a value can. It waits for the library,
 * so that nobody needs to later.
 *
 * @returns Writes what JSON has words for, `NaN` and the infinite numbers.
 */
export async function yamlPartWriter(): Promise<(value: unknown) => string> {
  const { dump } = library ??= await load();
  // The items of a list on one line are such parts; the brackets around them are not.
  return (value) =>
    dump([value], { flowLevel: 0, lineWidth: -1, noRefs: true }).slice("[".length, -"]\n".length);
}

async function load() {
  const { dump, loadAll, YAMLException } = await import("js-yaml");
  return { dump, loadAll, YAMLException };
}

/** A string that needs no quotes; a word that does all the same; the time of a record. */
const PLAIN = /^[A-Za-z_][\w./-]*(?: [\w./-]+)*$/;
const RESERVED = /^(?:[yn]|yes|no|on|off|true|false|null)$/i;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Writes an object of words, times, integers and booleans, as most records are, in the very way of js-yaml, but without
 * loading it and in a twentieth of the time.
 *
 * @param value Any value.
 * @returns The document; nothing if the value is of another kind.
 */
function stringifyRecord(value: unknown): string | undefined {
  if (!isPlainObject(value)) return undefined;
  let text = "";
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const scalar = stringifyScalar(member);
    if (scalar === undefined || key.length > 64 || stringifyScalar(key) !== key) return undefined;
    text += `${key}: ${scalar}\n`;
  }
  return text || undefined;
}

function stringifyScalar(value: unknown): string | undefined {
  if (typeof value === "string") {
    if (PLAIN.test(value)) return RESERVED.test(value) ? `'${value}'` : value;
    return TIME.test(value) ? `'${value}'` : undefined;
  }
  if (value === null || typeof value === "boolean") return String(value);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : undefined;
}

/**
 * Looks for what YAML has no words for.
 *
 * @param value The value, or a part of it.
 * @param path Where in the value the part is.
 * @param depth How deep.
 * @returns What was found and where, as a sentence; nothing if there is nothing.
 */
function unspeakable(value: unknown, path: string, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels, or holds itself`;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = unspeakable(item, `${path}[${index}]`, depth + 1);
      if (found !== undefined) return found;
    }
  } else if (isPlainObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      const found = member === undefined
        ? undefined
        : unspeakable(member, `${path}.${key}`, depth + 1);
      if (found !== undefined) return found;
    }
  } else if (!isSpeakable(value)) {
    const kind = typeof value === "object" ? value?.constructor?.name : typeof value;
    return path === "" ? `it is of type ${kind}` : `it holds something of type ${kind} at ${path}`;
  }
}

function isSpeakable(value: unknown): boolean {
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  return value === null || typeof value === "string" || typeof value === "number" ||
    typeof value === "boolean";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
