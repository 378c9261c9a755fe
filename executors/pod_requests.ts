/**
 * Requests to a cluster: no more at a time than it likes, again when it was out of reach, and errors in words.
 *
 * @module
 */

import type { Env } from "../lib/env.ts";
import { StoreError } from "../lib/errors.ts";
import { warn } from "../lib/warnings.ts";

/** Milliseconds for which a request is tried again while the cluster is out of reach. */
const PATIENCE = 60_000;

/** The same for a cluster that has never answered, and that nobody listens for: it may be another than was meant. */
const FIRST_PATIENCE = 10_000;

/** Milliseconds after which it is said that a request still waits for its answer. */
const SILENCE = 3_000;

/** What errors of connections say if nobody listens, or the name of the server means nothing. */
const NOBODY = /refused|os error 111|dns error|failed to lookup|ENOTFOUND/i;

/** Milliseconds before a request is sent again: at first, and at most. */
const FIRST_DELAY = 200;
const LONGEST_DELAY = 10_000;

/** What an error of a client says. */
export interface ApiProblem {
  /** The status of the answer; undefined if there was none. */
  readonly code: number | undefined;
  /** What happened, in a sentence. */
  readonly message: string;
  /** After how many milliseconds to ask again, if the server says so. */
  readonly retryAfter: number | undefined;
}

/** What a request is for. */
export interface RequestPurpose {
  /** What is being done, as it goes on from "Cannot". */
  readonly doing: string;
  /** The permission that it takes: a verb, and on what. */
  readonly permission: string;
  /** Whether it is sent again when it is in conflict with another one. */
  readonly contended?: boolean;
}

/** Options of {@linkcode PodRequests.send}. */
export interface SendOptions {
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

/** Sends requests, at most so many a second. */
export class PodRequests {
  /** How many were sent so far. */
  count = 0;

  readonly #namespace: string;
  readonly #interval: number;
  readonly #burst: number;
  readonly #env: Env;
  /** The permissions that were granted so far. */
  readonly #granted = new Set<string>();
  /** Whether the cluster has ever answered. */
  #answered = false;
  /** Whether it was said that it does not answer, since it last did what it was asked for. */
  #warned = false;
  /** What ends the pauses under way. */
  readonly #pauses = new Set<Disposable>();
  /** When the next one may be sent, were there no burst. */
  #next = -Infinity;

  /** Makes it for a namespace, with a number of requests a second, of which twice as many may come in a burst. */
  constructor(namespace: string, perSecond: number, env: Env) {
    this.#namespace = namespace;
    this.#interval = 1000 / perSecond;
    this.#burst = 2 * perSecond * this.#interval;
    this.#env = env;
  }

  /**
   * Sends a request; again, after growing random delays, while the cluster is out of reach or overloaded, which is said
   * after some seconds.
   *
   * @returns The answer.
   * @throws {ApiError} If it is refused, or the cluster stays out of reach.
   */
  async send<T>(
    purpose: RequestPurpose,
    call: () => Promise<T>,
    { signal }: SendOptions = {},
  ): Promise<T> {
    const since = this.#env.elapsed();
    let limit = PATIENCE;
    let problem: ApiProblem | undefined;
    let silence: Disposable | undefined;
    try {
      for (let delay = FIRST_DELAY;; delay = Math.min(2 * delay, LONGEST_DELAY)) {
        await this.#turn(signal);
        silence ??= this.#env.schedule(
          () => this.#warn(purpose, problem, since + limit - this.#env.elapsed()),
          SILENCE,
        );
        this.count++;
        try {
          const answer = await call();
          this.#granted.add(purpose.permission);
          this.#answered = true;
          this.#warned = false;
          return answer;
        } catch (error) {
          signal?.throwIfAborted();
          problem = problemOf(error);
          this.#answered ||= problem.code !== undefined;
          if (!this.#answered && NOBODY.test(problem.message)) {
            limit = FIRST_PATIENCE;
          }
          const wait = problem.retryAfter ?? delay / 2 + this.#env.random() * delay / 2;
          const again = (isTransient(problem) && !isForbidden(error)) ||
            (purpose.contended && problem.code === 409) ||
            this.#isRevoked(purpose, problem);
          if (!again || this.#env.elapsed() + wait - since > limit) {
            throw new ApiError(purpose, problem, this.#namespace, error);
          }
          await this.pause(wait, signal);
        }
      }
    } finally {
      silence?.[Symbol.dispose]();
    }
  }

