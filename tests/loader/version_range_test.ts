import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compareVersions, satisfies } from "../../lib/loader/version_range.ts";

Deno.test("satisfies() admits what a range names", () => {
  for (
    const [version, range, admitted] of [
      ["1.2.3", "1.2.3", true],
      ["1.2.3", "=1.2.3", true],
      ["1.2.4", "1.2.3", false],
      ["1.2.3", "^1.2", true],
      ["1.9.0", "^1.2.3", true],
      ["1.2.2", "^1.2.3", false],
      ["2.0.0", "^1.2", false],
      ["0.1.9", "^0.1", true],
      ["0.2.0", "^0.1", false],
      ["0.0.3", "^0.0.3", true],
      ["0.0.4", "^0.0.3", false],
      ["0.9.0", "^0", true],
      ["1.2.9", "~1.2.3", true],
      ["1.3.0", "~1.2.3", false],
      ["1.9.9", "~1", true],
      ["1.9.9", "1", true],
      ["1.9.9", "1.x", true],
      ["1.9.9", "1.9", true],
      ["1.10.0", "1.9", false],
      ["1.9.9", "*", true],
      ["1.9.9", "", true],
      ["1.9.9", "latest", true],
      ["1.9.9", "next", false],
      ["2.0.0-rc.1", "^2", false],
      ["2.0.0-rc.1", "2.0.0-rc.1", true],
      ["1.9.9", ">=1 <2", false],
    ] as const
  ) strictEqual(satisfies(version, range), admitted, `${version} ${range}`);
});

Deno.test("compareVersions() goes by numbers", () => {
  deepStrictEqual(["1.10.0", "1.9.0", "0.20.1"].sort(compareVersions), [
    "0.20.1",
    "1.9.0",
    "1.10.0",
  ]);
  ok(compareVersions("1.0.0", "1.0.0") === 0);
});
