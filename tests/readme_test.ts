import { deepStrictEqual, match, strictEqual } from "node:assert/strict";

const config = new URL("../deno.json", import.meta.url).pathname;

Deno.test("A-29: the first program of the README does in an empty folder what the README says", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
    const program = /```ts\n([^]*?)```/.exec(readme)![1]!;
    await Deno.writeTextFile(`${folder}/pipeline.ts`, program);
    await Deno.mkdir(`${folder}/books`);
    await Deno.writeTextFile(`${folder}/books/moby.txt`, "Call me Ishmael.");
    await Deno.writeTextFile(
      `${folder}/books/emma.txt`,
      "Emma Woodhouse, handsome, clever, and rich",
    );
    const deno = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", `--config=${config}`, "pipeline.ts", ...args],
        cwd: folder,
        env: { NO_COLOR: "1" },
      }).output();
      return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
    };

    deepStrictEqual(await deno("run"), { code: 0, out: "", err: "summary: 2 done\n" });
    strictEqual(
      await Deno.readTextFile(`${folder}/reports/moby.txt`),
      'The book "moby" has 3 words\n',
    );
    const status = "summary\nsummary.books 2\nsummary.done 2\nsummary.reports 2\n\n";
    strictEqual((await deno("status")).out, status);
    match(
      (await deno("why", "summary", "emma")).out,
      /^summary emma is done: it ended well at 2\S+Z\n$/,
    );

    deepStrictEqual(await deno("run"), { code: 0, out: "", err: "nothing to do\n" });
    await Deno.writeTextFile(`${folder}/books/persuasion.txt`, "Sir Walter Elliot");
    strictEqual((await deno("run")).err, "summary: 1 done\n", "only the new one is done");
    strictEqual((await deno("rm", "summary", "emma")).code, 0);
    strictEqual((await deno("run")).err, "summary: 1 done\n", "what was removed is done again");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
