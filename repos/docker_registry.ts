/**
 * Asking container registries.
 *
 * @module
 */

import type { RegistryLogin } from "./registry_credentials.ts";
import type { RegistryRequests } from "./registry_requests.ts";

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
  #requests: RegistryRequests | undefined;
  #opening: Promise<RegistryRequests> | undefined;

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
    const requests = this.#requests ??= await this.#open();
    return await requests.send(request);
  }

  /** Loads what sends requests the first time. */
  #open(): Promise<RegistryRequests> {
    return this.#opening ??= import("./registry_requests.ts").then(({ RegistryRequests }) => {
      const { url, timeout } = this;
      return new RegistryRequests({ url, timeout, login: this.#login });
    });
  }
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
