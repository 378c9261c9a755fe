/**
 * Sending requests to a container registry, and showing it who asks.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { RegistryRequest } from "./docker_registry.ts";
import type { Authorization } from "./registry_auth.ts";
import type { RegistryLogin } from "./registry_credentials.ts";

/** How a registry is spoken to. */
export interface RegistryRequestsOptions {
  /** Its URL. */
  readonly url: URL;
  /** How long a request may take, in milliseconds. */
  readonly timeout: number;
  /** Who asks; if it is not given, what `docker login` has kept. */
  readonly login: RegistryLogin | undefined;
}

/** The requests to one registry. */
export class RegistryRequests {
  readonly #url: URL;
  readonly #timeout: number;
  readonly #login: RegistryLogin | undefined;
  /** By scope, so that a token is asked for once. */
  readonly #authorizations = new Map<string, Promise<Authorization>>();

  /**
   * Sends nothing.
   *
   * @param options How the registry is spoken to.
   */
  constructor({ url, timeout, login }: RegistryRequestsOptions) {
    this.#url = url;
    this.#timeout = timeout;
    this.#login = login;
  }

  /** Sends a request; if the registry wants to know who asks, once more with that. */
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
    const login = this.#login ?? await savedLogin(this.#url.host);
    return await authorize(answer, scope, login, (url, init) => {
      if (this.#url.protocol === "https:" && url.protocol !== "https:") {
        throw new StoreError(
          `Cannot log in: the token server ${url.host} does not use TLS, though the registry does; correct it there`,
        );
      }
      onSend?.();
      return fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeout) });
    });
  }

  #send(
    { method, path, headers = {}, body, onSend }: RegistryRequest,
    authorization: string | undefined,
  ): Promise<Response> {
    const url = new URL(path, this.#url);
    // What a registry names elsewhere, where blobs are stored for instance, is not to see who asks.
    const shown = url.origin === this.#url.origin ? authorization : undefined;
    onSend?.();
    return fetch(url, {
      method,
      headers: { ...headers, ...shown !== undefined && { authorization: shown } },
      body: body ?? null,
      signal: AbortSignal.timeout(this.#timeout),
    });
  }
}

/** What to show from the beginning; nothing if it has expired, or could not be got. */
async function headerOf(known: Promise<Authorization> | undefined): Promise<string | undefined> {
  const authorization = await known?.catch(() => undefined);
  if (authorization === undefined || authorization.expires <= Date.now()) return undefined;
  return authorization.header;
}
