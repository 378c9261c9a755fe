/**
 * Questions about single keys whose answers take a while.
 *
 * @module
 */

/** Why it cannot be said whether a key is there while the answer is still to come. */
export const PENDING: Error = new Error("the answer is still to come");

/** How many questions are asked at the same time when there are many. */
const AT_ONCE = 64;

/**
 * Asks a question about each of many keys, and hands on the answers. An answer is dropped if the same question was asked
 * anew in the meantime: what was asked last counts.
 *
 * @typeParam Answer What an answer is.
 */
export class Evaluations<Answer> {
  readonly #ask: (id: number) => Answer | PromiseLike<Answer>;
  readonly #take: (id: number, answer: Answer | undefined, error: unknown) => void;
  readonly #pending: Set<Promise<void>>;
  readonly #latest = new Map<number, symbol>();

  /**
   * Prepares to ask.
   *
   * @param ask Asks about a key.
   * @param take Takes an answer, or the error in its place.
   * @param pending Where promises of answers to single questions are kept while they are not there yet.
   */
  constructor(
    ask: (id: number) => Answer | PromiseLike<Answer>,
    take: (id: number, answer: Answer | undefined, error: unknown) => void,
    pending: Set<Promise<void>>,
  ) {
    this.#ask = ask;
    this.#take = take;
    this.#pending = pending;
  }

  /** Asks about one key. The answer is taken at once if it is there at once. */
  one(id: number): void {
    const answer = this.#evaluate(id);
    if (answer === undefined) return;
    this.#pending.add(answer);
    answer.finally(() => this.#pending.delete(answer));
  }

  /** Asks about many keys; resolves when all answers have been taken. */
  async all(ids: Iterable<number>): Promise<void> {
    const source = ids[Symbol.iterator]();
    const work = async (): Promise<void> => {
      for (let next = source.next(); !next.done; next = source.next()) {
        const answer = this.#evaluate(next.value);
        if (answer !== undefined) await answer;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** Drops the answer about a key that is still to come, if there is one. */
  forget(id: number): void {
    this.#latest.delete(id);
  }

  #evaluate(id: number): Promise<void> | undefined {
    this.#latest.delete(id);
    let answer: Answer | PromiseLike<Answer>;
    try {
      answer = this.#ask(id);
    } catch (error) {
      this.#take(id, undefined, error);
      return undefined;
    }
    if (!isPromiseLike(answer)) {
      this.#take(id, answer, undefined);
      return undefined;
    }
    const token = Symbol();
    this.#latest.set(id, token);
    const finish = (value: Answer | undefined, error: unknown): void => {
      if (this.#latest.get(id) !== token) return;
      this.#latest.delete(id);
      this.#take(id, value, error);
    };
    return Promise.resolve(answer).then(
      (value) => finish(value, undefined),
      (error) => finish(undefined, error ?? new Error("no reason")),
    );
  }
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}
