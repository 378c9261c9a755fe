/**
 * The command line of a pipeline.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { engineOf, type OpenOptions, type Pipeline } from "../pipeline.ts";
import { onlyLendsFunctions } from "../main_module.ts";
import { parseArguments } from "./arguments.ts";
import { errorText } from "./error_text.ts";
import { EXIT, exitCodeOf } from "./exit_code.ts";
import { writeMessage, writeOutput } from "./output.ts";
import { environment } from "../environment.ts";
import { onInterrupt } from "./host.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb, VerbContext } from "./verb.ts";
import { allVerbs } from "./verbs.ts";

/** Options of {@linkcode main}. */
export interface MainOptions {
  /** Called with the verbs, by name, before anything else: it may add some, or change or remove those there are. */
  readonly instrument?: (verbs: Map<string, Verb>) => void;
  /** What to do: the verb, and what stands behind it. The arguments of the program, if it is not given. */
  readonly args?: readonly string[];
}

let called = false;

/**
 * Whether a pipeline has made a program of itself already, for who would do it for it.
 *
 * Internal to this library.
 *
 * @returns Whether {@linkcode main} was called.
 */
export function mainWasCalled(): boolean {
  return called;
}

/**
 * Makes a program of a pipeline: does what the verb among its arguments says. `help` lists the verbs.
 *
 * Data goes to standard output and messages to standard error. Errors are shown and become an exit code, which is
 * returned and set for when the process ends: 0 if all is well, 1 if jobs failed, 2 for what is wrong with the
 * arguments, 3 for a pipeline that cannot work, 4 for a store that is out of reach, 130 if it was interrupted. The
 * process ends at once if functions still run that should have ended.
 *
 * With `DATATASK_DEBUG` in the environment, errors are shown with their stack.
 *
 * @param pipeline The pipeline. It is opened if the verb needs that, and closed again.
 * @param options Further verbs, and the arguments.
 * @returns The exit code.
 *
 * @example Usage
 * ```ts
 * import { InProcessMetadataRepository, InProcessSyncTask, main, Pipeline } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const numbers = new InProcessMetadataRepository(new Map([["a", 1]]));
 * const task = new InProcessSyncTask("show", new InProcessMetadataRepository())
 *   .link("numbers", numbers, { isInput: true })
 *   .func(() => {});
 *
 * strictEqual(await main(new Pipeline([task]), { args: ["run"] }), 0);
 * ```
 */
export async function main(
  pipeline: Pipeline,
  { instrument, args = Deno.args }: MainOptions = {},
): Promise<number> {
  called = true;
  if (onlyLendsFunctions()) return EXIT.OK; // the thread or process that runs the pipeline does what is asked
  const verbs = new Map(allVerbs().map((verb) => [verb.name, verb]));
  instrument?.(verbs);
  const code = await dispatch(pipeline, verbs, args);
  Deno.exitCode = code;
  return code;
}

async function dispatch(
  pipeline: Pipeline,
  verbs: ReadonlyMap<string, Verb>,
  [name, ...rest]: readonly string[],
): Promise<number> {
  let verb: Verb | undefined;
  try {
    if (name === undefined) {
      const { helpText } = await import("./help.ts");
      writeMessage(helpText(verbs));
      return EXIT.USAGE;
    }
    if (name === "help" || name === "--help" || name === "-h") {
      const { helpText, verbHelpText } = await import("./help.ts");
      await writeOutput(
        rest[0] === undefined ? helpText(verbs) : verbHelpText(await find(verbs, rest[0])),
      );
      return EXIT.OK;
    }
    verb = await find(verbs, name);
    const { words, options } = await parseArguments(verb, rest);
    if (options.help === true) {
      const { verbHelpText } = await import("./help.ts");
      await writeOutput(verbHelpText(verb));
      return EXIT.OK;
    }
    return await perform(verb, { pipeline, words, options, verbs });
  } catch (error) {
    return await report(error, verb);
  }
}

async function find(verbs: ReadonlyMap<string, Verb>, name: string): Promise<Verb> {
  const verb = verbs.get(name);
  if (verb !== undefined) return verb;
  const names = [...verbs.keys()].filter((name) => !name.startsWith("__"));
  const { didYouMean } = await import("./suggest.ts");
  throw new UsageError(`There is no verb "${name}"${didYouMean(name, names, "verbs")}`);
}

async function perform(
  verb: Verb,
  request: Omit<VerbContext, "closed" | "signal">,
): Promise<number> {
  const { pipeline } = request;
  const controller = new AbortController();
  using closed = new DisposableStack();
  let started = false;
  using _interrupts = onInterrupt(() => {
    if (verb.stops && started && !controller.signal.aborted) controller.abort();
    else Deno.exit(EXIT.INTERRUPTED);
  });
  const opens = verb.opens !== false && !pipeline.isOpen;
  if (opens) await open(pipeline, { readOnly: verb.reads ?? false });
  started = true;
  let code: number;
  try {
    code = await verb.run({ ...request, closed, signal: controller.signal }) ?? EXIT.OK;
  } catch (error) {
    code = await report(error, verb);
  }
  if (opens) {
    const { running, lingering } = engineOf(pipeline);
    try {
      await pipeline.close();
    } catch (error) {
      code = Math.max(code, await report(error, verb));
    }
    closed.dispose();
    // What still runs would keep the process alive, although nobody waits for it.
    if (running + lingering > 0) Deno.exit(code);
  }
  return code;
}

/** Opens a pipeline. A resource that cannot be made is as much out of reach as a store is. */
async function open(pipeline: Pipeline, options: OpenOptions): Promise<void> {
  try {
    await pipeline.open(options);
  } catch (error) {
    if (exitCodeOf(error) !== undefined || !(error instanceof Error)) throw error;
    throw new StoreError(error.message, { cause: error });
  }
}

/** Shows an error; returns its exit code. */
async function report(error: unknown, verb: Verb | undefined): Promise<number> {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.OK; // as in `ls ... | head`: nobody wants more
  if (error instanceof UsageError && verb !== undefined) {
    const { usageText } = await import("./help.ts");
    writeMessage(usageText(verb));
  }
  const code = exitCodeOf(error);
  writeMessage(errorText(error, code === undefined || Boolean(environment("DATATASK_DEBUG"))));
  return code ?? EXIT.FAILED;
}
