import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { KeySet } from "../../../lib/engine/key_set.ts";

const ids = fc.array(fc.nat({ max: 200 }), { maxLength: 40 });

function keySet(values: Iterable<number>): KeySet {
  const set = new KeySet();
  for (const id of values) set.add(id);
  return set;
}

function sorted(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

Deno.test("KeySet does what a Set of numbers does", () => {
  fc.assert(fc.property(ids, ids, (a, b) => {
    const [plainA, plainB] = [new Set(a), new Set(b)];
    const combine = (method: "union" | "intersect" | "subtract"): number[] => {
      const set = keySet(a);
      strictEqual(set[method](keySet(b)), set);
      strictEqual(set.size, [...set].length);
      strictEqual(set.empty, set.size === 0);
      return [...set];
    };
    deepStrictEqual([...keySet(a)], sorted(plainA));
    deepStrictEqual(combine("union"), sorted(plainA.union(plainB)));
    deepStrictEqual(combine("intersect"), sorted(plainA.intersection(plainB)));
    deepStrictEqual(combine("subtract"), sorted(plainA.difference(plainB)));
    for (let id = -1; id < 210; id++) strictEqual(keySet(a).has(id), plainA.has(id));
  }));
});

Deno.test("KeySet.set() says whether it changed anything", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat({ max: 70 }), fc.boolean())), (changes) => {
    const [set, plain] = [new KeySet(), new Set<number>()];
    for (const [id, present] of changes) {
      strictEqual(set.set(id, present), plain.has(id) !== present);
      plain[present ? "add" : "delete"](id);
      deepStrictEqual([...set], sorted(plain));
    }
  }));
});

Deno.test("KeySet.addAllBelow() adds exactly those below", () => {
  for (let end = 0; end < 100; end++) {
    const set = keySet([150]);
    set.addAllBelow(end);
    deepStrictEqual([...set], [...Array(end).keys(), 150]);
  }
});

Deno.test("KeySet.clone() and assign() copy", () => {
  const set = keySet([1, 40]);
  const clone = set.clone();
  set.add(2);
  clone.delete(40);
  deepStrictEqual([...set], [1, 2, 40]);
  deepStrictEqual([...clone], [1]);
  clone.assign(set).clear();
  ok(clone.empty);
  strictEqual(set.size, 3);
});

Deno.test("KeySet.delete() of what is not there does nothing", () => {
  const set = keySet([3]);
  set.delete(3000);
  set.delete(4);
  deepStrictEqual([...set], [3]);
  strictEqual(set.words.length, 1);
});
