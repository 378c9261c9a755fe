/**
 * How the AWS SDK sends requests here. What has a body goes by the SDK's own way over `node:http`, which does not copy it;
 * all else by `fetch`, which reads answers with a third of the memory, and faster.
 *
 * @module
 */

import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { checkAnswer } from "./s3_answers.ts";
import { NoS3Error } from "./s3_errors.ts";

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

  /**
   * Sends a request. Errors that are worth another attempt have a code by which the SDK knows that; what is no answer of S3
   * is an error that is worth none.
   */
  async handle(request: SdkRequest, options: SdkOptions = {}): SdkAnswer {
    if (request.body) {
      const completes = request.method === "POST" && request.query?.uploadId !== undefined;
      const sender = completes ? this.#completer : this.#sender;
      const answer = await sender.handle(request, options);
      checkAnswer(request, answer.response);
      return answer;
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
      const told = { statusCode, reason, headers: Object.fromEntries(headers) };
      const isObject = answer.ok && request.query?.["x-id"] === "GetObject";
      if (isObject && !isSmall(headers)) {
        return { response: { ...told, body: paced(answer.body, socketTimeout, release) } };
      }
      const bytes = await inTime(socketTimeout, answer.bytes(), (reason) => stop.abort(reason));
      release();
      checkAnswer(request, told, bytes);
      return { response: { ...told, body: isObject ? streamOf(bytes) : bytes } };
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
const CHUNK = 16 * 1024;

/** How large an object is, in bytes, of which it is not worth the while to make a stream that is read bit by bit. */
const SMALL = 64 * 1024;

function isSmall(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= SMALL;
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** A body that fails when it stands still for too long. */
function paced(
  body: ReadableStream<Uint8Array> | null,
  timeout: number,
  release: () => void,
): ReadableStream<Uint8Array> {
  if (body === null) {
    release();
    return new ReadableStream({ start: (controller) => controller.close() });
  }
  const reader = body.getReader({ mode: "byob" });
  const watch = new Watch(timeout, (reason) => void reader.cancel(reason).catch(() => {}));
  let scratch = new ArrayBuffer(CHUNK);
  const end = (): void => {
    watch.end();
    release();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        watch.begin();
        const { value } = await reader.read(new Uint8Array(scratch));
        watch.pause();
        if (value !== undefined && value.length > 0) {
          scratch = value.buffer;
          return controller.enqueue(value.slice());
        }
      } catch (error) {
        end();
        throw networkError(error);
      }
      end();
      controller.close();
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** Watches for waits that last too long, by one timer for all of them: a body of gigabytes is a million waits. */
class Watch {
  readonly #timeout: number;
  readonly #stop: (reason: Error) => void;
  #since: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: Error | undefined;

  constructor(timeout: number, stop: (reason: Error) => void) {
    this.#timeout = timeout;
    this.#stop = stop;
  }

  /** A wait begins. */
  begin(): void {
    this.#since = performance.now();
    this.#timer ??= this.#look(this.#timeout);
  }

  /** The wait is over. Throws if it was too long, and what was waited for has been stopped. */
  pause(): void {
    this.#since = undefined;
    if (this.#late !== undefined) throw this.#late;
  }

  /** There will be no further wait. */
  end(): void {
    this.#since = undefined;
    clearTimeout(this.#timer);
  }

  #look(delay: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#since === undefined) return; // nobody waits: the next one who does sets it anew
      const left = this.#since + this.#timeout - performance.now();
      if (left > 0) return void (this.#timer = this.#look(left));
      this.#stop(this.#late = timeoutError(this.#timeout));
    }, delay);
    Deno.unrefTimer(timer); // who abandons a body is not kept from ending
    return timer;
  }
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
    const error = timeoutError(timeout);
    stop(error);
    late.reject(error);
  }, timeout);
  try {
    return await Promise.race([awaited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function timeoutError(timeout: number): Error {
  const error = new Error(`nothing came for ${timeout} ms`);
  error.name = "TimeoutError";
  return error;
}

/** The codes by which the SDK knows what may go better another time, by the words of the platform. */
const CODES: readonly (readonly [RegExp, string | undefined])[] = [
  [/Connection refused/, "ECONNREFUSED"],
  [/dns error/, "ENOTFOUND"],
  [/certificate|are blocked/, undefined],
  [/^/, "ECONNRESET"],
];

function networkError(error: unknown): unknown {
  if (error instanceof NoS3Error) return error;
  if (!(error instanceof Error) || /^(Timeout|Abort)Error$/.test(error.name)) return error;
  const { message } = error.cause instanceof Error ? error.cause : error;
  const code = CODES.find(([words]) => words.test(message))?.[1];
  const told = new Error(message, { cause: error });
  return code === undefined ? told : Object.assign(told, { code });
}
