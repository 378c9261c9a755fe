import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { nameChunks } from "../../lib/names.ts";

function decoded(names: readonly string[]): string[][] {
  return [...nameChunks(names)].map((chunk) => {
    const text = new TextDecoder().decode(chunk);
    strictEqual(text.at(-1), "\0");
    return text.slice(0, -1).split("\0");
  });
}

Deno.test("nameChunks() gives whole names, each followed by a NUL byte", () => {
  const names = Array.from({ length: 2500 }, (_, i) => `job-${i}`);
  const chunks = decoded(names);
  strictEqual(chunks.length, 3);
  deepStrictEqual(chunks.flat(), names);
});

Deno.test("nameChunks() gives nothing for no names", () => {
  deepStrictEqual([...nameChunks([])], []);
});

Deno.test("nameChunks() keeps a name that holds a NUL in one piece", () => {
  deepStrictEqual(decoded(["a", "b\0c", "é"]).flat(), ["a", "b\ufffdc", "é"]);
});
