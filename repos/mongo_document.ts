/**
 * Data as documents of MongoDB, without loss.
 *
 * @module
 */

import type { MongoDocument } from "./mongo_api.ts";

/** The most bytes that a document can have, its `_id` included. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How many levels a document can have. */
const MAX_DEPTH = 100;

const encoder = new TextEncoder();

/**
 * The document of a value. What the database would leave out, replace or refuse is an error instead, of which nothing is
 * sent; a property that is `undefined` is none.
 *
 * @param job The key.
 * @param data The value.
 * @returns A copy of the value, with the key as its `_id`.
 * @throws {TypeError} If there is no document of it. The message goes on with what to do instead.
 */
export function toDocument(job: string, data: unknown): MongoDocument {
  if (!isPlain(data)) {
    throw new TypeError(
      `a document is a mapping, and ${
        described(data)
      } is none; give an object, { value: … } for instance`,
    );
  }
  if ("_id" in data) {
    throw new TypeError("the field _id is the key and no part of the data; leave it out");
  }
  const dollar = Object.keys(data).find((name) => name.startsWith("$"));
  if (dollar !== undefined) {
    throw new TypeError(
      `the name of a field cannot begin with "$", as ${
        JSON.stringify(dollar)
      } does; use another, or put it one level down`,
    );
  }
  const document = { _id: job, ...copyOf(data, "", 1) };
  const bytes = sizeOf(document);
  if (bytes > MAX_BYTES) {
    throw new TypeError(
      `a document has at most ${MAX_BYTES} bytes, and this has ${bytes}; ` +
        `keep what is large in a repository of blobs`,
    );
  }
  return document;
}

/**
 * The value of a document, in the types of the language: 64 bit integers are numbers, or bigints where a number would not
 * be exact. What only MongoDB has, such as an ObjectId, is left as the driver gives it.
 *
 * @param document The document.
 * @returns Its fields but `_id`.
 */
export function fromDocument({ _id, ...fields }: MongoDocument): object {
  return fieldsOf(fields);
}

function copyOf(value: Readonly<Record<string, unknown>>, path: string, depth: number): object {
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (typeof value.$ref === "string" && value.$id !== undefined && value.$id !== null) {
    throw new TypeError(
      `the driver takes what has both "$ref" and "$id"${placed(path)} for a reference; rename one`,
    );
  }
  return Object.fromEntries(fields.map(([name, field]) => {
    const at = `${path}.${name}`;
    if (name.includes("\0") || name === "_bsontype" || !name.isWellFormed()) {
      throw new TypeError(
        `no field can be named ${JSON.stringify(name)}${placed(path)}; rename it`,
      );
    }
    return [name, copy(field, at, depth)];
  }));
}

function copy(value: unknown, path: string, depth: number): unknown {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "string" && value.isWellFormed()) return value;
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value && !isExact(value)) {
    return value;
  }
  if (value instanceof Date && !Number.isNaN(value.getTime())) return new Date(value);
  if (typeof value === "object" && depth === MAX_DEPTH) {
    throw new TypeError(
      `a document has at most ${MAX_DEPTH} levels, and this has more, or a cycle; flatten it`,
    );
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item, at) => copy(item, `${path}[${at}]`, depth + 1));
  }
  if (isPlain(value)) return copyOf(value, path, depth + 1);
  throw new TypeError(
    `a document has no words for ${described(value)}${placed(path)}; ` +
      "use strings, numbers, booleans, null, dates, arrays and plain objects",
  );
}

/**
 * How many bytes BSON needs for a value.
 *
 * @param value A document that {@linkcode toDocument} made, or a part of one.
 * @returns Their number.
 */
export function sizeOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return 4 + bytesOf(value) + 1;
    case "boolean":
      return 1;
    case "number":
      return Number.isInteger(value) && (value | 0) === value && !Object.is(value, -0) ? 4 : 8;
    case "bigint":
      return 8;
  }
  if (value === null || typeof value !== "object") return 0;
  if (value instanceof Date) return 8;
  let size = 4 + 1;
  for (const [name, field] of Object.entries(value)) { // an array has its indices for names
    size += 1 + bytesOf(name) + 1 + sizeOf(field);
  }
  return size;
}

/** How many bytes a text has. */
function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

function fieldsOf(fields: object): object {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, plain(field)]));
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return isExact(value) ? Number(value) : value;
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (isPlain(value)) return fieldsOf(value);
  switch (bsonType(value)) {
    case "Long":
      return plain(BigInt(String(value)));
    case "Int32":
    case "Double":
      return Number(value);
    default:
      return value;
  }
}

function bsonType(value: object): unknown {
  return "_bsontype" in value ? value._bsontype : undefined;
}

/** Whether the driver reads it as a number, which is one further than the safe integers go. */
function isExact(value: bigint): boolean {
  return value >= -(2n ** 53n) && value <= 2n ** 53n;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function described(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "an invalid date";
  if (typeof value === "string") return value.isWellFormed() ? "a string" : "half a character";
  if (typeof value === "bigint") return `the bigint ${value}`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return `a ${value.constructor.name}`;
}

function placed(path: string): string {
  return path === "" ? "" : ` at ${path}`;
}
