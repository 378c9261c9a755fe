/**
 * The prompt of the shell: what is typed there is evaluated, and what that gives is shown.
 *
 * @module
 */

import type { Pipeline } from "../pipeline.ts";
import { environment } from "../environment.ts";
import { writeMessage, writeOutput } from "./output.ts";
import { ShellEvaluator } from "./shell_evaluator.ts";
import { showNames } from "./shell_inspect.ts";
import { identifierOf, replaceImports } from "./shell_source.ts";

/**
 * Reads statements from standard input to its end, and writes what each gives to standard output.
 *
 * @param pipeline What is at hand. It is open.
 */
export async function converse(pipeline: Pipeline): Promise<void> {
  const scope = scopeOf(pipeline);
  using evaluator = new ShellEvaluator(scope);
  using _errors = unhandledErrors();
  using _names = showNames();
  await evaluateLines(evaluator, Object.keys(scope));
}

function scopeOf(pipeline: Pipeline): Record<string, unknown> {
  const tasks = Object.fromEntries(pipeline.tasks.map((task) => [task.name, task]));
  const scope: Record<string, unknown> = { pipeline, session: pipeline.session, tasks };
  for (const task of pipeline.tasks) {
    const taken = (name: string) => Object.hasOwn(scope, name) || name in globalThis;
    const identifier = identifierOf(task.name, taken);
    if (identifier !== undefined) scope[identifier] = task;
  }
  return scope;
}

/** Shows errors that nobody waits for, which would end the process. */
function unhandledErrors(): Disposable {
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    showError(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    showError(event.reason);
  };
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]() {
      removeEventListener("error", onError);
      removeEventListener("unhandledrejection", onRejection);
    },
  };
}

async function evaluateLines(
  evaluator: ShellEvaluator,
  names: readonly string[],
): Promise<void> {
  const { createInterface } = await import("node:readline");
  const { stdin, stdout } = await import("node:process");
  const { pathToFileURL } = await import("node:url");
  const terminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const lines = createInterface({ input: stdin, output: stdout, terminal, historySize: 1000 });
  const folder = `${pathToFileURL(Deno.cwd())}/`;
  let source = "";
  let interrupt: (() => void) | undefined;
  let closed = false;

  function prompt(): void {
    if (!terminal || closed) return; // Ctrl-D may have been pressed while something was evaluated
    lines.setPrompt(source === "" ? "> " : "... ");
    lines.prompt();
  }

  async function evaluate(last: boolean): Promise<void> {
    const interrupted = new Promise<undefined>((resolve) => interrupt = () => resolve(undefined));
    const outcome = await Promise.race([
      evaluator.evaluate(replaceImports(source, folder)),
      interrupted,
    ]);
    interrupt = undefined;
    if (outcome?.state === "incomplete" && !last) return;
    source = "";
    if (outcome?.state === "incomplete") showError(new SyntaxError("Unexpected end of input"));
    if (outcome?.state === "error") showError(outcome.error);
    if (outcome?.state === "value" && outcome.value !== undefined) {
      await writeOutput(`${inspect(outcome.value, terminal)}\n`);
    }
  }

  lines.on("SIGINT", () => {
    if (interrupt !== undefined) return interrupt();
    source = "";
    lines.write(null, { ctrl: true, name: "e" });
    lines.write(null, { ctrl: true, name: "u" });
    writeMessage("\n");
    prompt();
  });

  lines.on("close", () => closed = true);

  if (terminal) writeMessage(`At hand: ${names.join(", ")}. Ctrl-D ends.\n`);
  prompt();
  for await (const line of lines) {
    source += source === "" ? line : `\n${line}`;
    if (source.trim() === "") source = "";
    else await evaluate(false);
    prompt();
  }
  if (source !== "") await evaluate(true);
  await new Promise((resolve) => setTimeout(resolve)); // what nobody waits for may have failed just now
}

/** What was given or thrown, for people, without those parts of stacks that belong to the shell. */
function inspect(value: unknown, terminal: boolean): string {
  const colors = terminal && (environment("NO_COLOR") ?? "") === "";
  let cut = false;
  return Deno.inspect(value, { colors }).split("\n").filter((line) => {
    cut = /^\W*(?:\d+m\s*)*at /.test(line) &&
      (cut || /ext:deno_node\/inspector|\/shell\w*\.ts/.test(line));
    return !cut;
  }).join("\n");
}

function showError(error: unknown): void {
  writeMessage(`Uncaught ${inspect(error, Deno.stderr.isTerminal())}\n`);
}
