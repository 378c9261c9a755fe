import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { KeySet } from "../../../lib/engine/key_set.ts";
import { KeySpace } from "../../../lib/engine/key_space.ts";
import { isValidJobId } from "../../../lib/job_id.ts";

/** Names that are alike: prefixes of others, digits with zeros before them, some of them no ids. */
const names = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[a1]{1,3}([._-]?[0b1]){0,3}$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^[._-]?[a0]{0,2}[._-]?$/) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("é", "a\n", "a b", "#1", "x".repeat(200), "x".repeat(201)),
  },
);
const listings = fc.array(fc.array(names, { maxLength: 20 }), { maxLength: 6 });

/** A listing as chunks of whole names that are ended by NUL bytes. */
function chunks(names: readonly string[], sizes: readonly number[]): Uint8Array[] {
  const result: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < names.length; i++) {
    const size = sizes[i % sizes.length]!;
    const text = names.slice(at, at + size).map((name) => `${name}\0`).join("");
    result.push(new TextEncoder().encode(text));
    at += size;
  }
  return result;
}

function namesIn(space: KeySpace, set: KeySet): string[] {
  return [...set].map((id) => space.name(id)).sort();
}

Deno.test("KeySpace.load() reads every listing like a Set, whatever was known before", () => {
  fc.assert(
    fc.property(
      listings,
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.constantFrom("intern", "find"), names), { maxLength: 6 }),
      (listings, sizes, between) => {
        const space = new KeySpace();
        const known = new Map<string, number>();
        listings.forEach((listing, i) => {
          const [method, name] = between[i] ?? [];
          if (method === "find") strictEqual(space.find(name!), known.get(name!) ?? -1);
          if (method === "intern") {
            const id = space.intern(name!);
            strictEqual(id, known.get(name!) ?? known.size);
            known.set(name!, id);
          }
          const invalid: string[] = [];
          const set = space.load(chunks(listing, sizes), (name) => void invalid.push(name));
          deepStrictEqual(namesIn(space, set), [...new Set(listing.filter(isValidJobId))].sort());
          deepStrictEqual(invalid, listing.filter((name) => !isValidJobId(name)));
          for (const id of set) {
            const name = space.name(id);
            strictEqual(known.get(name) ?? id, id, `the id of "${name}" never changes`);
            known.set(name, id);
          }
        });
        strictEqual(space.size, known.size, "nothing is known twice");
        for (const [name, id] of known) strictEqual(space.find(name), id);
      },
    ),
  );
});

Deno.test("KeySpace.find() on an empty space leaves it as it is", () => {
  const space = new KeySpace();
  strictEqual(space.find("moby"), -1);
  space.load(chunks(["moby", "emma"], [2]), () => {});
  strictEqual(space.find("moby"), 0);
  strictEqual(space.intern("emma"), 1);
  strictEqual(space.size, 2);
});

Deno.test("KeySpace.load() goes on where a listing differs from the one before", () => {
  const space = new KeySpace();
  const all = Array.from({ length: 2000 }, (_, i) => `key${i}`);
  const without = all.filter((_, i) => i % 7 !== 3);
  const mixed = [...all.slice(1000), "new", ...all.slice(0, 1000)];
  for (const listing of [all, without, mixed, all.toReversed()]) {
    const set = space.load(chunks(listing, [13, 600]), () => {});
    deepStrictEqual(namesIn(space, set), [...listing].sort());
  }
  strictEqual(space.size, 2001);
});

Deno.test("KeySpace.load() takes a last name without its NUL", () => {
  const space = new KeySpace();
  for (let i = 0; i < 2; i++) {
    const set = space.load([new TextEncoder().encode("moby\0emma")], () => {});
    deepStrictEqual(namesIn(space, set), ["emma", "moby"]);
  }
});

Deno.test("KeySpace.load() skips what another rule lets be an id", () => {
  const space = new KeySpace();
  const id = space.intern("#1");
  strictEqual(space.find("#1"), id);
  const invalid: string[] = [];
  const set = space.load(chunks(["#1", "moby"], [1]), (name) => void invalid.push(name));
  deepStrictEqual(namesIn(space, set), ["moby"]);
  deepStrictEqual(invalid, ["#1"]);
});

Deno.test("KeySpace keeps names of other alphabets and of any length", () => {
  const space = new KeySpace();
  const long = "y".repeat(5000);
  for (const name of ["Ж1", "漢字", "😀", long]) {
    strictEqual(space.name(space.intern(name)), name);
    strictEqual(space.intern(name), space.find(name));
  }
});

/** Natural order in strings: runs of digits by value, the rest by code; the shorter of two equal ones first. */
function natural(a: string, b: string): number {
  const parts = (name: string): string[] => name.match(/\d+|\D/g) ?? [];
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [p, q] = [x[i]!, y[i]!];
    const numbers = /\d/.test(p) && /\d/.test(q);
    const order = numbers ? Number(BigInt(p) - BigInt(q)) : p.charCodeAt(0) - q.charCodeAt(0);
    if (order !== 0) return order;
  }
  return x.length - y.length || a.length - b.length;
}

Deno.test("KeySpace.compare() is natural order", () => {
  fc.assert(fc.property(names, names, (a, b) => {
    const space = new KeySpace();
    const [x, y] = [space.intern(a), space.intern(b)];
    strictEqual(Math.sign(space.compare(x, y)), Math.sign(natural(a, b)) || Math.sign(x - y));
    strictEqual(Math.sign(space.compare(y, x)), -Math.sign(space.compare(x, y)) + 0);
  }));
});

Deno.test("KeySpace.compare() puts 2 before 10, and is an order", () => {
  const space = new KeySpace();
  const sorted = ["0", "1", "01", "2", "10", "a", "a1", "a01", "a2", "a2b", "a10", "a10.1", "b"];
  const ids = sorted.toReversed().map((name) => space.intern(name));
  deepStrictEqual(ids.sort((a, b) => space.compare(a, b)).map((id) => space.name(id)), sorted);
  const huge = space.intern("9".repeat(30));
  ok(space.compare(space.intern("1" + "0".repeat(30)), huge) > 0);
});
