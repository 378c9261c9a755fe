/**
 * Evaluates what is typed into the shell.
 *
 * @module
 */

import { type Runtime, Session } from "node:inspector";
import { endsInImport } from "./shell_source.ts";

/** What became of a source text. */
export type Outcome =
  | { readonly state: "value"; readonly value: unknown }
  | { readonly state: "error"; readonly error: unknown }
  /** It ends before its last statement does. */
  | { readonly state: "incomplete" };

/**
 * Evaluates one text after the other as V8 does it for prompts: with `await` at the top level, and with declarations
 * that stay, and may be made anew. V8 offers that to debuggers only, so this is one.
 */
export class ShellEvaluator implements Disposable {
  readonly #session = new Session();
  readonly #scope: readonly string[];
  #received: unknown;
  /** What settles the promises that are waited for, so that they are not collected. */
  readonly #held = new Set<unknown>();

  /**
   * Makes names known, to everything that runs in the process.
   *
   * @param scope What there is, by name.
   */
  constructor(scope: Readonly<Record<string, unknown>>) {
    this.#scope = [...Object.keys(scope), BRIDGE];
    for (const [name, value] of Object.entries(scope)) define(name, value);
    const receive = (value: unknown) => this.#received = value;
    define(BRIDGE, Object.assign(receive, { hold: (start: () => unknown) => this.#hold(start) }));
    this.#session.connect();
  }

  /**
   * Evaluates a text, and waits for what it awaits.
   *
   * @param source The text.
   * @returns What became of it.
   */
  async evaluate(source: string): Promise<Outcome> {
    const expression = source.replace(/;\s*$/, "");
    const { result, exceptionDetails } = await this.#run(
      isExpression(expression) ? `await ${BRIDGE}.hold(async () => (${expression}\n))` : source,
    );
    if (exceptionDetails === undefined) {
      return { state: "value", ...await this.#receive(result) };
    }
    if (await this.#isIncomplete(source, exceptionDetails)) return { state: "incomplete" };
    const { value: error } = await this.#receive(exceptionDetails.exception ?? result);
    return { state: "error", error };
  }

  /** Forgets the names that were made known. What was declared by what was evaluated stays. */
  [Symbol.dispose](): void {
    this.#session.disconnect();
    for (const name of this.#scope) Reflect.deleteProperty(globalThis, name);
  }

  #run(expression: string): Promise<Runtime.EvaluateReturnType> {
    // The types do not know of `replMode`, nor those of `node:inspector/promises` of what a post gives.
    const parameters = { expression, replMode: true, awaitPromise: true };
    return new Promise((resolve, reject) =>
      this.#session.post(
        "Runtime.evaluate",
        parameters,
        (error: Error | null, outcome: Runtime.EvaluateReturnType) =>
          error === null ? resolve(outcome) : reject(error),
      )
    );
  }

  /**
   * Gives a promise that is not collected before it is settled: Deno 2.9 crashes when one is that a debugger waits for,
   * such as that of `await new Promise(() => {})`.
   */
  async #hold(start: () => unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#held.add(resolve);
    Promise.resolve(start()).then(resolve, reject);
    try {
      return await promise;
    } finally {
      this.#held.delete(resolve);
    }
  }

  /** The value that the debugger knows by a number; in a box, for it may be a promise. */
  async #receive(
    { objectId, unserializableValue, value }: Runtime.RemoteObject,
  ): Promise<{ readonly value: unknown }> {
    if (objectId === undefined && unserializableValue === undefined) return { value };
    const { objectId: bridge = "" } = (await this.#run(BRIDGE)).result;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#session.post("Runtime.callFunctionOn", {
      functionDeclaration: "function (value) { this(value); }",
      objectId: bridge,
      arguments: [objectId === undefined ? { unserializableValue } : { objectId }],
    }, (error) => error === null ? resolve() : reject(error));
    await promise;
    const received = this.#received;
    this.#received = undefined;
    return { value: received };
  }

  /** Whether an error says that a text could go on. */
  async #isIncomplete(source: string, details: Runtime.ExceptionDetails): Promise<boolean> {
    if (isAtEnd(source, details)) return true;
    switch (headOf(details)) {
      case "SyntaxError: missing ) after argument list":
      case "SyntaxError: Missing } in template expression": {
        // It is missing at the end, or before; what goes on behind a comma then fails at the end, or as before.
        const longer = `${source}\n,`;
        const { exceptionDetails } = await this.#run(longer);
        return exceptionDetails !== undefined && isAtEnd(longer, exceptionDetails);
      }
      case "SyntaxError: Invalid or unexpected token":
        return details.lineNumber === lineOfOpenComment(source);
      case "SyntaxError: Cannot use import statement outside a module":
        return endsInImport(source);
      default:
        return false;
    }
  }
}

/** The name by which what is evaluated hands over values. */
const BRIDGE = "__datatask_shell";

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

const AsyncFunction: new (body: string) => unknown =
  Object.getPrototypeOf(async () => {}).constructor;

/** Whether a text that awaits something, or begins with a brace, is one expression. */
function isExpression(source: string): boolean {
  if (!/\bawait\b|^\s*\{/.test(source)) return false;
  if (/\b(?:function|class)\b\s*\*?\s*[\w$]/.test(source)) return false; // it may be a declaration
  try {
    new AsyncFunction(`return (${source}\n);`);
    return true;
  } catch {
    return false;
  }
}

function headOf({ exception }: Runtime.ExceptionDetails): string {
  return exception?.description?.split("\n", 1)[0] ?? "";
}

/** Whether the end of a text came too soon. Texts that are evaluated by this one fail at other places. */
function isAtEnd(source: string, details: Runtime.ExceptionDetails): boolean {
  const lines = source.split("\n");
  return headOf(details) === "SyntaxError: Unexpected end of input" &&
    details.lineNumber === lines.length - 1 && details.columnNumber === lines.at(-1)!.length;
}

/** The line, from 0, at which the last comment begins, if it does not end. */
function lineOfOpenComment(source: string): number | undefined {
  const at = source.lastIndexOf("/*");
  if (at < 0 || source.includes("*/", at)) return undefined;
  return source.slice(0, at).split("\n").length - 1;
}
