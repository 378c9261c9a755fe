import { strictEqual } from "node:assert/strict";
import { ImportMap } from "../../lib/loader/import_map.ts";
import { parsePin } from "../../lib/loader/integrity.ts";

Deno.test("ImportMap takes the longest name that fits", () => {
  const map = new ImportMap({
    "a": "./src/a.ts",
    "dir/": "./src/",
    "dir/deep/": "https://x.example/deep/",
    "pkg": "jsr:@you/pkg@^1",
    "plain": "./plain/",
  }, "file:///home/me/deno.json");
  for (
    const [specifier, target] of [
      ["a", "file:///home/me/src/a.ts"],
      ["a/b", undefined],
      ["dir/x.ts", "file:///home/me/src/x.ts"],
      ["dir/deep/x.ts", "https://x.example/deep/x.ts"],
      ["pkg", "jsr:@you/pkg@^1"],
      ["pkg/sub", "jsr:@you/pkg@^1/sub"],
      ["pkgs", undefined],
      ["plain/x", undefined],
    ] as const
  ) strictEqual(map.get(specifier), target, specifier);
});

Deno.test("parsePin() reads each form of a SHA-256, and nothing else", () => {
  const hex = "ab".repeat(32);
  const base64 = Uint8Array.fromHex(hex).toBase64();
  for (
    const text of [
      hex,
      hex.toUpperCase(),
      `sha256=${hex}`,
      `sha256:${hex}`,
      `sha256-${hex}`,
      `sha256-${base64}`,
    ]
  ) {
    strictEqual(parsePin(text), hex, text);
  }
  for (
    const text of [
      "",
      "sha256=",
      hex.slice(1),
      `${hex}a`,
      `sha1=${hex}`,
      `sha384-${base64}`,
      base64,
    ]
  ) {
    strictEqual(parsePin(text), undefined, text);
  }
});
