import fc from "fast-check";
import { BSON } from "mongodb";
import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fromDocument, sizeOf, toDocument } from "../../repos/mongo_document.ts";

/** Values that a document can hold. */
const { data } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
  ),
  value: fc.oneof({ depthSize: "small" }, tie("leaf"), fc.array(tie("value")), tie("data")),
  data: fc.dictionary(
    fc.string({ unit: "binary" }).filter((name) =>
      name.isWellFormed() && !name.includes("\0") && !name.startsWith("$") && name !== "_id"
    ),
    tie("value"),
    { noNullPrototype: true },
  ),
}));

Deno.test("any data is what its document is read as, and has the size that is told", () => {
  fc.assert(fc.property(data, (value) => {
    const document = toDocument("moby", value);
    const bytes = BSON.serialize(document);
    strictEqual(sizeOf(document), bytes.length);
    const read = fromDocument(BSON.deserialize(bytes));
    deepStrictEqual(read, value);
  }));
});

Deno.test("a bigint is refused where the driver reads a number", () => {
  for (const limit of [2n ** 53n, -(2n ** 53n)]) {
    const { limit: read } = BSON.deserialize(BSON.serialize({ limit }));
    strictEqual(read, Number(limit));
    throws(() => toDocument("moby", { limit }), TypeError);
  }
});

Deno.test("a document shares nothing with the value", () => {
  const list = [1];
  const date = new Date(0);
  const { _id, ...fields } = toDocument("moby", { list, date });
  deepStrictEqual(fields, { list, date });
  notStrictEqual(fields.list, list);
  notStrictEqual(fields.date, date);
  strictEqual(_id, "moby");
});
