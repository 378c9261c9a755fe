import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { parseArguments } from "../../../lib/cli/arguments.ts";
import { verbHelpText } from "../../../lib/cli/help.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import type { Verb } from "../../../lib/cli/verb.ts";

const verb: Verb = {
  name: "do",
  summary: "Do something",
  words: "TASK [JOB]",
  options: {
    force: { type: "boolean", short: "f", description: "do it all the same" },
    timeout: { type: "string", value: "SECONDS", description: "for how long" },
  },
  run: () => Promise.resolve(),
};

async function refused(args: readonly string[], message: string, of: Verb = verb): Promise<void> {
  await rejects(parseArguments(of, args), (error) => {
    strictEqual(error instanceof UsageError && error.message, message);
    return true;
  });
}

Deno.test("parseArguments() takes options and words in any order", async () => {
  const all = { words: ["count", "moby"], options: { force: true, timeout: "5" } };
  for (
    const line of [
      "count moby --force --timeout 5",
      "--timeout=5 count -f moby",
      "-f --timeout 5 -- count moby",
      "--timeout 9 --timeout 5 -f count moby",
    ]
  ) {
    const { words, options } = await parseArguments(verb, line.split(" "));
    deepStrictEqual({ words, options: { ...options } }, all, line);
  }
  deepStrictEqual(await parseArguments(verb, ["count"]), { words: ["count"], options: {} });
  deepStrictEqual((await parseArguments(verb, ["a", "-"])).words, ["a", "-"]);
  strictEqual((await parseArguments(verb, ["a", "--timeout=-1"])).options.timeout, "-1");
});

Deno.test("parseArguments() refuses options that the verb has not, and suggests one", async () => {
  await refused(["a", "--forse"], '"do" has no option --forse; did you mean --force?');
  await refused(["a", "--xyz"], '"do" has no option --xyz');
  await refused(["a", "-x"], '"do" has no option -x');
  await refused(["a", "--constructor"], '"do" has no option --constructor');
  await refused(["a", "--force=yes"], "--force takes no value");
  await refused(["a", "--timeout"], "--timeout needs a value");
  await refused(["a", "--timeout", "--force"], "--timeout needs a value");
});

Deno.test("parseArguments() refuses too few words and too many", async () => {
  await refused([], '"do" needs TASK');
  await refused(["a", "b", "c"], '"do" does not take "c"');
  const several: Verb = { ...verb, words: "TASK JOB..." };
  await refused(["a"], '"do" needs JOB', several);
  deepStrictEqual((await parseArguments(several, ["a", "b", "c"])).words, ["a", "b", "c"]);
  const { words: _, ...none } = verb;
  await refused(["a"], '"do" does not take "a"', none);
});

Deno.test("parseArguments() lets help be asked for in an incomplete command line", async () => {
  strictEqual((await parseArguments(verb, ["--help"])).options.help, true);
  strictEqual((await parseArguments(verb, ["-h"])).options.help, true);
});

Deno.test("verbHelpText() shows all that a verb takes", () => {
  strictEqual(
    verbHelpText(verb),
    `usage: do [--force] [--timeout SECONDS] TASK [JOB]

Do something

options:
  -f, --force            do it all the same
      --timeout SECONDS  for how long
  -h, --help             show this help
`,
  );
});