  /** Waits some milliseconds, or until one of `ends` resolves or `signal` is aborted. */
  async pause(delay: number, signal?: AbortSignal, ...ends: Promise<unknown>[]): Promise<void> {
    if (signal?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => resolve();
    signal?.addEventListener("abort", onAbort);
    const timer = this.#env.schedule(resolve, delay);
    this.#pauses.add(timer);
    await Promise.race([promise, ...ends]);
    timer[Symbol.dispose]();
    this.#pauses.delete(timer);
    signal?.removeEventListener("abort", onAbort);
  }

  /** Lets nobody go on after a pause who is in one now: what they wait for is another's business from now on. */
  endPauses(): void {
    for (const timer of this.#pauses) timer[Symbol.dispose]();
    this.#pauses.clear();
  }

  /** Says, once until a request succeeds, what is waited for. */
  #warn({ doing }: RequestPurpose, problem: ApiProblem | undefined, left: number): void {
    if (this.#warned) return;
    this.#warned = true;
    const until = new Date(this.#env.now() + left).toISOString();
    const happened = problem?.message ?? "the cluster does not answer";
    warn(`Cannot ${doing} yet: ${happened}; it is tried again until ${until}`);
  }

  /** Whether what was allowed before is refused: a server that has just started does not know of permissions yet. */
  #isRevoked({ permission }: RequestPurpose, { code, message }: ApiProblem): boolean {
    return (code === 401 || code === 403) && this.#granted.has(permission) &&
      !isQuotaRefusal({ code, message });
  }

  /** Waits until the next request may be sent. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const now = this.#env.elapsed();
    this.#next = Math.max(this.#next, now - this.#burst) + this.#interval;
    if (this.#next > now) await this.pause(this.#next - now, signal);
    signal?.throwIfAborted();
  }
}

/** A request that has failed. */
export class ApiError extends StoreError {
  /** The status of the answer; undefined if there was none. */
  readonly code: number | undefined;
  /** What the server says. */
  readonly said: string;

  /** Puts it into words. */
  constructor(
    { doing, permission }: RequestPurpose,
    { code, message }: ApiProblem,
    namespace: string,
    cause: unknown,
  ) {
    const advice = isForbidden(cause) ? "" : `; ${adviceFor(code, message, permission, namespace)}`;
    super(`Cannot ${doing}: ${message}${advice}`, { cause });
    this.code = code;
    this.said = message;
  }
}

/** What an error of a client says. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiError) {
    return { code: error.code, message: error.said, retryAfter: undefined };
  }
  if (!(error instanceof Error)) {
    return { code: undefined, message: String(error), retryAfter: undefined };
  }
  const code = "code" in error && isStatus(error.code) ? error.code : undefined;
  const message = ("body" in error ? messageOf(error.body) : undefined) ?? causesOf(error);
  const headers = "headers" in error && typeof error.headers === "object" ? error.headers : null;
  const seconds = headers !== null && "retry-after" in headers
    ? Number(headers["retry-after"])
    : NaN;
  return { code, message, retryAfter: seconds >= 0 ? seconds * 1000 : undefined };
}

/** Whether a code is the status of an answer: that of a `DOMException`, as timeouts throw it, is a smaller number. */
function isStatus(code: unknown): code is number {
  return typeof code === "number" && code >= 100;
}

/** Whether the same request may succeed a little later. */
function isTransient({ code }: ApiProblem): boolean {
  return code === undefined || code === 408 || code === 429 || code >= 500;
}

/** Whether this program may not ask at all; the error says which flag it lacks. */
function isForbidden(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable;
}

/** The sentence in an answer, which is an object `Status`, perhaps as text. */
function messageOf(body: unknown): string | undefined {
  if (typeof body === "string") {
    try {
      return messageOf(JSON.parse(body));
    } catch {
      return body.trim().split("\n", 1)[0] || undefined;
    }
  }
  if (typeof body !== "object" || body === null || !("message" in body)) return undefined;
  return typeof body.message === "string" ? body.message.replace(/\s*\n\s*/g, " ") : undefined;
}

function causesOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message}: ${causesOf(cause)}`
    : error.message;
}

function adviceFor(
  code: number | undefined,
  message: string,
  permission: string,
  namespace: string,
): string {
  if (isQuotaRefusal({ code, message })) return "wait, or raise the quota of the namespace";
  switch (code) {
    case 401:
      return "log in again, or give other credentials";
    case 403:
      return `give this account the permission to ${permission} in namespace "${namespace}"`;
    case 404:
      return `see that namespace "${namespace}" is there`;
    case 400:
    case 409:
    case 422:
      return "correct what is wrong with it";
    case 429:
      return "ask less often";
    default:
      return "see that the cluster can be reached, and try again";
  }
}

/** Whether a pod was refused because there are too many, or too large ones, for its namespace. */
export function isQuotaRefusal(
  { code, message }: Pick<ApiProblem, "code" | "message">,
): boolean {
  return code === 403 && message.includes("exceeded quota");
}

/** What refusals say that are about one pod: they name it, or come from who looks at each. */
const ABOUT_ONE = /^pods? "|\badmission\b/i;

/** Whether a pod was refused for what is true of all: there is no such namespace, or no right to make pods in it. */
export function isGeneralRefusal(
  { code, message }: Pick<ApiProblem, "code" | "message">,
): boolean {
  if (code === 404 || (code === 403 && message.includes("because it is being terminated"))) {
    return true;
  }
  return code === 403 && !ABOUT_ONE.test(message);
}
