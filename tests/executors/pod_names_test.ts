import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { identityOf, labelValue, podMarks, podName } from "../../executors/pod_names.ts";

const text = fc.string({ minLength: 1, maxLength: 250, unit: "binary" });

Deno.test("A-22: podName() gives names that DNS allows, another for each job, task and application", async () => {
  await fc.assert(fc.asyncProperty(text, text, text, async (app, task, job) => {
    match(await podName(app, task, job), /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
  }));
  const names = await Promise.all(
    [
      ["app", "a_b", "x"],
      ["app", "a-b", "x"],
      ["app", "a-b", "X"],
      ["app-a", "b", "x"],
      ["app", "a", "b-x"],
    ].map(([app = "", task = "", job = ""]) => podName(app, task, job)),
  );
  strictEqual(new Set(names).size, names.length);
  strictEqual(await podName("app", "a_b", "x"), names[0]);
});

Deno.test("A-22: labelValue() gives values that labels allow, another for each text", async () => {
  await fc.assert(fc.asyncProperty(text, async (value) => {
    match(await labelValue(value), /^(?=.{1,63}$)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/);
  }));
  strictEqual(await labelValue("Moby-Dick_1.txt"), "Moby-Dick_1.txt");
  const [one, other] = await Promise.all(["a".repeat(199) + "b", "a".repeat(200)].map(labelValue));
  strictEqual(one === other, false);
});

Deno.test("identityOf() gives back what podMarks() has said, and nothing of pods of others", async () => {
  const identity = {
    app: "app",
    task: "a_b",
    job: "X".repeat(200),
    attempt: 2,
    started: 1795616399660,
    nonce: "34da8d49",
  };
  deepStrictEqual(identityOf({ metadata: await podMarks(identity) }), identity);
  for (
    const annotation of ["", "{", "null", "[]", "{}", JSON.stringify({ ...identity, attempt: "2" })]
  ) {
    strictEqual(
      identityOf({ metadata: { annotations: { "datatask/identity": annotation } } }),
      undefined,
    );
  }
  strictEqual(identityOf({}), undefined);
});
