/**
 * The program `datatask`: what its command line does.
 *
 * @module
 */

import { errorText } from "../cli/error_text.ts";
import { EXIT, exitCodeOf } from "../cli/exit_code.ts";
import { helpText } from "../cli/help.ts";
import { environment } from "../environment.ts";
import { main } from "../cli/main.ts";
import { writeMessage, writeOutput } from "../cli/output.ts";
import { UsageError } from "../cli/usage_error.ts";
import { allVerbs } from "../cli/verbs.ts";
import { ModuleError, UnreachableModuleError } from "../loader/module_error.ts";
import { OWN_VERSION } from "../loader/own_package.ts";
import { MODULE_VERB } from "../module_command.ts";
import { Pipeline } from "../pipeline.ts";
import {
  namesPipeline,
  PIPELINE_FILE,
  pipelineHere,
  pipelineNamed,
  type PipelineSource,
} from "./pipeline_source.ts";
import { LOAD_OPTIONS, type LoadOptions, parseProgramArguments } from "./program_arguments.ts";
import { PipelineModuleError, runPipeline, setArguments } from "./run_pipeline.ts";

/**
 * Does what a command line says: `[PIPELINE] VERB ...`, or one of the verbs that need no pipeline.
 *
 * Errors are shown, and become an exit code, as those of `main` do: 3 also for a pipeline that cannot be loaded, 4 also
 * for one that is out of reach.
 *
 * @param args The command line.
 */
export async function program(args: readonly string[]): Promise<void> {
  let code: number | undefined;
  try {
    const { load, rest } = parseProgramArguments(args);
    code = await perform(load, rest);
  } catch (error) {
    writeMessage(textOf(error));
    // What is still being fetched would keep the process.
    Deno.exit(codeOf(error));
  }
  if (code !== undefined) Deno.exitCode = code;
}

async function perform(load: LoadOptions, rest: readonly string[]): Promise<number | undefined> {
  const [first, ...words] = rest;
  switch (first) {
    case "--version":
    case "-V":
      await writeOutput(`datatask ${OWN_VERSION}\n`);
      return EXIT.OK;
    case "help":
    case "--help":
    case "-h":
      if (words[0] !== undefined) return await withoutPipeline(rest);
      await writeOutput(programHelp());
      return EXIT.OK;
    case MODULE_VERB:
      setArguments(words.slice(1));
      await import(words[0] ?? "");
      return undefined;
    case "new":
      return await (await import("./new.ts")).newPipeline(words);
    case "doctor":
      return await (await import("./doctor.ts")).doctor(words);
    case "completions":
      return await withoutPipeline(rest);
    case "lock": {
      if (words.length > 1) throw new UsageError(`"lock" does not take "${words[1]}"`);
      const source = words[0] === undefined ? here() : await pipelineNamed(words[0]);
      return await lock(source, load);
    }
  }
  if (first === undefined || !namesPipeline(first)) {
    return await runPipeline(here(first), load, rest);
  }
  const source = await pipelineNamed(first);
  if (words[0] === "lock" && words.length === 1) return await lock(source, load);
  return await runPipeline(source, load, words);
}

/** The verbs that the library has for any pipeline, and that ask nothing of it. */
async function withoutPipeline(args: readonly string[]): Promise<number> {
  return await main(new Pipeline([]), { args });
}

async function lock(source: PipelineSource, load: LoadOptions): Promise<number> {
  return await (await import("./lock.ts")).lock(source, load);
}

function here(verb?: string): PipelineSource {
  const found = pipelineHere();
  if (found !== undefined) return found;
  if (verb === undefined) writeMessage(programHelp());
  throw new UsageError(
    `There is no ${PIPELINE_FILE} in this folder or above; name a pipeline, or make one with "datatask new"`,
  );
}

function programHelp(): string {
  const rows: readonly (readonly [string, string])[] = [
    ["new [FILE]", "write a pipeline to start from"],
    ["lock [PIPELINE]", "pin all modules of a pipeline in datatask.lock"],
    ["doctor", "show what this program has and may do"],
    ["--version", "show the version"],
  ];
  const verbs = new Map(allVerbs().map((verb) => [verb.name, verb]));
  return `usage: datatask [PIPELINE] VERB [WORD...] [OPTION...]

PIPELINE is a path, an https: or file: URL, or - for standard input; without it, ${PIPELINE_FILE} in this folder or above.

without a pipeline:
${table(rows)}
how the pipeline is loaded:
${table(LOAD_OPTIONS)}
${helpText(verbs)}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function textOf(error: unknown): string {
  if (error instanceof PipelineModuleError) {
    return `${Deno.inspect(error.cause)}\nerror: ${error.message}\n`;
  }
  const foreseen = error instanceof ModuleError || exitCodeOf(error) !== undefined;
  return errorText(error, !foreseen || Boolean(environment("DATATASK_DEBUG")));
}

function codeOf(error: unknown): number {
  if (error instanceof UnreachableModuleError) return EXIT.UNREACHABLE;
  if (error instanceof ModuleError || error instanceof PipelineModuleError) {
    return exitCodeOf(error.cause) ?? EXIT.PIPELINE;
  }
  return exitCodeOf(error) ?? EXIT.FAILED;
}
