import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  evaluateSetExpression,
  namesIn,
  parseSetExpression,
  type SetExpression,
  type SetOperator,
} from "../../../lib/cli/set_expression.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { KeySet } from "../../../lib/engine/key_set.ts";

/** An expression with all its parentheses. */
function shown(expression: SetExpression): string {
  if ("name" in expression) return expression.name;
  return `(${shown(expression.left)} ${expression.operator} ${shown(expression.right)})`;
}

function grouped(text: string): string {
  return shown(parseSetExpression(text));
}

function refused(text: string, message: string): void {
  throws(() => parseSetExpression(text), (error) => {
    ok(error instanceof UsageError);
    strictEqual(error.message, message);
    return true;
  });
}

Deno.test("parseSetExpression() binds operators as Python does for sets", () => {
  strictEqual(grouped("a.x | b.x ^ c.x & d.x - e.x"), "(a.x | (b.x ^ (c.x & (d.x - e.x))))");
  strictEqual(grouped("a.x - b.x & c.x ^ d.x | e.x"), "((((a.x - b.x) & c.x) ^ d.x) | e.x)");
  strictEqual(grouped("a.x - b.x - c.x"), "((a.x - b.x) - c.x)");
  strictEqual(grouped("a.x - (b.x - c.x)"), "(a.x - (b.x - c.x))");
  strictEqual(grouped("(a.x|b.x)&c.x"), "((a.x | b.x) & c.x)");
  strictEqual(grouped("((a.x))"), "a.x");
});

Deno.test("A-47: parseSetExpression() knows a hyphen in a name from a difference", () => {
  strictEqual(grouped("my-task.done - an-other.the-end"), "(my-task.done - an-other.the-end)");
  strictEqual(grouped("(a.x)-(b.x)"), "(a.x - b.x)");
  strictEqual(grouped("(a.x)\n-\tb.x"), "(a.x - b.x)");
  refused(
    "a.x-b.x",
    'Cannot understand the expression: "a.x-b.x" is not of the form TASK.LINK; ' +
      '"-" takes a difference only between white space\n  a.x-b.x\n  ^',
  );
});

Deno.test("parseSetExpression() shows where it stopped to understand", () => {
  const cannot = "Cannot understand the expression: ";
  refused("", `${cannot}TASK.LINK or "(" is expected where it ends\n  \n  ^`);
  refused(
    "a.x &",
    `${cannot}TASK.LINK or "(" is expected where it ends\n  a.x &\n       ^`,
  );
  refused(
    "a.x & | b.x",
    `${cannot}TASK.LINK or "(" is expected where there is "|"\n  a.x & | b.x\n        ^`,
  );
  refused("a.x b.x", `${cannot}an operator is expected where there is "b.x"\n  a.x b.x\n      ^`);
  refused("(a.x", `${cannot}an operator or ")" is expected where it ends\n  (a.x\n      ^`);
  refused("a.x)", `${cannot}an operator is expected where there is ")"\n  a.x)\n     ^`);
  refused("- a.x", `${cannot}TASK.LINK or "(" is expected where there is "-"\n  - a.x\n  ^`);
  refused("a.x & b", `${cannot}"b" is not of the form TASK.LINK\n  a.x & b\n        ^`);
});

Deno.test("S-04: parseSetExpression() runs nothing", () => {
  for (const text of ["process.exit()", "a.x;b.x", "a.x + b.x", "`a.x`", "a.x[0]", "__proto__"]) {
    throws(() => parseSetExpression(text), UsageError, text);
  }
});

Deno.test("namesIn() gives all names with their places", () => {
  const names = namesIn(parseSetExpression("a.x & (b.y - a.x)"));
  deepStrictEqual(Array.from(names, ({ name, at }) => `${name} ${at}`), [
    "a.x 0",
    "b.y 7",
    "a.x 13",
  ]);
});

const SIZE = 70;
const NAMES = ["a.x", "b-b.y", "c.z-z"];

/** An expression as text, with only some of the parentheses, and its value by plain sets. */
interface Model {
  readonly text: string;
  readonly level: number;
  readonly value: (sets: Readonly<Record<string, Set<number>>>) => Set<number>;
}

const OPERATORS: Readonly<
  Record<SetOperator, [level: number, (a: Set<number>, b: Set<number>) => Set<number>]>
> = {
  "|": [0, (a, b) => a.union(b)],
  "^": [1, (a, b) => a.symmetricDifference(b)],
  "&": [2, (a, b) => a.intersection(b)],
  "-": [3, (a, b) => a.difference(b)],
};

const models = fc.letrec<{ model: Model; operation: Model; name: Model }>((tie) => ({
  model: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie("name"), tie("operation")),
  name: fc.constantFrom(...NAMES).map((name) => ({
    text: name,
    level: 4,
    value: (sets) => sets[name]!,
  })),
  operation: fc.tuple(fc.constantFrom<SetOperator>("|", "^", "&", "-"), tie("model"), tie("model"))
    .map(([operator, left, right]) => {
      const [level, combine] = OPERATORS[operator];
      const a = left.level < level ? `(${left.text})` : left.text;
      const b = right.level <= level ? `(${right.text})` : right.text;
      return {
        text: `${a} ${operator} ${b}`,
        level,
        value: (sets) => combine(left.value(sets), right.value(sets)),
      };
    }),
})).model;

Deno.test("evaluateSetExpression() is set algebra", () => {
  const set = fc.uniqueArray(fc.nat(SIZE - 1)).map((ids) => new Set(ids));
  fc.assert(fc.property(models, fc.tuple(set, set, set), (model, sets) => {
    const byName = Object.fromEntries(NAMES.map((name, index) => [name, sets[index]!]));
    const value = evaluateSetExpression(parseSetExpression(model.text), (name) => {
      const keys = new KeySet(Math.max(0, ...byName[name]!)); // sets need not be equally long
      for (const id of byName[name]!) keys.add(id);
      return keys;
    });
    deepStrictEqual([...value], [...model.value(byName)].sort((a, b) => a - b), model.text);
  }));
});

Deno.test("evaluateSetExpression() leaves the sets as they are", () => {
  const a = new KeySet();
  const b = new KeySet();
  a.add(1);
  b.add(2);
  const text = "(a.x | b.x) - (a.x ^ b.x) & a.x";
  evaluateSetExpression(parseSetExpression(text), (name) => name === "a.x" ? a : b);
  deepStrictEqual([[...a], [...b]], [[1], [2]]);
});
