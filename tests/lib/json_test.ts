import { strictEqual, throws } from "node:assert/strict";
import { toJson } from "../../lib/json.ts";

Deno.test("toJson() gives the text of what JSON has words for", () => {
  strictEqual(
    toJson({ a: [1, "x", null, true, { b: -0.5 }] }),
    '{"a":[1,"x",null,true,{"b":-0.5}]}',
  );
  strictEqual(toJson(null), "null");
  strictEqual(toJson(Object.assign(Object.create(null), { a: 1 })), '{"a":1}');
});

Deno.test("toJson() makes ISO text of a date, and leaves out a property that is undefined", () => {
  strictEqual(toJson({ at: new Date(0), none: undefined }), '{"at":"1970-01-01T00:00:00.000Z"}');
});

Deno.test("toJson() refuses what JSON would leave out or replace, and says where it is", () => {
  class Point {
    x = 1;
  }
  const cases: [unknown, RegExp][] = [
    [undefined, /undefined$/],
    [() => {}, /a function$/],
    [Symbol("s"), /Symbol\(s\)$/],
    [{ a: [0, () => {}] }, /a function at \.a\[1\]$/],
    [[undefined], /undefined at \[0\]$/],
    [{ a: NaN }, /NaN at \.a$/],
    [[Infinity], /Infinity at \[0\]$/],
    [{ a: new Map() }, /a Map at \.a$/],
    [new Uint8Array(1), /a Uint8Array$/],
    [{ a: { b: new Point() } }, /a Point at \.a\.b$/],
    [new Date(NaN), /an invalid date$/],
  ];
  for (const [value, message] of cases) throws(() => toJson(value), { name: "TypeError", message });
});

Deno.test("toJson() refuses a bigint and a cycle", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  throws(() => toJson({ a: 1n }), TypeError);
  throws(() => toJson(cycle), TypeError);
});
