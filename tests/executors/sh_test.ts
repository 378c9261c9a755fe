import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { sh, ShellScript, shquote } from "../../executors/sh.ts";

async function words(script: string): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
  strictEqual(success, true, script);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout).split("\0").slice(0, -1);
}

Deno.test("S-03: sh`...` hands any string to the shell as it is", async () => {
  const text = fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\0", ""));
  const nasty = fc.string({ unit: fc.constantFrom(..."'\"\\$`!*?[](){}<>|&;#~ \t\n\r%=-a1") });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(text, nasty), { minLength: 1, maxLength: 40 }),
      async (values) => {
        const script = sh`for w in ${values}; do printf '%s\0' "$w"; done; printf '%s\0' ${
          values[0]
        } "$(printf %s. ${values[0]})"`;
        deepStrictEqual(await words(script.text), [...values, values[0], `${values[0]}.`]);
      },
    ),
    { numRuns: Deno.env.get("DATATASK_SWEEP") === "1" ? 2000 : 40 },
  );
});

Deno.test("sh`...` keeps words that a shell would take for more", async () => {
  deepStrictEqual(await words(sh`printf '%s\0' x ${2}>&1`.text), ["x", "2"]);
  strictEqual(sh`${"if"} x`.text, "'if' x");
});

Deno.test("sh`...` refuses a value inside quotes, where it could get out of them", () => {
  throws(() => sh`echo "${"x"}"`, TypeError);
  throws(() => sh`echo 'a ${"x"}'`, TypeError);
  strictEqual(sh`echo "$(cat ${"a b"})" \" ${"c d"}`.text, `echo "$(cat 'a b')" \\" 'c d'`);
  strictEqual(
    sh`# don't
echo ${"a b"}`.text,
    "# don't\necho 'a b'",
  );
});

Deno.test("sh`...` leaves a script in it as it is", () => {
  strictEqual(sh`${new ShellScript("a | b")} > ${"c d"}`.text, "a | b > 'c d'");
});

Deno.test("shquote() refuses what has no text", () => {
  throws(() => shquote(undefined), TypeError);
  throws(() => shquote({ a: 1 }), TypeError);
  throws(() => shquote("a\0b"), TypeError);
  strictEqual(shquote(new URL("file:///a%20b")), "'/a b'");
});
