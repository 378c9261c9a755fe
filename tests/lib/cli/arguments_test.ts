import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
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

function refused(args: readonly string[], message: string, of: Verb = verb): void {
  throws(() => parseArguments(of, args), (error) => {
    strictEqual(error instanceof UsageError && error.message, message);
    return true;
  });
}

Deno.test("parseArguments() takes options and words in any order", () => {
  const all = { words: ["count", "moby"], options: { force: true, timeout: "5" } };
  for (
    const line of [
      "count moby --force --timeout 5",
      "--timeout=5 count -f moby",
      "-f --timeout 5 -- count moby",
      "--timeout 9 --timeout 5 -f count moby",
    ]
  ) {
    const { words, options } = parseArguments(verb, line.split(" "));
    deepStrictEqual({ words, options: { ...options } }, all, line);
  }
  deepStrictEqual(parseArguments(verb, ["count"]), { words: ["count"], options: {} });
  deepStrictEqual(parseArguments(verb, ["a", "-"]).words, ["a", "-"]);
  strictEqual(parseArguments(verb, ["a", "--timeout=-1"]).options.timeout, "-1");
});

Deno.test("parseArguments() refuses options that the verb has not, and suggests one", () => {
  refused(["a", "--forse"], '"do" has no option --forse; did you mean --force?');
  refused(["a", "--xyz"], '"do" has no option --xyz');
  refused(["a", "-x"], '"do" has no option -x');
  refused(["a", "--constructor"], '"do" has no option --constructor');
  refused(["a", "--force=yes"], "--force takes no value");
  refused(["a", "--timeout"], "--timeout needs a value");
  refused(["a", "--timeout", "--force"], "--timeout needs a value");
});

Deno.test("parseArguments() refuses too few words and too many", () => {
  refused([], '"do" needs TASK');
  refused(["a", "b", "c"], '"do" does not take "c"');
  const several: Verb = { ...verb, words: "TASK JOB..." };
  refused(["a"], '"do" needs JOB', several);
  deepStrictEqual(parseArguments(several, ["a", "b", "c"]).words, ["a", "b", "c"]);
  const { words: _, ...none } = verb;
  refused(["a"], '"do" does not take "a"', none);
});

Deno.test("parseArguments() lets help be asked for in an incomplete command line", () => {
  strictEqual(parseArguments(verb, ["--help"]).options.help, true);
  strictEqual(parseArguments(verb, ["-h"]).options.help, true);
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
