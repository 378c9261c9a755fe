/**
 * Why a value may not stand somewhere in a shell script.
 *
 * @module
 */

/** Why no value may stand somewhere. */
export interface Refusal {
  /** Where it would stand. */
  readonly where: string;
  /** What it would be there, and what to do instead. */
  readonly advice: string;
}

/**
 * Why no value may stand behind what shells read in different ways.
 *
 * @param where What that is.
 * @param advice What to do instead.
 */
export function unsure(where: string, advice: string): Refusal {
  return { where: `behind ${where}`, advice: `shells differ in how they read that; ${advice}` };
}

/** Between single or double quotes. */
export const IN_QUOTES: Refusal = {
  where: "inside quotes",
  advice: "it is quoted already; leave the quotes out",
};
/** In the text of a here-document. */
export const IN_HERE_DOCUMENT: Refusal = {
  where: "inside a here-document",
  advice: "quotes mean nothing there; write printf '%s\\n' VALUE | COMMAND",
};
/** Where the delimiter of a here-document stands. */
export const AS_DELIMITER: Refusal = {
  where: "as the delimiter of a here-document",
  advice: "its quotes would end the document elsewhere; write a plain word there",
};
/** Behind a `#`. */
export const IN_COMMENT: Refusal = {
  where: "inside a comment",
  advice: "a newline in it would end the comment; leave it out",
};
/** Between backticks. */
export const IN_BACKTICKS: Refusal = {
  where: "inside backticks",
  advice: "what is in it could end them; use $(...)",
};
/** Where a shell calculates. */
export const IN_ARITHMETIC: Refusal = {
  where: "inside ((...))",
  advice: "a shell would run commands that are in it; calculate it before",
};
/** Where a shell might calculate an index. */
export const IN_BRACKETS: Refusal = {
  where: "inside [...]",
  advice: "where that is an index, a shell would run commands that are in it; write it otherwise",
};
/** Among the items of an array in a command substitution. */
export const IN_ARRAY: Refusal = {
  where: 'inside an array inside "$(...)"',
  advice: "bash 5.2 takes its quotes for something else; make the array before",
};
/** In the expansion of a variable. */
export const IN_EXPANSION: Refusal = {
  where: "inside ${...}",
  advice: "its quotes could be taken for something else; assign it to a variable before",
};
/** Behind a lone `$`. */
export const BEHIND_DOLLAR: Refusal = {
  where: 'behind "$"',
  advice: "the two would mean something else; leave the $ out",
};
/** Behind a lone backslash. */
export const BEHIND_BACKSLASH: Refusal = {
  where: 'behind "\\"',
  advice: "the two would mean something else; leave the \\ out",
};
