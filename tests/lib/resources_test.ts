import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseQuantity, type Quantity, Resources, ResourceType } from "../../lib/resources.ts";

const VALUES: [quantity: Quantity, value: string][] = [
  ["100m", "0.1"],
  ["1Gi", "1073741824"],
  ["1G", "1000000000"],
  ["1k", "1000"],
  ["1K", "1000"],
  ["1Ki", "1024"],
  ["500Mi", "524288000"],
  ["0.5Gi", "536870912"],
  ["1e3", "1000"],
  ["129e6", "129000000"],
  ["1u", "0.000001"],
  ["1n", "0.000000001"],
  ["1E", "1000000000000000000"],
  ["1Ei", "1152921504606846976"],
  ["-1", "-1"],
  ["1 Gi", "1073741824"],
  ["1E3", "1000"],
  ["1e+3", "1000"],
  ["15e-1", "1.5"],
  ["+.5", "0.5"],
  ["5.", "5"],
  ["007.10", "7.1"],
  ["-0", "0"],
  [" 1 ", "1"],
  ["1M", "1000000"],
  ["1Mi", "1048576"],
  ["1T", "1000000000000"],
  ["1Ti", "1099511627776"],
  ["1P", "1000000000000000"],
  ["1Pi", "1125899906842624"],
  ["-0.5m", "-0.0005"],
  [0.3, "0.3"],
  [-0, "0"],
  [1e21, "1000000000000000000000"],
  [5e-9, "0.000000005"],
  [2n ** 70n, "1180591620717411303424"],
];

for (const [quantity, value] of VALUES) {
  Deno.test(`parseQuantity() reads ${typeof quantity} ${quantity} as ${value}`, () => {
    strictEqual(parseQuantity(quantity), value);
  });
}

for (
  const text of [
    "",
    "abc",
    "1e",
    ".",
    "-",
    "Gi",
    "1ki",
    "1mi",
    "1GiB",
    "1 G i",
    "1_000",
    "0x10",
    "1,5",
    "e3",
    "1..2",
  ]
) {
  Deno.test(`parseQuantity() refuses ${JSON.stringify(text)} and names it`, () => {
    throws(
      () => parseQuantity(text),
      (error) => error instanceof TypeError && error.message.includes(JSON.stringify(text)),
    );
  });
}

for (const number of [NaN, Infinity, -Infinity]) {
  Deno.test(`parseQuantity() refuses ${number}`, () => {
    throws(() => parseQuantity(number), TypeError);
  });
}

for (const quantity of ["0.1n", "1e-10", 0.1 + 0.2, Number.MIN_VALUE]) {
  Deno.test(`parseQuantity() refuses ${quantity}, which is finer than a billionth, and names it`, () => {
    throws(
      () => parseQuantity(quantity),
      (error) => error instanceof RangeError && error.message.includes(`"${quantity}"`),
    );
  });
}

Deno.test("Resources has nothing of anything unless told otherwise", () => {
  const { cpu, mem, launches } = new Resources();
  deepStrictEqual({ cpu, mem, launches }, { cpu: "0", mem: "0", launches: 0 });
});

Deno.test("A-03: Resources has no launches unless told otherwise", () => {
  strictEqual(new Resources(1, 1).launches, 0);
});

Deno.test("Resources.parse() has 999999999 launches unless told otherwise", () => {
  strictEqual(Resources.parse(1, 1).launches, 999999999);
  strictEqual(Resources.parse("1", "1Gi", "2").launches, 2);
});

Deno.test("Resources.plus() and minus() are exact", () => {
  const sum = Resources.parse(1, 1, 100).plus(Resources.parse(2, 3, 0))
    .minus(Resources.parse(1, 1, 0));
  ok(sum.equals(Resources.parse(2, 3, 100)));
  strictEqual(new Resources(0.1).plus(new Resources(0.2)).cpu, "0.3");
});

