import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { dump } from "js-yaml";
import { DataError } from "../../lib/errors.ts";
import { parseYaml, stringifyYaml } from "../../lib/yaml.ts";

/** Words of which a format is easily mistaken, and others. */
const WORDS = [
  ...["yes", "no", "on", "Off", "y", "N", "true", "False", "null", "~", "NULL", "", " ", "."],
  ...[
    "2026-11-25",
    "2026-11-25T03:41:00.123Z",
    "12:30",
    "0o17",
    "017",
    "0x1F",
    "1e3",
    "1_000",
    "+1",
    ".5",
  ],
  ...[
    ".nan",
    ".inf",
    "-.INF",
    "<<",
    "=",
    "- a",
    "a: b",
    "a #b",
    "#",
    "@a",
    "`",
    "%a",
    "!a",
    "&a",
    "*a",
  ],
  ...[
    "|",
    ">",
    "?",
    "[",
    "{",
    "}",
    ",",
    "'",
    '"',
    "---",
    "...",
    "word",
    "two words",
    "a/b.c",
    "_x",
    "e5",
  ],
];

const word = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ unit: fc.constantFrom(..."aZ_1 -./:#'\"eyno~,[{") }),
);

Deno.test("stringifyYaml() and parseYaml() keep any JSON value", async () => {
  await fc.assert(fc.asyncProperty(fc.jsonValue({ stringUnit: "binary" }), async (any) => {
    const value: unknown = JSON.parse(JSON.stringify(any)); // without -0, which JSON has no word for
    deepStrictEqual(await parseYaml(await stringifyYaml(value)), value);
  }));
});

Deno.test("stringifyYaml() and parseYaml() keep strings that look like something else, as values and as keys", async () => {
  for (
    const text of [
      ...WORDS,
      "\ufeff",
      "\u2028",
      "\x85",
      "\0",
      "\ud800",
      "a\r\nb",
      "\n\n a\n",
      "\t",
      "__proto__",
    ]
  ) {
    const value: unknown = JSON.parse(
      JSON.stringify({ text, list: [text], [text]: { [text]: text } }),
    );
    deepStrictEqual(await parseYaml(await stringifyYaml(value)), value);
    strictEqual(await parseYaml(await stringifyYaml(text)), text);
  }
});

