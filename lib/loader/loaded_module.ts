/**
 * Makes a module that can run out of what was found.
 *
 * @module
 */

import { sha256 } from "./integrity.ts";
import { emit, EMIT_VERSION, type Emitted } from "./emit.ts";
import { moduleKind } from "./media_type.ts";
import type { ModuleCache } from "./module_cache.ts";
import { type ImportChain, ModuleError } from "./module_error.ts";
import type { ModuleSource } from "./module_store.ts";
import { printable } from "../cli/output.ts";

/** What an import takes a module for, by the `type` among its attributes; code, if it has none. */
export type ImportType = "json" | "text" | "bytes";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Checks the `type` of an import.
 *
 * @param type The attribute.
 * @param url The module.
 * @param chain The imports that led to it.
 * @returns The type.
 * @throws {ModuleError} If there is no such type.
 */
export function importType(
  type: string | undefined,
  url: string,
  chain: ImportChain | undefined,
): ImportType | undefined {
  if (type === undefined || type === "json" || type === "text" || type === "bytes") return type;
  throw new ModuleError(
    url,
    `modules cannot be imported with the type "${type}"; it may be json, text or bytes`,
    chain,
  );
}

/**
 * Makes JavaScript of what was found.
 *
 * @param source What was found.
 * @param type What it is imported as.
 * @param cache Where translated code is kept.
 * @param chain The imports that led to it; undefined if the user asked for it.
 * @returns The code.
 * @throws {ModuleError} If it is not what it is imported as.
 */
export async function translate(
  source: ModuleSource,
  type: ImportType | undefined,
  cache: ModuleCache,
  chain: ImportChain | undefined,
): Promise<Emitted> {
  if (type !== undefined) return data(await dataCode(source, type, chain));
  const { url, contentType, hash } = source;
  const kind = moduleKind(url, contentType);
  if (kind === undefined) throw new ModuleError(url, noModule(url, contentType), chain);
  if (kind === "json") {
    throw new ModuleError(url, `it is JSON; import it with { type: "json" }`, chain);
  }
  const key = await sha256([EMIT_VERSION, url, kind, hash].join("\n"));
  const name = `code/${key.slice(0, 2)}/${key.slice(2)}`;
  const kept = await cache.readValue<Emitted>(name);
  if (kept !== undefined) return kept;
  const emitted = await emit(await text(source, chain), url, kind, hash);
  await cache.writeValue(name, emitted);
  return emitted;
}

async function dataCode(
  source: ModuleSource,
  type: ImportType,
  chain: ImportChain | undefined,
): Promise<string> {
  if (type === "bytes") {
    return `export default Uint8Array.fromBase64("${(await source.read()).toBase64()}");\n`;
  }
  const content = await text(source, chain);
  if (type === "text") return `export default ${JSON.stringify(content)};\n`;
  if (source.contentType === "text/html") {
    throw new ModuleError(source.url, noModule(source.url, source.contentType), chain);
  }
  try {
    JSON.parse(content);
  } catch (error) {
    const happened = error instanceof Error ? error.message : String(error);
    throw new ModuleError(source.url, `it is no JSON: ${printable(happened)}; correct it`, chain);
  }
  return `export default JSON.parse(${JSON.stringify(content)});\n`;
}

function data(code: string): Emitted {
  return { code, hole: "", imports: [] };
}

async function text(source: ModuleSource, chain: ImportChain | undefined): Promise<string> {
  const bytes = await source.read();
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new ModuleError(source.url, `it is no UTF-8 text; save it as such`, chain, {
      cause: error,
    });
  }
}

function noModule(url: string, contentType: string): string {
  const wanted = "JavaScript, TypeScript or JSON was expected";
  if (contentType === "text/html") {
    return `the server sends a page (text/html), and ${wanted}; name the raw file, not the page that shows it`;
  }
  if (url.startsWith("file:") || contentType === "text/plain" || contentType === "") {
    return `its name does not say what it is, and ${wanted}; give it an extension such as .ts`;
  }
  return `the server says that it is ${printable(contentType)}, and ${wanted}; check the URL`;
}
