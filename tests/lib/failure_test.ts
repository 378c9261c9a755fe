import { match, ok, strictEqual } from "node:assert/strict";
import { failureRecord, headline } from "../../lib/failure.ts";

/** How much text there is in a record. */
function sizeOf(error: unknown): number {
  return JSON.stringify(failureRecord(error, 0, 1)).length;
}

Deno.test("failureRecord() has text that every store takes", () => {
  const { exception = "", traceback = [] } = failureRecord(new Error("cut: \ud83d"), 0, 1);
  strictEqual(exception, "Error: cut: \ufffd");
  strictEqual(traceback[0], exception);
  ok(JSON.stringify(traceback).isWellFormed());
  strictEqual(headline("x".repeat(2000) + "\u{1f600}").isWellFormed(), true);
  ok(headline(new Error("x".repeat(992) + "\u{1f600}")).isWellFormed()); // where it is cut
});

Deno.test("failureRecord() cuts what is too long, and says how much", () => {
  const { exception, traceback = [] } = failureRecord(new Error("x".repeat(20_000_000)), 0, 1);
  strictEqual(exception, `Error: ${"x".repeat(993)}... (19999007 more characters)`);
  strictEqual(traceback[0], exception);
  match(traceback.at(-1) ?? "", /^ {4}at /); // where it was thrown is kept
});

Deno.test("failureRecord() keeps the first and the last of very many lines", () => {
  const message = Array.from({ length: 100_000 }, (_, at) => `line ${at}`).join("\n");
  const { exception, traceback = [] } = failureRecord(new Error(message), 0, 1);
  strictEqual(exception, "Error: line 0");
  strictEqual(traceback[1], "line 1");
  match(traceback.find((line) => line.startsWith("...")) ?? "", /^\.\.\. \(\d{5} more lines\)$/);
  match(traceback.at(-1) ?? "", /^ {4}at /);
  ok(sizeOf(new Error(message)) < 20_000);
  ok(sizeOf(new Error("\n".repeat(1_000_000))) < 20_000);
});

Deno.test("failureRecord() of very many causes is no larger", () => {
  let error = new Error("the first");
  for (let count = 0; count < 1000; count++) error = new Error("x".repeat(500), { cause: error });
  const { traceback = [] } = failureRecord(error, 0, 1);
  match(traceback[0] ?? "", /^Error: x{500}$/);
  ok(sizeOf(error) < 20_000);
});

Deno.test("failureRecord() leaves what is short as it is", () => {
  const error = new TypeError("one\ntwo", { cause: new Error("why") });
  const { exception, traceback = [] } = failureRecord(error, 0, 1);
  strictEqual(exception, "TypeError: one");
  strictEqual(
    traceback.join("\n"),
    `${error.stack}\nCaused by ${error.cause instanceof Error ? error.cause.stack : ""}`,
  );
});
