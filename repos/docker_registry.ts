/**
 * Asking container registries.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { Authorization } from "./registry_auth.ts";
import type { RegistryLogin } from "./registry_credentials.ts";

/** Options of a {@linkcode DockerRegistry}. */
export interface DockerRegistryOptions {
  /** Who asks. With the password, it takes the place of what `docker login` has kept. */
  readonly username?: string;
  /** The password that belongs to it. */
  readonly password?: string;
  /**
   * How long a request may take, in milliseconds, until the end of its answer.
   *
   * @default {60_000}
   */
  readonly timeout?: number;
}

/** A request to a registry. */
export interface RegistryRequest {
  /** The method of HTTP. */
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** What is asked for: a path, or a URL that the registry gave. */
  readonly path: string;
  /** What is to be done to what, in the words of a token server. */
  readonly scope: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Called each time when something is sent for it. */
  readonly onSend?: () => void;
}

/** Hosts that are this machine, with which Docker speaks without TLS. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/;

/**
 * A container registry that speaks version 2 of the API of Docker's, which is that of OCI.
 *
 * Who asks is what the options say, or else what `docker login` has kept in `config.json` in `DOCKER_CONFIG` or
 * `~/.docker`, helpers included. It is shown when the registry asks for it, directly or to its token server.
 *
 * @example Usage
 * ```ts
 * import { DockerRegistry, DockerRepository } from "@datatask/datatask";
 * import { deepStrictEqual } from "node:assert";
 *
 * const registry = new DockerRegistry("localhost:5000");
 * const images = new DockerRepository(registry, "localhost:5000", "library/moby");
 * deepStrictEqual(await images.info("v1"), {
 *   withdomain: "localhost:5000/library/moby:v1",
 *   withoutdomain: "library/moby:v1",
 * });
 * ```
 */
export class DockerRegistry {
  /** Its URL. */
  readonly url: URL;
  /** How long a request may take, in milliseconds. */
  readonly timeout: number;
  readonly #login: RegistryLogin | undefined;
  /** By scope, so that a token is asked for once. */
  readonly #authorizations = new Map<string, Promise<Authorization>>();

  /**
   * Makes one. It is not asked for anything.
   *
   * @param address Its host, with the port if it has one; or a URL, to say whether to use TLS. Without one, it is used with
   * all but this machine.
   * @param options Who asks, and how long to wait.
   * @throws {TypeError} If `address` is none, or one of user name and password is lacking.
   */
  constructor(address: string, options: DockerRegistryOptions = {}) {
    const { username, password, timeout = 60_000 } = options;
    const host = isDockerHub(address) ? "registry-1.docker.io" : address;
    const url = /^https?:\/\//.test(host)
      ? host
      : `${LOOPBACK.test(host) ? "http" : "https"}://${host}`;
    if (!URL.canParse(url)) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(address)} as a registry: give its host, or a URL`,
      );
    }
    if ((username === undefined) !== (password === undefined)) {
      throw new TypeError("Cannot log in with one of user name and password: give both");
    }
    this.url = new URL(url);
    this.timeout = timeout;
    this.#login = username === undefined || password === undefined
      ? undefined
      : { username, password };
  }

  /**
   * Sends a request; if the registry wants to know who asks, once more with that.
   *
   * @param request What to send.
   * @returns The answer, whatever its status is.
   * @throws {Error} If the login is wrong or lacking, or there is no answer in time.
   */
  async send(request: RegistryRequest): Promise<Response> {
    const { scope } = request;
    const known = this.#authorizations.get(scope);
    const answer = await this.#send(request, await headerOf(known));
    if (answer.status !== 401) return answer;
    await answer.body?.cancel();
    // Unless another request has asked in the meantime.
    if (this.#authorizations.get(scope) === known) this.#ask(answer, request);
    return await this.#send(request, (await this.#authorizations.get(scope))?.header);
  }

  #ask(answer: Response, { scope, onSend }: RegistryRequest): void {
    const asked = this.#authorize(answer, scope, onSend);
    this.#authorizations.set(scope, asked);
    asked.catch(() => {
      if (this.#authorizations.get(scope) === asked) this.#authorizations.delete(scope);
    });
  }

  async #authorize(
    answer: Response,
    scope: string,
    onSend: (() => void) | undefined,
  ): Promise<Authorization> {
    const { authorize } = await import("./registry_auth.ts");
    const { savedLogin } = await import("./registry_credentials.ts");
    const login = this.#login ?? await savedLogin(this.url.host);
    return await authorize(answer, scope, login, (url, init) => {
      if (this.url.protocol === "https:" && url.protocol !== "https:") {
        throw new StoreError(
          `Cannot log in: the token server ${url.host} does not use TLS, though the registry does; correct it there`,
        );
      }
      onSend?.();
      return fetch(url, { ...init, signal: AbortSignal.timeout(this.timeout) });
    });
  }

  #send(
    { method, path, headers = {}, body, onSend }: RegistryRequest,
    authorization: string | undefined,
  ): Promise<Response> {
    const url = new URL(path, this.url);
    // What a registry names elsewhere, where blobs are stored for instance, is not to see who asks.
    const shown = url.origin === this.url.origin ? authorization : undefined;
    onSend?.();
    return fetch(url, {
      method,
      headers: { ...headers, ...shown !== undefined && { authorization: shown } },
      body: body ?? null,
      signal: AbortSignal.timeout(this.timeout),
    });
  }
}

/** What to show from the beginning; nothing if it has expired, or could not be got. */
async function headerOf(known: Promise<Authorization> | undefined): Promise<string | undefined> {
  const authorization = await known?.catch(() => undefined);
  if (authorization === undefined || authorization.expires <= Date.now()) return undefined;
  return authorization.header;
}

/**
 * Whether a host is one of Docker's own registry.
 *
 * @param host The host.
 * @returns True if it is.
 */
export function isDockerHub(host: string): boolean {
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host);
}
