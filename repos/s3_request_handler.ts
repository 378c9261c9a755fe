/**
 * How the AWS SDK sends requests here. What has a body goes by the SDK's own way over `node:http`, which does not copy it;
 * all else by `fetch`, which reads answers with a third of the memory, and faster.
 *
 * @module
 */

import type { NodeHttpHandler } from "@smithy/node-http-handler";

/** How long a {@linkcode S3RequestHandler} waits, in milliseconds. */
export interface S3Patience {
  /** For an answer to begin, once the request was sent. */
  readonly requestTimeout: number;
  /** For an answer that has begun to go on. */
  readonly socketTimeout: number;
}

type SdkRequest = Parameters<NodeHttpHandler["handle"]>[0];
type SdkOptions = Parameters<NodeHttpHandler["handle"]>[1];
type SdkAnswer = ReturnType<NodeHttpHandler["handle"]>;

/** Sends the requests of one client. */
export class S3RequestHandler {
  /** For the SDK, which adapts requests to it. */
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #sender: NodeHttpHandler;
  readonly #completer: NodeHttpHandler;
  readonly #patience: S3Patience;

  /**
   * Makes one.
   *
   * @param sender Sends what has a body.
   * @param completer Sends what ends an upload in parts: some servers answer when they have put gigabytes together.
   * @param patience How long to wait for the answers to all else.
   */
  constructor(sender: NodeHttpHandler, completer: NodeHttpHandler, patience: S3Patience) {
    this.#sender = sender;
    this.#completer = completer;
    this.#patience = patience;
  }

  /** Sends a request. Errors that are worth another attempt have a code by which the SDK knows that. */
  async handle(request: SdkRequest, options: SdkOptions = {}): SdkAnswer {
    if (request.body) {
      const completes = request.method === "POST" && request.query?.uploadId !== undefined;
      const sender = completes ? this.#completer : this.#sender;
      return await sender.handle(request, options);
    }
    const { abortSignal } = options;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    if (abortSignal?.aborted) onAbort();
    const listens = abortSignal instanceof AbortSignal ? abortSignal : undefined;
    listens?.addEventListener("abort", onAbort);
    const release = (): void => listens?.removeEventListener("abort", onAbort);
    const { requestTimeout, socketTimeout } = this.#patience;
    try {
      const sent = send(request, stop.signal);
      const answer = await inTime(requestTimeout, sent, (reason) => stop.abort(reason));
      const { status: statusCode, statusText: reason, headers } = answer;
      const body = paced(answer.body, socketTimeout, release);
      return { response: { statusCode, reason, headers: Object.fromEntries(headers), body } };
    } catch (error) {
      release();
      throw networkError(error);
    }
  }

  /** Closes the connections that are its own; those of `fetch` belong to the process. */
  destroy(): void {
    this.#sender.destroy();
    this.#completer.destroy();
  }

  /** For the SDK, which may set options: there are none. */
  updateHttpClientConfig(): void {}

  /** For the SDK, which may ask for options: there are none. */
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

/** Sends a request that has no body. */
function send(request: SdkRequest, signal: AbortSignal): Promise<Response> {
  const { "content-length": _, host: __, ...headers } = request.headers; // both are set by fetch
  return fetch(urlOf(request), {
    method: request.method,
    // An object is to come as it is stored, even if it is stored compressed.
    headers: { ...headers, "accept-encoding": "identity" },
    redirect: "manual",
    signal,
  });
}

function urlOf({ protocol, hostname, port, path, query }: SdkRequest): string {
  const parts = Object.entries(query ?? {}).flatMap(([key, value]) =>
    value === null ? [encode(key)] : [value].flat().map((each) => `${encode(key)}=${encode(each)}`)
  );
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return `${protocol}//${host}${path}${parts.length === 0 ? "" : `?${parts.join("&")}`}`;
}

/** Encodes as signatures do, which cover more than `encodeURIComponent` does. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** How many bytes are read at once, into a place that is used again: what is handed on is then no larger than it must be. */
const CHUNK = 32 * 1024;

/** A body that fails when it stands still for too long. */
function paced(
  body: ReadableStream<Uint8Array> | null,
  timeout: number,
  release: () => void,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader({ mode: "byob" });
  let scratch = new ArrayBuffer(CHUNK);
  const cancel = async (reason: unknown): Promise<void> => {
    release();
    await reader?.cancel(reason);
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const read = reader?.read(new Uint8Array(scratch)) ?? Promise.resolve(undefined);
        const next = await inTime(timeout, read, (reason) => cancel(reason).catch(() => {}));
        if (next?.value !== undefined && next.value.length > 0) {
          scratch = next.value.buffer;
          return controller.enqueue(next.value.slice());
        }
      } catch (error) {
        release();
        throw networkError(error);
      }
      release();
      controller.close();
    },
    cancel,
  }, { highWaterMark: 0 });
}

/**
 * Waits for something, but not for too long. It is not enough to abort it: a signal to `fetch` is lost when the collector
 * of garbage comes by.
 */
async function inTime<T>(
  timeout: number,
  awaited: Promise<T>,
  stop: (reason: Error) => void,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`nothing came for ${timeout} ms`);
    error.name = "TimeoutError";
    stop(error);
    late.reject(error);
  }, timeout);
  try {
    return await Promise.race([awaited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The codes by which the SDK knows what may go better another time, by the words of the platform. */
const CODES: readonly (readonly [RegExp, string | undefined])[] = [
  [/Connection refused/, "ECONNREFUSED"],
  [/dns error/, "ENOTFOUND"],
  [/certificate|are blocked/, undefined],
  [/^/, "ECONNRESET"],
];

function networkError(error: unknown): unknown {
  if (!(error instanceof Error) || /^(Timeout|Abort)Error$/.test(error.name)) return error;
  const { message } = error.cause instanceof Error ? error.cause : error;
  const code = CODES.find(([words]) => words.test(message))?.[1];
  const told = new Error(message, { cause: error });
  return code === undefined ? told : Object.assign(told, { code });
}
