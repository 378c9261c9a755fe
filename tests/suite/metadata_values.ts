/**
 * Sentences on values that are data.
 *
 * @module
 */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DataError } from "../../lib/errors.ts";
import type { MetadataRepository } from "../../lib/repository.ts";
import { holds, lacks } from "./checks.ts";
import { forAll, ids } from "./data.ts";
import type { JsonValue } from "./options.ts";
import type { Case, Subject } from "./subject.ts";

/** Strings that a format could take for something else. */
const TELLING_STRINGS: readonly string[] = [
  ...["", " ", "\t", "\n", "a\n", "\na", " a ", "a\r\nb", "- a", "a: b", "a #b", "!!int 1", "? a"],
  ...["\0", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff", "\ud83d\ude00"],
  ..."null ~ true no on y NaN .nan .inf -.inf undefined Infinity constructor __proto__".split(" "),
  ..."0 -0 00 0x1F 0o17 017 1e3 1_000 1.0 +1 12:30:45 2026-11-25 2026-11-25T00:00:00Z".split(" "),
  ..."a: #a ' \" ` @a %a !a &a *a | > << = {} [] {a [a , --- ... \\ \\n $a $where a.b .".split(" "),
];

const VALUES: readonly (readonly [name: string, values: readonly JsonValue[]])[] = [
  ["that is false, zero, empty or null", [null, false, 0, "", [], {}]],
  ["that is a number", [1, -1, 0.1, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 2 ** 53, 2 ** 31]],
  ["that is a string which looks like something else", [...TELLING_STRINGS]],
  [
    "whose keys look like something else",
    TELLING_STRINGS.map((key) => JSON.parse(`{${JSON.stringify(key)}: 1}`)),
  ],
  ["that is deep", [deep(50)]],
  ["that is one object in two places", [twice()]],
];

function deep(levels: number): JsonValue {
  return levels === 0
    ? "bottom"
    : levels % 2 === 0
    ? [deep(levels - 1)]
    : { down: deep(levels - 1) };
}

function twice(): JsonValue {
  const part = { list: [1, 2] };
  return { a: part, b: part, c: [part, part] };
}

/** What no store can keep, given as a value and within one. */
const UNSTORABLE: readonly (readonly [name: string, make: () => unknown])[] = [
  ["function", () => () => {}],
  ["symbol", () => Symbol("a")],
];

/** Values that some stores can keep and some cannot. */
const UNUSUAL: readonly unknown[] = [NaN, Infinity, -Infinity, 12345678901234567890n, "\ud800"];

/** Changes an object and all that is in it. */
function scramble(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) scramble(part);
  Reflect.set(value, Array.isArray(value) ? value.length : "scrambled", true);
}

/** Stores a value, and shows that every way to read gives it. */
async function roundTrip(
  { repository, value }: Subject<MetadataRepository>,
  json: JsonValue,
): Promise<void> {
  await repository.dump("a", value(json));
  deepStrictEqual(await repository.info("a"), value(json));
  deepStrictEqual(await repository.infoAll(), new Map([["a", value(json)]]));
  strictEqual(await repository.contains("a"), true);
}

/** Whether the store keeps a value. If not, shows that it refused it and kept the old one. */
async function keeps(
  { repository, value }: Subject<MetadataRepository>,
  data: unknown,
): Promise<boolean> {
  await repository.dump("a", value({ old: 1 }));
  try {
    await repository.dump("a", data);
    return true;
  } catch (error) {
    ok(error instanceof DataError, `a DataError was expected, not ${error}`);
    deepStrictEqual(await repository.info("a"), value({ old: 1 }));
    return false;
  }
}