Deno.test("Resources.times() is exact", () => {
  const product = Resources.parse("100m", "1Gi", 2).times(3);
  const { cpu, mem, launches } = product;
  deepStrictEqual({ cpu, mem, launches }, { cpu: "0.3", mem: "3221225472", launches: 6 });
  ok(product.equals(new Resources(0.3, 3221225472, 6)));
});

Deno.test("H-35: Resources of the same amounts are equal, and are multiplied by whole numbers only", () => {
  ok(Resources.parse(3, 4).equals(Resources.parse("3000m", "4")));
  deepStrictEqual(Resources.parse(3, 4), Resources.parse("3000m", "4"));
  ok(!Resources.parse(3, 4).equals(Resources.parse(3, 5)));
  ok(!Resources.parse(3, 4).equals(Resources.parse(2, 4)));
  ok(!Resources.parse(3, 4).equals(Resources.parse(3, 4, 1)));
  throws(() => Resources.parse(3, 4).times(0.1), RangeError);
});

Deno.test("Resources refuses launches that are not whole", () => {
  throws(() => new Resources(0, 0, 0.5), RangeError);
  throws(() => new Resources(0, 0, NaN), RangeError);
  throws(() => Resources.parse(0, 0, "500m"), RangeError);
});

Deno.test("Resources.excess() names the first of which there is more", () => {
  const limit = new Resources(2, 2, 2);
  strictEqual(new Resources(2, 2, 2).excess(limit), undefined);
  strictEqual(new Resources("2.000000001", 3, 3).excess(limit), ResourceType.CPU);
  strictEqual(new Resources(2, "2.000000001", 3).excess(limit), ResourceType.MEM);
  strictEqual(new Resources(0, 0, 3).excess(limit), ResourceType.RATE);
});

Deno.test("Resources says how much there is of each", () => {
  strictEqual(`${Resources.parse("100m", "1Gi", 2)}`, "cpu 0.1, mem 1073741824, launches 2");
});

Deno.test("Resources can be written as JSON", () => {
  strictEqual(
    JSON.stringify(Resources.parse("100m", "1Gi", 2)),
    `{"cpu":"0.1","mem":"1073741824","launches":2}`,
  );
});

/** Billionths, as text with a decimal point. */
const amounts = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
const resources = fc.record({
  cpu: amounts,
  mem: amounts,
  launches: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
}).map(({ cpu, mem, launches }) => new Resources(`${cpu}n`, `${mem}n`, launches));

Deno.test("parseQuantity() gives the same for what it gave", () => {
  fc.assert(fc.property(amounts, (amount) => {
    const value = parseQuantity(`${amount}n`);
    strictEqual(parseQuantity(value), value);
    const [, sign, int, frac = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
    strictEqual(BigInt(`${sign}${int}${frac.padEnd(9, "0")}`), amount);
  }));
});

Deno.test("Resources can be added in any order", () => {
  fc.assert(fc.property(resources, resources, resources, (a, b, c) => {
    ok(a.plus(b).equals(b.plus(a)));
    ok(a.plus(b).plus(c).equals(a.plus(b.plus(c))));
    ok(a.plus(new Resources()).equals(a));
  }));
});

Deno.test("Resources.minus() undoes plus()", () => {
  fc.assert(fc.property(resources, resources, (a, b) => {
    ok(a.plus(b).minus(b).equals(a));
    ok(a.minus(a).equals(new Resources()));
  }));
});

Deno.test("Resources.times() is repeated plus()", () => {
  fc.assert(fc.property(resources, fc.integer({ min: 0, max: 12 }), (a, factor) => {
    let sum = new Resources();
    for (let i = 0; i < factor; i++) sum = sum.plus(a);
    ok(a.times(factor).equals(sum));
    ok(a.times(-factor).equals(new Resources().minus(sum)));
  }));
});

Deno.test("Resources.excess() is undefined exactly if nothing is left over", () => {
  fc.assert(fc.property(resources, resources, (a, b) => {
    const left = b.minus(a);
    const fits = !left.cpu.startsWith("-") && !left.mem.startsWith("-") && left.launches >= 0;
    strictEqual(a.excess(b) === undefined, fits);
  }));
});
