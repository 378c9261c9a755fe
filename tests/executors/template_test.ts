import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseYaml } from "../../lib/yaml.ts";
import { JobError, Resources, S3BucketInfo } from "../../mod.ts";
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

const books = new S3BucketInfo("http://s3", "s3://library/a b.txt", "library", "", ".txt");

Deno.test("Template.render() writes what an object says of itself, and has its fields as well", async () => {
  const all = await rendered(
    "{{ value }} {{ value|shquote }} {{ value.bucket }} {{ value['suffix'] }}",
  );
  strictEqual(all(books), "s3://library/a b.txt 's3://library/a b.txt' library .txt");
  const inner = await rendered(
    "{% set x = value.list[0] %}{{ x ~ '!' }} {{ value.list }} {{ value.list|shquote }} {{ x.uri }}",
  );
  strictEqual(
    inner({ list: [books, new Resources(1.5)] }),
    `${books}! [${books}, ${new Resources(1.5)}] '${books}' '${new Resources(1.5)}' ${books}`,
  );
  const fields = await rendered("{{ value|tojson }}");
  deepStrictEqual(JSON.parse(fields(books)), { ...books });
  strictEqual((await rendered("{{ value|toyaml }}"))(books).includes(books.bucket), true);
});

Deno.test("Template.render() knows data that says nothing of itself from objects that do", async () => {
  const render = await rendered("{{ value.toString }} {{ value|tojson }}");
  strictEqual(render({ toString: "text" }), 'text {"toString":"text"}');
  strictEqual(
    (await rendered("{{ value.a.b }}"))({ ["__proto__"]: 1, a: { b: books } }),
    `${books}`,
  );
  strictEqual((await rendered("{{ value|upper }}"))(new Error("a")), "ERROR: A");
  strictEqual((await rendered("{{ value.a }}"))(Object.assign(Object.create(null), { a: 1 })), "1");
});

Deno.test("Template.render() refuses to change an object as if it were text", async () => {
  const render = await rendered("{{ value|upper }}");
  throws(() => render(books), /an object that is more than its text was changed; name one of its/);
});

Deno.test("Template.render() says what it cannot quote in one line", async () => {
  const render = await rendered("{{ value|shquote }}");
  const value = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`some-field-${i}`, "\n"]));
  throws(
    () => render(value),
    (error) =>
      error instanceof JobError && /Cannot quote \{.*\} for a shell: .*link/.test(error.message) &&
      !error.message.includes("\n"),
  );
});