export const metadataValueCases: readonly Case<MetadataRepository>[] = [
  ...VALUES.map(([name, values]): Case<MetadataRepository> => ({
    sentence: `a value ${name} is read as it was written`,
    run: async (subject) => {
      for (const json of values) await roundTrip(subject, json);
    },
  })),
  {
    sentence: "any JSON value is read as it was written",
    run: async ({ repository, value }) => {
      const { default: fc } = await import("fast-check");
      // All code points but the surrogates. The generator's own unit for this takes seconds to begin.
      const point = fc.oneof(
        fc.nat(0x7f),
        fc.nat(0xd7ff),
        fc.integer({ min: 0xe000, max: 0x10ffff }),
      );
      const stringUnit = point.map((code) => String.fromCodePoint(code));
      const values = fc.jsonValue({ stringUnit });
      await fc.assert(fc.asyncProperty(values, async (any) => {
        const text = JSON.stringify(any); // without -0, which JSON cannot say
        await repository.dump("a", value(JSON.parse(text)));
        deepStrictEqual(await repository.info("a"), value(JSON.parse(text)));
      }));
    },
  },
  {
    sentence: "a value of a megabyte is read as it was written",
    applies: ({ maxValueBytes }) => maxValueBytes >= 1_000_000,
    run: async (subject) => {
      await roundTrip(subject, { text: "0123456789abcdef \u20ac\n".repeat(45_000) });
      await roundTrip(subject, Array.from({ length: 20_000 }, (_, at) => `line ${at}`));
    },
  },
  {
    sentence: "info() of an absent key is undefined",
    run: async ({ repository, put }) => {
      strictEqual(await repository.info("a"), undefined);
      await put("a");
      await repository.delete("a");
      strictEqual(await repository.info("a"), undefined);
      strictEqual(await repository.info("constructor"), undefined);
      await lacks(repository, "a");
    },
  },
  {
    sentence: "dump() replaces the whole value",
    run: async ({ repository, value }) => {
      for (const json of [{ a: 1, b: [1, 2, 3] }, { a: 2 }, { c: {} }, { a: 1, b: [1] }]) {
        await repository.dump("a", value(json));
        deepStrictEqual(await repository.info("a"), value(json));
      }
      await holds(repository, "a");
    },
  },
  {
    sentence: "changing a value that was written does not change what is stored",
    run: async ({ repository, value }) => {
      const json = { list: [1], inner: { a: 1 } };
      await repository.dump("a", value(json));
      scramble(json);
      deepStrictEqual(await repository.info("a"), value({ list: [1], inner: { a: 1 } }));
    },
  },
  {
    sentence: "changing a value that was read does not change what is stored",
    run: async ({ repository, value }) => {
      await repository.dump("a", value({ list: [1], inner: { a: 1 } }));
      scramble(await repository.info("a"));
      for (const read of (await repository.infoAll()).values()) scramble(read);
      deepStrictEqual(await repository.info("a"), value({ list: [1], inner: { a: 1 } }));
    },
  },
  ...UNSTORABLE.map(([name, make]): Case<MetadataRepository> => ({
    sentence: `dump() refuses a ${name} with DataError, and the old value stays`,
    run: async ({ repository, value }) => {
      await repository.dump("a", value({ old: 1 }));
      for (const data of [make(), { inner: make() }, { list: [1, make()] }]) {
        await rejects(async () => await repository.dump("a", data), DataError);
        await rejects(async () => await repository.dump("b", data), DataError);
      }
      deepStrictEqual(await repository.info("a"), value({ old: 1 }));
      await holds(repository, "a");
    },
  })),
  {
    sentence: "dump() keeps NaN and the like as they are, or refuses them with DataError",
    run: async (subject) => {
      for (const inner of UNUSUAL) {
        if (await keeps(subject, { inner })) {
          deepStrictEqual(await subject.repository.info("a"), { inner });
        }
      }
    },
  },
  {
    sentence: "dump() keeps a cycle as it is, or refuses it with DataError",
    run: async (subject) => {
      const cycle: { inner?: unknown } = {};
      cycle.inner = cycle;
      if (!await keeps(subject, cycle)) return;
      // Deno's deepStrictEqual takes equal objects for different ones once it has seen a cycle.
      const read = await subject.repository.info("a");
      ok(typeof read === "object" && read !== null && "inner" in read && read.inner === read);
    },
  },
  {
    sentence: "fifty keys can be dumped at once",
    run: async ({ repository, value }) => {
      await Promise.all(ids(50).map((job) => repository.dump(job, value({ job }))));
      deepStrictEqual(
        [...await repository.infoAll()].sort(),
        ids(50).map((job) => [job, value({ job })]),
      );
    },
  },
  {
    sentence: "a key that is dumped again and again is there, whole, all the time",
    run: async ({ repository, value }) => {
      const versions = ids(20).map((name, version) =>
        value({ version, list: Array(100).fill(name) })
      );
      await repository.dump("a", versions[0]);
      const look = async (): Promise<void> => {
        const read = await repository.info("a");
        ok(
          versions.some((version) => isDeep(read, version)),
          `not one of the versions: ${JSON.stringify(read)}`,
        );
        strictEqual(await repository.contains("a"), true);
        await holds(repository, "a");
      };
      for (const version of versions) {
        await Promise.all([repository.dump("a", version), forAll([1, 2, 3], look)]);
      }
      await Promise.all(versions.map((version) => repository.dump("a", version)));
      await look();
    },
  },
];

function isDeep(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
