/**
 * Expressions over sets of keys: `a.out & b.done - c.done`.
 *
 * The operators are those of Python's sets, with their precedence: `-` (difference) binds tightest, then `&`
 * (intersection), then `^` (what is in one of two but not in both), then `|` (union); all of them group to the left, and
 * parentheses group otherwise. The operands are names of links, written `task.link`. Names may hold hyphens, so a `-`
 * is the operator only where white space or a parenthesis is on either side of it: `my-task.done - other.done`.
 *
 * @module
 */

import type { KeySet } from "../engine/key_set.ts";
import { UsageError } from "./usage_error.ts";

/** An operator of a {@linkcode SetExpression}. */
export type SetOperator = "-" | "&" | "^" | "|";

/** An expression that was parsed: the name of a link, or two expressions and what to do with them. */
export type SetExpression =
  | { readonly name: string; readonly at: number }
  | { readonly operator: SetOperator; readonly left: SetExpression; readonly right: SetExpression };

/** The operators, those that bind loosest first. */
const LEVELS: readonly SetOperator[] = ["|", "^", "&", "-"];

/** Operators, parentheses, and what is between them and white space. */
const TOKEN = /[&|^()]|[^\s&|^()]+/g;

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*\.[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/**
 * Parses an expression.
 *
 * @param text The expression.
 * @returns What it means.
 * @throws {UsageError} If it is none. The message shows where.
 */
export function parseSetExpression(text: string): SetExpression {
  const tokens = [...text.matchAll(TOKEN)];
  let next = 0;

  function unexpected(wanted: string): UsageError {
    const token = tokens[next];
    const found = token === undefined ? "it ends" : `there is "${token[0]}"`;
    return usageErrorAt(
      text,
      token?.index ?? text.trimEnd().length,
      `Cannot understand the expression: ${wanted} is expected where ${found}`,
    );
  }

  function parseLevel(level: number): SetExpression {
    const operator = LEVELS[level];
    if (operator === undefined) return parseOperand();
    let left = parseLevel(level + 1);
    while (tokens[next]?.[0] === operator) {
      next++;
      left = { operator, left, right: parseLevel(level + 1) };
    }
    return left;
  }

  function parseOperand(): SetExpression {
    const token = tokens[next];
    if (token?.[0] === "(") {
      next++;
      const inner = parseLevel(0);
      if (tokens[next]?.[0] !== ")") throw unexpected('an operator or ")"');
      next++;
      return inner;
    }
    if (token === undefined || /^(?:[&|^)]|-)$/.test(token[0])) {
      throw unexpected('TASK.LINK or "("');
    }
    if (!NAME.test(token[0])) {
      throw usageErrorAt(
        text,
        token.index,
        `Cannot understand the expression: "${token[0]}" is not of the form TASK.LINK` +
          (token[0].includes("-") ? '; "-" takes a difference only between white space' : ""),
      );
    }
    next++;
    return { name: token[0], at: token.index };
  }

  const expression = parseLevel(0);
  if (next < tokens.length) throw unexpected("an operator");
  return expression;
}

/**
 * The names in an expression.
 *
 * @param expression The expression.
 * @returns Each name, and where it stands, as often as it is there.
 */
export function* namesIn(
  expression: SetExpression,
): Generator<{ readonly name: string; readonly at: number }, void, undefined> {
  if ("name" in expression) yield expression;
  else {
    yield* namesIn(expression.left);
    yield* namesIn(expression.right);
  }
}

/**
 * The set that an expression stands for.
 *
 * @param expression The expression.
 * @param setOf Gives the set of a name. It is not changed.
 * @returns The set, which is the caller's to change.
 */
export function evaluateSetExpression(
  expression: SetExpression,
  setOf: (name: string) => KeySet,
): KeySet {
  if ("name" in expression) return setOf(expression.name).clone();
  const left = evaluateSetExpression(expression.left, setOf);
  const right = evaluateSetExpression(expression.right, setOf);
  switch (expression.operator) {
    case "-":
      return left.subtract(right);
    case "&":
      return left.intersect(right);
    case "|":
      return left.union(right);
    case "^":
      return left.clone().subtract(right).union(right.subtract(left));
  }
}

/**
 * An error that shows a place in a text.
 *
 * @param text The text: a line.
 * @param at The place: how many UTF-16 code units come before it.
 * @param message What is wrong there.
 * @returns The error.
 */
export function usageErrorAt(text: string, at: number, message: string): UsageError {
  const line = text.replaceAll(/\s/g, " ");
  return new UsageError(`${message}\n  ${line}\n  ${" ".repeat(at)}^`);
}
