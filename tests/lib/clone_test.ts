import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { clone } from "../../lib/clone.ts";

Deno.test("clone() copies plain data to its depths", () => {
  const data = { a: [1, { b: "x" }, null], c: { d: true, e: undefined }, f: 10n };
  const copy = clone(data);
  deepStrictEqual(copy, data);
  notStrictEqual(copy.a, data.a);
  notStrictEqual(copy.a[1], data.a[1]);
  notStrictEqual(copy.c, data.c);
});

Deno.test("clone() copies what is not plain as structuredClone does", () => {
  const data = {
    at: new Date(0),
    tags: new Map([["a", { b: [1] }]]),
    bytes: new Uint8Array([1, 2]),
  };
  const copy = clone(data);
  deepStrictEqual(copy, data);
  notStrictEqual(copy.tags.get("a"), data.tags.get("a"));
  notStrictEqual(copy.bytes.buffer, data.bytes.buffer);
});

Deno.test("clone() copies cycles and what is very deep", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const copy = clone(cycle);
  strictEqual(copy.self, copy);
  notStrictEqual(copy, cycle);

  let deep: unknown[] = [];
  for (let depth = 0; depth < 200; depth++) deep = [deep];
  deepStrictEqual(clone(deep), deep);
});

Deno.test("clone() takes a property named __proto__ for what it is", () => {
  const data = JSON.parse('{"__proto__": {"polluted": true}}');
  const copy = clone(data);
  strictEqual(Object.getPrototypeOf(copy), Object.prototype);
  strictEqual(copy.polluted, undefined);
  strictEqual(JSON.stringify(copy), JSON.stringify(data));
});

Deno.test("clone() makes plain objects of those without a prototype", () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  deepStrictEqual(clone(bare), { a: 1 });
});

Deno.test("clone() refuses functions and symbols, however deep", () => {
  for (const bad of [() => {}, Symbol("x"), { a: [() => {}] }, [{ b: Symbol("x") }]]) {
    throws(() => clone<unknown>(bad), { name: "DataCloneError" });
  }
});
