/**
 * Where modules may come from.
 *
 * @module
 */

import { type ImportChain, ModuleError } from "./module_error.ts";

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Whether a URL is fetched without the network's help, so that nobody can change on the way what it gives.
 *
 * @param url The URL.
 * @returns True for this machine.
 */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/** Decides where modules may come from. */
export class FetchPolicy {
  readonly #hosts: ReadonlySet<string>;
  #own: string | undefined;

  /**
   * Makes a policy.
   *
   * @param hosts The hosts that are allowed beside that of the pipeline, with their ports if they are not the usual
   * ones. With none, code may import from any host.
   */
  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
  }

  /**
   * Says which URL the user asked for: its host is allowed.
   *
   * @param url The URL of the pipeline.
   */
  allowPipeline(url: URL): void {
    this.#own = url.host;
  }

  /**
   * Checks the URL of a module.
   *
   * @param url The URL.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @throws {ModuleError} If it may not be fetched.
   */
  check(url: URL, chain: ImportChain | undefined): void {
    this.#checkScheme(url, url.href, "", chain);
    if (this.#hosts.size > 0 && !this.#isNamed(url)) {
      throw new ModuleError(
        url.href,
        `modules may not come from ${url.host}; if you trust it, say --allow-host=${url.host}`,
        chain,
      );
    }
  }

  /**
   * Checks a redirect: it must not lose encryption, nor lead to a host that nobody named.
   *
   * @param from Where the server was asked.
   * @param to Where it points.
   * @param chain The imports that led to it; undefined if the user asked for it.
   * @throws {ModuleError} If it may not be followed.
   */
  checkRedirect(from: URL, to: URL, chain: ImportChain | undefined): void {
    const shown = `the server redirects to ${to.href}, `;
    if (from.protocol === "https:" && to.protocol !== "https:") {
      throw new ModuleError(from.href, `${shown}which is not encrypted; name an https URL`, chain);
    }
    this.#checkScheme(to, from.href, shown, chain);
    if (from.host !== to.host && !this.#isNamed(to)) {
      throw new ModuleError(
        from.href,
        `${shown}another host; if you trust it, say --allow-host=${to.host}`,
        chain,
      );
    }
  }

  #checkScheme(url: URL, shown: string, prefix: string, chain: ImportChain | undefined): void {
    if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))) return;
    const what = url.protocol === "http:"
      ? "which is not encrypted, and not this machine; use https"
      : `whose scheme is "${url.protocol}"; use https`;
    throw new ModuleError(
      shown,
      prefix === "" ? `its URL is one ${what}` : `${prefix}${what}`,
      chain,
    );
  }

  #isNamed(url: URL): boolean {
    return url.host === this.#own || this.#hosts.has(url.host) ||
      (url.port === "" && this.#hosts.has(`${url.host}:${url.protocol === "https:" ? 443 : 80}`));
  }
}
