import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseYaml } from "../../lib/yaml.ts";
import { JobError } from "../../mod.ts";
import { Template } from "../../executors/template.ts";

const runs = { numRuns: Deno.env.get("DATATASK_SWEEP") === "1" ? 20_000 : 500 };
const nasty = fc.string({
  unit: fc.constantFrom(..."'\"\\$`{}[],:;#&*!|>%@-? \t\n\r\u0085\u2028\ufeff~a1"),
});
const text = fc.oneof(fc.string({ unit: "grapheme" }), nasty);
/** As JSON has them: without -0. */
const json = fc.jsonValue({ noUnicodeString: false, depthSize: "small" })
  .map((value): unknown => JSON.parse(JSON.stringify(value)));

async function rendered(template: string): Promise<(value: unknown) => string> {
  const made = await Template.load(template, "template");
  return (value) => made.render({ value });
}

Deno.test("S-03: the template filter shquote keeps any string", async () => {
  const render = await rendered("printf '%s\\0' {{ value|shquote }}");
  const word = text.filter((value) => !value.includes("\0"));
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 40 }), async (values) => {
      const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", render(values)] })
        .output();
      const words = new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout).split("\0");
      deepStrictEqual(words.slice(0, -1), values);
    }),
    { numRuns: runs.numRuns / 20 },
  );
});

Deno.test("The template filter tojson keeps any value", async () => {
  const render = await rendered("{{ value|tojson }}");
  fc.assert(
    fc.property(fc.oneof(text, json), (value) => deepStrictEqual(JSON.parse(render(value)), value)),
    runs,
  );
});

Deno.test("The template filter toyaml keeps any value, wherever in a document it stands", async () => {
  const render = await rendered(
    "a:\n  - b: {{ value|toyaml }}\n    c: [{{ value|toyaml }}, {d: {{ value|toyaml }}}]\n",
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, json), async (value) => {
      deepStrictEqual(await parseYaml(render(value)), {
        a: [{ b: value, c: [value, { d: value }] }],
      });
    }),
    runs,
  );
});

Deno.test("Template.render() says which filter there is not", async () => {
  const template = await Template.load("{{ value|to_yaml }}", "template of x");
  throws(
    () => template.render({ value: 1 }),
    (error) => error instanceof JobError && /template of x: line 1: .*to_yaml/.test(error.message),
  );
});

Deno.test("Template.render() escapes nothing", async () => {
  strictEqual((await rendered("{{ value }}\n"))("<&>'"), "<&>'\n");
});