Deno.test("stringifyYaml() keeps a key named __proto__ as a key of its own", async () => {
  const value = await parseYaml(
    await stringifyYaml(JSON.parse('{"__proto__":{"a":1},"constructor":2}')),
  );
  ok(typeof value === "object" && value !== null);
  deepStrictEqual(Object.keys(value), ["__proto__", "constructor"]);
  strictEqual(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("stringifyYaml() keeps very long strings, and numbers that JSON has no words for", async () => {
  const value = {
    long: "words ".repeat(20_000),
    lines: "line\n".repeat(1000),
    nan: NaN,
    list: [Infinity, -Infinity, -0],
  };
  deepStrictEqual(await parseYaml(await stringifyYaml(value)), value);
});

Deno.test("stringifyYaml() writes records in the very way of js-yaml", async () => {
  const scalar = fc.oneof(
    word,
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constantFrom(null, -0, NaN, 0.5, 1e21, undefined),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(word, scalar), async (record) => {
      strictEqual(await stringifyYaml(record), dump(record, { lineWidth: -1, noRefs: true }));
    }),
    { numRuns: 2000 },
  );
  const done = {
    success: true,
    start_time: "2026-11-25T03:41:00.123Z",
    return_code: 0,
    class: "no",
  };
  strictEqual(
    await stringifyYaml(done),
    "success: true\nstart_time: '2026-11-25T03:41:00.123Z'\nreturn_code: 0\nclass: 'no'\n",
  );
});

Deno.test("stringifyYaml() writes dates in ISO format, leaves out what is undefined, and repeats what is shared", async () => {
  const shared = { a: [1] };
  const value = { at: new Date(0), none: undefined, list: [new Date(0)], one: shared, two: shared };
  deepStrictEqual(await parseYaml(await stringifyYaml(value)), {
    at: "1970-01-01T00:00:00.000Z",
    list: ["1970-01-01T00:00:00.000Z"],
    one: { a: [1] },
    two: { a: [1] },
  });
  strictEqual(await stringifyYaml({ none: undefined }), "{}\n");
});

Deno.test("stringifyYaml() refuses what YAML has no words for, and says where it is", async () => {
  class Book {}
  const cycle: { self?: unknown } = {};
  cycle.self = { cycle };
  const cases: [unknown, string][] = [
    [undefined, "it is of type undefined"],
    [() => {}, "it is of type function"],
    [{ a: [0, { b: Symbol("x") }] }, "it holds something of type symbol at .a[1].b"],
    [[undefined], "it holds something of type undefined at [0]"],
    [{ big: 1n }, "it holds something of type bigint at .big"],
    [{ map: new Map() }, "it holds something of type Map at .map"],
    [{ set: new Set() }, "it holds something of type Set at .set"],
    [{ bytes: new Uint8Array(1) }, "it holds something of type Uint8Array at .bytes"],
    [{ book: new Book() }, "it holds something of type Book at .book"],
    [{ at: new Date(NaN) }, "it holds something of type Date at .at"],
    [cycle, "it is nested deeper than 500 levels, or holds itself"],
  ];
  for (const [value, problem] of cases) {
    await rejects(stringifyYaml(value, "the thing"), (error) => {
      ok(error instanceof DataError, String(error));
      ok(error.message.startsWith(`Cannot write the thing as YAML: ${problem}; `), error.message);
      return true;
    });
  }
});

Deno.test("parseYaml() reads the core schema of YAML 1.2", async () => {
  const text = "- 012\n- 0o17\n- 0x1F\n- yes\n- 2026-11-25\n- ~\n-\n- .inf\n- 1e3\n- <<: 1\n";
  deepStrictEqual(await parseYaml(text), [
    12,
    15,
    31,
    "yes",
    "2026-11-25",
    null,
    null,
    Infinity,
    1000,
    { "<<": 1 },
  ]);
  deepStrictEqual(await parseYaml("\ufeffa: &x [1]\nb: *x\n1: {true: c}\n"), {
    a: [1],
    b: [1],
    1: { true: "c" },
  });
});

Deno.test("parseYaml() of an empty document is null", async () => {
  for (const text of ["", "\n", "# nothing\n", "---\n", "--- \n...\n"]) {
    strictEqual(await parseYaml(text), null, JSON.stringify(text));
  }
});

Deno.test("parseYaml() refuses what it cannot read with line and column", async () => {
  const cases: [string, RegExp][] = [
    [
      "a: !!binary aGk=",
      /^Cannot read the file as YAML: line 1, column 4: unknown scalar tag .*binary/,
    ],
    ["a: 1\nb: !python/object:os.System {}", /line 2, column 4: unknown mapping tag .*python/],
    ["a: !!timestamp 2026-11-25", /line 1, column 4: unknown scalar tag/],
    ["a: [1", /line 1, column 6: unexpected end/],
    ["a: 1\na: 2", /line 2, column 1: duplicated mapping key/],
    ["? [a]\n: 1", /line 1, column 1: .*complex keys/],
    ["a: 1\n\tb: 2", /line 2, column/],
    ["a: \0", /line 1, column 4: null byte/],
    ["[".repeat(600), /line 1, column 50\d: /],
    ["a: 1\n---\nb: 2", /2 documents where one is expected/],
  ];
  for (const [text, problem] of cases) {
    await rejects(parseYaml(text, "the file"), (error) => {
      ok(error instanceof DataError, String(error));
      ok(problem.test(error.message), error.message);
      return true;
    });
  }
});

Deno.test("parseYaml() does not blow up on aliases that multiply", async () => {
  const lines = ["a0: &a0 [1, 1]"];
  for (let i = 1; i < 40; i++) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  ok(await parseYaml(lines.join("\n")));
});
