/**
 * Fetches one module from its server.
 *
 * @module
 */

import { printable } from "../cli/output.ts";
import type { FetchPolicy } from "./fetch_policy.ts";
import { type ImportChain, ModuleError, UnreachableModuleError } from "./module_error.ts";

/** How often a server is asked that fails. */
const TRIES = 3;

/** Milliseconds before it is asked again, for the first time. */
const PAUSE = 100;

/** How many redirects are followed. */
const REDIRECTS = 10;

/** What modules are asked for as. Servers that know several forms of a module choose by it. */
const ACCEPT =
  "application/typescript, text/typescript, application/javascript, text/javascript, application/json, */*;q=0.5";

/** What a server gave. */
export interface Fetched {
  /** The URLs that redirected, in order, each with where it points. */
  readonly redirects: readonly (readonly [string, string])[];
  /** Where the module was, in the end. */
  readonly url: string;
  /** Its media type, in lower case and without parameters; empty if the server does not say. */
  readonly contentType: string;
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is needed to fetch modules. */
export interface FetchContext {
  /** Where they may come from. */
  readonly policy: FetchPolicy;
  /** `authorization` headers, by host. */
  readonly tokens: ReadonlyMap<string, string>;
  /** Seconds in which a server must begin to answer, and go on answering. */
  readonly patience: number;
  /** The most bytes that a module may have. */
  readonly maxBytes: number;
}

/**
 * Fetches a module.
 *
 * @param href Its URL.
 * @param chain The imports that led to it; undefined if the user asked for it.
 * @param context What is needed for it.
 * @returns The module, and how it was found.
 * @throws {ModuleError} If what is there cannot be a module, or must not be loaded from there.
 * @throws {UnreachableModuleError} If it cannot be had.
 */
export async function fetchModule(
  href: string,
  chain: ImportChain | undefined,
  context: FetchContext,
): Promise<Fetched> {
  const redirects: [string, string][] = [];
  let url = new URL(href);
  context.policy.check(url, chain);
  for (;;) {
    const response = await ask(url, chain, context);
    const location = response.status >= 300 && response.status < 400
      ? response.headers.get("location")
      : null;
    if (location === null) {
      const contentType = mediaType(response.headers.get("content-type") ?? "");
      const bytes = await body(response, url, chain, context);
      return { redirects, url: url.href, contentType, bytes };
    }
    await response.body?.cancel();
    if (redirects.length >= REDIRECTS) {
      throw new ModuleError(
        href,
        `it redirects more than ${REDIRECTS} times; check its server`,
        chain,
      );
    }
    const target = redirectTarget(location, url, chain);
    context.policy.checkRedirect(url, target, chain);
    redirects.push([url.href, target.href]);
    url = target;
  }
}

/**
 * The media type that a header says.
 *
 * @param header The value of `content-type`.
 * @returns The type in lower case, without parameters.
 */
export function mediaType(header: string): string {
  return header.split(";", 1)[0]!.trim().toLowerCase();
}

function redirectTarget(location: string, base: URL, chain: ImportChain | undefined): URL {
  const target = URL.parse(location, base.href);
  if (target === null) {
    throw new ModuleError(
      base.href,
      `the server redirects to ${printable(location)}, which is no URL; check its server`,
      chain,
    );
  }
  target.hash = "";
  return target;
}

/** Asks until there is an answer that counts. */
async function ask(
  url: URL,
  chain: ImportChain | undefined,
  context: FetchContext,
): Promise<Response> {
  for (let attempt = 1;; attempt++) {
    const response = await tryOnce(url, chain, context, attempt);
    if (response !== undefined) {
      if (response.ok || (response.status >= 300 && response.status < 400)) return response;
      await response.body?.cancel();
      if (response.status < 500 || attempt >= TRIES) throw refused(url, response, chain, context);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE * 4 ** (attempt - 1)));
  }
}

/** Asks once; undefined if the connection failed in a way that may pass. */
async function tryOnce(
  url: URL,
  chain: ImportChain | undefined,
  { tokens, patience }: FetchContext,
  attempt: number,
): Promise<Response | undefined> {
  const headers = new Headers({ accept: ACCEPT });
  const token = tokens.get(url.host);
  if (token !== undefined) headers.set("authorization", token);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), patience * 1000);
  try {
    return await fetch(url, {
      headers,
      redirect: "manual",
      signal: timeout.signal,
    });
  } catch (error) {
    if (timeout.signal.aborted) throw hangs(url, chain, patience);
    if (error instanceof Deno.errors.NotCapable) {
      throw new UnreachableModuleError(url.href, `${error.message}; allow it`, chain, {
        cause: error,
      });
    }
    if (attempt < TRIES) return undefined;
    throw new UnreachableModuleError(
      url.href,
      `the connection failed: ${printable(innermost(error))}; check the URL and the network`,
      chain,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

function refused(
  url: URL,
  response: Response,
  chain: ImportChain | undefined,
  { tokens }: FetchContext,
): ModuleError {
  const said = `the server answers ${response.status} ${printable(response.statusText)}`.trimEnd();
  switch (response.status) {
    case 401:
    case 403:
      return new UnreachableModuleError(
        url.href,
        tokens.has(url.host)
          ? `${said}; the token for ${url.host} in DENO_AUTH_TOKENS does not admit you`
          : `${said}; put a token for it into DENO_AUTH_TOKENS: TOKEN@${url.host}`,
        chain,
      );
    case 404:
    case 410:
      return new UnreachableModuleError(url.href, `${said}; check the URL`, chain);
    default:
      return new UnreachableModuleError(url.href, `${said}; try again later`, chain);
  }
}

function hangs(url: URL, chain: ImportChain | undefined, patience: number): UnreachableModuleError {
  return new UnreachableModuleError(
    url.href,
    `the server has sent nothing for ${patience} s; try again later`,
    chain,
  );
}

/** Reads a body that may neither hang nor grow without end. */
async function body(
  response: Response,
  url: URL,
  chain: ImportChain | undefined,
  { patience, maxBytes }: FetchContext,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (Number(response.headers.get("content-length")) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(url, chain, maxBytes);
  }
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), patience * 1000);
    });
    try {
      const next = await Promise.race([reader.read(), late]);
      if (next === "late") throw hangs(url, chain, patience);
      if (next.done) break;
      chunks.push(next.value);
      size += next.value.length;
      if (size > maxBytes) throw tooLarge(url, chain, maxBytes);
    } catch (error) {
      await reader.cancel().catch(() => {});
      if (error instanceof ModuleError) throw error;
      throw new UnreachableModuleError(
        url.href,
        `the connection broke: ${printable(innermost(error))}; try again`,
        chain,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(url: URL, chain: ImportChain | undefined, maxBytes: number): ModuleError {
  return new ModuleError(
    url.href,
    `it has more than ${
      maxBytes / 2 ** 20
    } MiB, too much for a module; let the pipeline fetch data itself`,
    chain,
  );
}

/** The message of the error that began it: those of the platform say the same again around it. */
function innermost(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at instanceof Error ? at.message : String(at);
}
