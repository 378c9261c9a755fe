/**
 * What the command line says of itself.
 *
 * @module
 */

import { HELP } from "./arguments.ts";
import type { Verb, VerbOption } from "./verb.ts";

/**
 * The list of all verbs.
 *
 * @param verbs The verbs, by name.
 * @returns Text, with a line end.
 */
export function helpText(verbs: ReadonlyMap<string, Verb>): string {
  const rows = [...verbs]
    .filter(([name]) => !name.startsWith("__"))
    .map(([name, { summary }]) => [name, summary] as const);
  return `usage: VERB [WORD...] [OPTION...]

verbs:
${table([...rows, ["help [VERB]", "Show this help, or that of a verb"]])}
exit codes:
${
    table([
      ["0", "all is well"],
      ["1", "jobs failed in this run, or are held because others did"],
      ["2", "a verb, an option, a name or a value is wrong"],
      ["3", "the pipeline cannot work as it is defined"],
      ["4", "a store is out of reach"],
      ["130", "interrupted"],
    ])
  }`;
}

/**
 * How a verb is used.
 *
 * @param verb The verb.
 * @returns Text, with a line end.
 */
export function verbHelpText(verb: Verb): string {
  const options = Object.entries({ ...verb.options, help: HELP });
  return `${usageText(verb)}
${verb.summary}
${verb.details === undefined ? "" : `\n${verb.details}\n`}
options:
${table(options.map(([name, option]) => [optionText(name, option), option.description]))}`;
}

/**
 * How a verb is used, in a line.
 *
 * @param verb The verb.
 * @returns Text, with a line end.
 */
export function usageText(verb: Verb): string {
  const options = Object.entries(verb.options ?? {}).map(([name, option]) =>
    ` [--${name}${valueText(name, option)}]`
  );
  return `usage: ${verb.name}${options.join("")}${verb.words ? ` ${verb.words}` : ""}\n`;
}

function optionText(name: string, option: VerbOption): string {
  return `${option.short ? `-${option.short}, ` : "    "}--${name}${valueText(name, option)}`;
}

function valueText(name: string, { type, value = name.toUpperCase() }: VerbOption): string {
  return type === "string" ? ` ${value}` : "";
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
