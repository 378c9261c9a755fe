import { strictEqual, throws } from "node:assert/strict";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { absolutePath, lastPart } from "../../repos/paths.ts";

Deno.test("absolutePath() resolves paths as node:path does", () => {
  for (
    const path of [
      ...["data", "./data", "data/", "data//x", "../data", "a/../../b", ".", "", "a b/é%20#?"],
      ...["/", "/data", "/data/", "//data", "/..", "/a/./b/../c"],
    ]
  ) strictEqual(absolutePath(path), resolve(path), JSON.stringify(path));
});

Deno.test("absolutePath() takes file: URLs, and no others", () => {
  for (const path of ["/data", "/a b/é%20#?"]) strictEqual(absolutePath(pathToFileURL(path)), path);
  throws(() => absolutePath(new URL("https://example.com/data")), TypeError);
});

Deno.test("lastPart() is what follows the last separator", () => {
  strictEqual(lastPart("/data/moby.txt"), "moby.txt");
  strictEqual(lastPart("moby.txt"), "moby.txt");
});
