import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import { fileError, isNotFound } from "../../repos/file_errors.ts";

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
}

Deno.test("fileError() says what was being done, what happened, where, and what to do", () => {
  const cause = thrownBy(() => Deno.writeTextFileSync("/dev/full", "x"));
  const error = fileError('write "moby"', "/dev/full", cause);
  ok(error instanceof StoreError);
  strictEqual(error.cause, cause);
  strictEqual(
    error.message,
    'Cannot write "moby": no space is left on the device (/dev/full); free some space and try again',
  );
});

Deno.test("fileError() knows the errors of open files, which have no code", async () => {
  using file = Deno.openSync("/dev/full", { write: true });
  const error = fileError(
    "write",
    "/dev/full",
    await file.write(new Uint8Array(9)).catch((e) => e),
  );
  ok(error instanceof StoreError);
  match(error.message, /no space is left/);
});

Deno.test("fileError() gives the system's own words for what it has no better ones for", () => {
  const error = fileError("read", "/a", new Error("Stale file handle (os error 116)"));
  ok(error instanceof StoreError);
  strictEqual(
    error.message,
    "Cannot read: Stale file handle (os error 116) (/a); see that the device works, and try again",
  );
});

Deno.test("fileError() names the permission that Deno lacks", {
  permissions: { read: false },
}, () => {
  const error = fileError("read", "/a", thrownBy(() => Deno.readTextFileSync("/a")));
  ok(error instanceof StoreError);
  strictEqual(
    error.message,
    "Cannot read: Deno has not given this program read access (/a); run it again with --allow-read",
  );
});

Deno.test("fileError() leaves mistakes of the program as they are", () => {
  const mistake = new TypeError("x is not a function");
  strictEqual(fileError("read", "/a", mistake), mistake);
  const error = new StoreError("Cannot reach it: it is off; turn it on");
  strictEqual(fileError("read", "/a", error), error);
});

Deno.test("isNotFound() is true only for what is definitely not there", () => {
  const missing = thrownBy(() => Deno.statSync("/no/such/file"));
  const under = thrownBy(() => Deno.statSync("/dev/null/file"));
  deepStrictEqual([isNotFound(missing), isNotFound(under), isNotFound(undefined)], [
    true,
    false,
    false,
  ]);
});
