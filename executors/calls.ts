/**
 * Calls of functions in another thread or process.
 *
 * @module
 */

import { receiveError, sendError, type SentError } from "./remote_error.ts";

/** Functions that can be called from elsewhere, by name. */
export type Handlers = Record<string, (...args: never[]) => unknown>;

/** What is sent: a call, or the answer to one. */
export type CallMessage =
  | {
    readonly type: "call";
    readonly id: number;
    readonly method: string;
    readonly args: readonly unknown[];
  }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: SentError };

/**
 * One end of a line between two threads or processes: calls what the other end offers, and offers what that may call.
 *
 * @typeParam Theirs What the other end offers.
 */
export class Calls<Theirs extends Handlers> {
  readonly #send: (message: CallMessage) => void;
  readonly #mine: Handlers;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;
  #broken: Error | undefined;

  /**
   * Makes an end.
   *
   * @param send Takes a message to the other end.
   * @param mine What the other end may call.
   */
  constructor(send: (message: CallMessage) => void, mine: Handlers) {
    this.#send = send;
    this.#mine = mine;
  }

  /**
   * Calls a function at the other end.
   *
   * @returns What it returns, or what the promise that it returns gives.
   * @throws {Error} What it throws; or why the line is broken.
   */
  async call<Method extends keyof Theirs & string>(
    method: Method,
    ...args: Parameters<Theirs[Method]>
  ): Promise<Awaited<ReturnType<Theirs[Method]>>> {
    if (this.#broken !== undefined) throw this.#broken;
    const id = this.#next++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#send({ type: "call", id, method, args });
    return await waiting.promise as Awaited<ReturnType<Theirs[Method]>>; // as both ends are of one program
  }

  /** Takes in a message from the other end. */
  receive(message: CallMessage): void {
    if (message.type === "call") {
      void this.#answer(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === "result") waiting?.resolve(message.value);
    else waiting?.reject(receiveError(message.error));
  }

  /** Says that no message will come any more. */
  break(reason: Error): void {
    this.#broken = reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }

  async #answer(
    { id, method, args }: Extract<CallMessage, { readonly type: "call" }>,
  ): Promise<void> {
    let answer: CallMessage;
    try {
      const handler = Object.hasOwn(this.#mine, method) ? this.#mine[method] : undefined;
      if (handler === undefined) throw new TypeError(`There is no ${method} at this end`);
      answer = { type: "result", id, value: await handler(...args as never[]) };
    } catch (error) {
      answer = { type: "error", id, error: sendError(error) };
    }
    try {
      this.#send(answer);
    } catch (error) { // the value cannot be sent
      this.#send({ type: "error", id, error: sendError(error) });
    }
  }
}
