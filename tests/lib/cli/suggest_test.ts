import { strictEqual } from "node:assert/strict";
import { didYouMean, nearest } from "../../../lib/cli/suggest.ts";

Deno.test("nearest() finds the name with the fewest mistakes", () => {
  const verbs = ["status", "trace", "rm", "ls", "launch", "cat"];
  strictEqual(nearest("statsu", verbs), "status", "swapped");
  strictEqual(nearest("sttus", verbs), "status", "left out");
  strictEqual(nearest("traace", verbs), "trace", "too many");
  strictEqual(nearest("lunch", verbs), "launch");
  strictEqual(nearest("STATUS", verbs), "status", "in capitals");
  strictEqual(nearest("lz", verbs), "ls");
  strictEqual(nearest("ab", ["abd", "ba"]), "abd", "the first of two as near");
  strictEqual(nearest("trxce", ["trade", "trace"]), "trace");
});

Deno.test("nearest() suggests nothing that was hardly meant", () => {
  strictEqual(nearest("serve", ["status", "trace", "rm"]), undefined);
  strictEqual(nearest("x", ["ls", "rm"]), undefined);
  strictEqual(nearest("", ["ls", "rm"]), undefined);
  strictEqual(nearest("abcdefghi", ["badcfeghi"]), "badcfeghi", "three swaps in nine letters");
  strictEqual(nearest("abcdefgh", ["badcfegh"]), undefined, "three in eight");
});

Deno.test("nearest() takes the beginning of a name, if no name is near", () => {
  strictEqual(nearest("stat", ["status", "state"]), "state", "near");
  strictEqual(nearest("comp", ["cat", "completions"]), "completions");
  strictEqual(nearest("1861", ["1860_buchanan", "1861_lincoln"]), "1861_lincoln");
  strictEqual(nearest("co", ["completions"]), undefined, "too short to tell");
});

Deno.test("didYouMean() lists what there is if it has no guess, and no endless list", () => {
  strictEqual(didYouMean("countt", ["count", "rate"], "tasks"), '; did you mean "count"?');
  strictEqual(didYouMean("xyz", ["count", "rate"], "tasks"), "; the tasks are count, rate");
  strictEqual(didYouMean("xyz", ["count", "rate"]), "");
  strictEqual(didYouMean("xyz", [], "tasks"), "");
  const many = Array.from({ length: 21 }, (_, index) => `t${index}`);
  strictEqual(
    didYouMean("other", many, "tasks"),
    `; the tasks are ${many.slice(0, 20).join(", ")}, ...`,
  );
});
