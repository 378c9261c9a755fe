import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { inFolder } from "../temporary_folder.ts";

const example = new URL("../../examples/tfidf.ts", import.meta.url).pathname;

async function tfidf(results: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example, ...args],
    env: { EXAMPLE_RESULTS: results, NO_COLOR: "1" },
  }).output();
  const messages = new TextDecoder().decode(stderr);
  strictEqual(code, 0, messages);
  return new TextDecoder().decode(stdout) + messages.replaceAll(/^.*\d\/s.*\n/gm, "");
}

Deno.test("examples/tfidf.ts finds on all cores which words are typical of each speech", () =>
  inFolder(async (folder) => {
    strictEqual(await tfidf(folder, "run"), "tokenise: 233 done\ncount: 1 done\nweigh: 233 done\n");
    const words = (await tfidf(folder, "cat", "weigh.keywords", "1861_abraham_lincoln_r")).split(
      "\n",
    );
    ok(words.includes("- insurgents"), `${words}`);
    deepStrictEqual(await tfidf(folder, "run"), "nothing to do\n");
  }));
