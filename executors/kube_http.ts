/**
 * Requests to the API server of a cluster.
 *
 * @module
 */

import type { KubernetesClient, Pod, PodChange, PodEvent, PodList } from "./pod_api.ts";

/** Who asks, as it is sent: headers and certificates. */
export interface KubeAccess {
  /** What is added to each request. */
  headers?: unknown;
  /** A user and a password, with a colon between. */
  auth?: string | null | undefined;
  /** The certificate by which the server is known. */
  ca?: unknown;
  /** A client certificate. */
  cert?: unknown;
  /** Its key. */
  key?: unknown;
}

/** An answer that is no success, with the names that the official client's errors have. */
export class KubeHttpError extends Error {
  /** `"KubeHttpError"`. */
  override name = "KubeHttpError";
  /** The status. */
  readonly code: number;
  /** The answer. */
  readonly body: string;
  /** Its headers. */
  readonly headers: Readonly<Record<string, string>>;

  /** Takes in an answer. */
  constructor(response: Response, body: string) {
    super(`status ${response.status}`);
    this.code = response.status;
    this.body = body;
    this.headers = Object.fromEntries(response.headers);
  }
}

/** Milliseconds that an answer may take to begin, and one that is no stream to end. */
const TIMEOUT = 30_000;

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** A client of an API server, over connections that it keeps. */
export class KubeHttp implements KubernetesClient, Disposable {
  readonly #server: string;
  readonly #proxy: string | undefined;
  readonly #access: () => Promise<KubeAccess>;
  /** The connections, and the certificates that they were made with. */
  #connections: { readonly client: Deno.HttpClient; readonly key: string } | undefined;

  /**
   * Makes the client; nothing is sent.
   *
   * @param server The URL of the API server.
   * @param proxy The URL of the proxy, if there is one.
   * @param access Tells who asks; called before each request.
   */
  constructor(server: string, proxy: string | undefined, access: () => Promise<KubeAccess>) {
    this.#server = server.replace(/\/$/, "");
    this.#proxy = proxy;
    this.#access = access;
  }

  createNamespacedPod(
    { namespace, body, ...query }: Parameters<KubernetesClient["createNamespacedPod"]>[0],
  ): Promise<Pod> {
    return this.#json("POST", podPath(namespace), query, body);
  }

  readNamespacedPod(
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): Promise<Pod> {
    return this.#json("GET", podPath(namespace, name));
  }

  async listNamespacedPod(
    { namespace, _continue, ...query }: Parameters<KubernetesClient["listNamespacedPod"]>[0],
  ): Promise<PodList> {
    const { items, metadata } = await this.#json<{
      readonly items: readonly Pod[];
      readonly metadata: { readonly continue?: string; readonly resourceVersion?: string };
    }>("GET", podPath(namespace), { ...query, continue: _continue });
    return {
      items,
      metadata: { _continue: metadata.continue, resourceVersion: metadata.resourceVersion },
    };
  }

  patchNamespacedPod(
    { namespace, name, body }: Parameters<KubernetesClient["patchNamespacedPod"]>[0],
  ): Promise<Pod> {
    return this.#json("PATCH", podPath(namespace, name), {}, body);
  }

  deleteNamespacedPod(
    { namespace, name, body }: Parameters<KubernetesClient["deleteNamespacedPod"]>[0],
  ): Promise<unknown> {
    return this.#json("DELETE", podPath(namespace, name), {}, body);
  }

  listNamespacedEvent(
    { namespace, ...query }: Parameters<KubernetesClient["listNamespacedEvent"]>[0],
  ): Promise<{ readonly items: readonly PodEvent[] }> {
    return this.#json("GET", `/api/v1/namespaces/${namespace}/events`, query);
  }

  async *watchNamespacedPod(
    { namespace, ...query }: Parameters<KubernetesClient["watchNamespacedPod"]>[0],
    signal: AbortSignal,
  ): AsyncGenerator<PodChange, void, undefined> {
    const body = await this.#stream(podPath(namespace), { ...query, watch: true }, signal);
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line !== "") yield JSON.parse(line);
    }
  }

  streamNamespacedPodLog(
    { namespace, name, ...query }: Parameters<KubernetesClient["streamNamespacedPodLog"]>[0],
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return this.#stream(`${podPath(namespace, name)}/log`, query, signal);
  }

  /** Closes the connections. */
  close(): void {
    this.#connections?.client.close();
    this.#connections = undefined;
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The URL of the API server. */
  toString(): string {
    return this.#server;
  }

  async #json<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await this.#send(method, path, query, signal, body);
    return await new Response(bodyOf(response, signal)).json();
  }

  /** An answer that goes on: it has to begin in time, and ends when it ends. */
  async #stream(
    path: string,
    query: Query,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const timer = setTimeout(
      () => ending.abort(new DOMException("the server does not answer", "TimeoutError")),
      TIMEOUT,
    );
    try {
      return bodyOf(await this.#send("GET", path, query, ending.signal), signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #send(
    method: string,
    path: string,
    query: Query,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<Response> {
    const access = await this.#access();
    const url = new URL(this.#server + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers(headersOf(access));
    if (body !== undefined) {
      headers.set(
        "Content-Type",
        method === "PATCH" ? "application/json-patch+json" : "application/json",
      );
    }
    const response = await fetch(url, {
      method,
      headers,
      signal,
      client: this.#client(access),
      ...body !== undefined && { body: JSON.stringify(body) },
    });
    if (response.ok) return response;
    throw new KubeHttpError(response, await response.text());
  }

  /** The connections; other ones, when a certificate has been renewed. */
  #client({ ca, cert, key }: KubeAccess): Deno.HttpClient {
    const pem = { ca: text(ca), cert: text(cert), key: text(key) };
    const made = JSON.stringify(pem);
    if (this.#connections?.key === made) return this.#connections.client;
    this.#connections?.client.close();
    const client = Deno.createHttpClient({
      http2: false, // one slow reader of a log must not hold up the rest
      ...pem.ca !== undefined && { caCerts: [pem.ca] },
      ...pem.cert !== undefined && pem.key !== undefined && { cert: pem.cert, key: pem.key },
      ...this.#proxy !== undefined && { proxy: { url: this.#proxy } },
    });
    this.#connections = { client, key: made };
    return client;
  }
}

/**
 * The body of an answer, until `signal` is aborted. The runtime forgets the signal that a request had when it collects
 * garbage after the answer has begun.
 */
function bodyOf(
  { body }: Response,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = (body ?? new Blob().stream()).getReader();
  const onAbort = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", onAbort);
  const finish = (): void => signal.removeEventListener("abort", onAbort);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      try {
        const { done, value } = await reader.read();
        signal.throwIfAborted();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      finish();
    },
    async cancel(reason): Promise<void> {
      finish();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

function podPath(namespace: string, name?: string): string {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  return name === undefined ? path : `${path}/${encodeURIComponent(name)}`;
}

function headersOf({ headers, auth }: KubeAccess): [string, string][] {
  const entries: [string, string][] = Object.entries(headers ?? {}).map((
    [name, value],
  ) => [name, String(value).trim()]);
  if (auth) entries.push(["Authorization", `Basic ${btoa(auth)}`]);
  return entries;
}

/** A certificate as text, however the official client has read it. */
function text(pem: unknown): string | undefined {
  if (pem === undefined || pem === null) return undefined;
  return pem instanceof Uint8Array ? new TextDecoder().decode(pem) : String(pem);
}
