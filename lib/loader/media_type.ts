/**
 * What a module is written in, by what its server and its name say.
 *
 * @module
 */

/** What a module is written in. */
export type ModuleKind = "ts" | "tsx" | "js" | "jsx" | "json";

const JAVASCRIPT = /^(?:application|text)\/(?:x-)?(?:javascript|ecmascript)$/;

/** What servers call TypeScript. The last ones are other formats whose names end in `.ts` and `.mts`, too. */
const TYPESCRIPT =
  /^(?:(?:application|text)\/(?:x-)?typescript|video\/mp2t|video\/vnd\.dlna\.mpeg-tts|text\/vnd\.trolltech\.linguist|model\/vnd\.mts)$/;

const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9.-]+\+)?json$/;

/** What servers say that do not know. */
const UNKNOWN = /^(?:|text\/plain|(?:application|binary)\/octet-stream)$/;

const BY_EXTENSION: Readonly<Record<string, ModuleKind>> = {
  ts: "ts",
  mts: "ts",
  tsx: "tsx",
  js: "js",
  mjs: "js",
  jsx: "jsx",
  json: "json",
};

/**
 * Tells what a module is written in.
 *
 * @param url Its URL.
 * @param contentType What the server says: a media type in lower case, without parameters; empty if it says nothing.
 * @returns The kind; undefined if it is no module.
 */
export function moduleKind(url: string, contentType: string): ModuleKind | undefined {
  const extension = /\.([a-z]+)$/.exec(new URL(url).pathname.toLowerCase())?.[1] ?? "";
  const named = BY_EXTENSION[extension];
  if (TYPESCRIPT.test(contentType)) return named === "tsx" ? "tsx" : "ts";
  if (JAVASCRIPT.test(contentType)) return named === "jsx" ? "jsx" : "js";
  if (JSON_TYPE.test(contentType)) return "json";
  if (contentType === "text/tsx" || contentType === "text/jsx") {
    return contentType.slice(5) as "tsx" | "jsx";
  }
  if (UNKNOWN.test(contentType)) return named;
  return undefined;
}
