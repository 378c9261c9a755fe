import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { listByChild, selectNames } from "../../repos/child_listing.ts";
import { type EntryType, inBulk, isForChild } from "../../repos/directory_listing.ts";
import { inFolder } from "../temporary_folder.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function children(folder: string): Promise<{ names: string[]; done: boolean }> {
  const listing = listByChild(folder, (chunk) => chunk.slice());
  let text = "";
  for (;;) {
    const { value, done } = await listing.next();
    if (done) return { names: text.split("\0").slice(0, -1).sort(), done: value };
    ok(value.at(-1) === 0, "a chunk ends in the middle of a name");
    text += decode(value);
  }
}

/** Applies `selectNames` with a record of what it asked. */
function select(
  names: readonly string[],
  type: EntryType,
  suffix: string,
  take: (name: string) => boolean = () => false,
): { taken: string; asked: [string, EntryType][] } {
  const asked: [string, EntryType][] = [];
  const chunk = encode(names.map((name) => `${name}\0`).join(""));
  const taken = selectNames(chunk, type, encode(suffix), (name, found) => {
    asked.push([name, found]);
    return take(name);
  });
  return { taken: decode(taken), asked };
}

Deno.test("listByChild() gives every entry with a mark of its type", () =>
  inFolder(async (folder) => {
    for (const name of ["file", "-n", "a b", "a\nb", "'q", ".hidden"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    Deno.chmodSync(`${folder}/file`, 0o755);
    Deno.mkdirSync(`${folder}/folder`);
    Deno.symlinkSync("file", `${folder}/link`);
    Deno.symlinkSync("nowhere", `${folder}/dangling`);
    const { names, done } = await children(folder);
    strictEqual(done, true);
    deepStrictEqual(
      names,
      ["'q", "-n", ".hidden", "a\nb", "a b", "dangling@", "file", "folder/", "link@"].sort(),
    );
  }));

Deno.test("listByChild() of an empty folder is complete, and that of a missing one is none", () =>
  inFolder(async (folder) => {
    deepStrictEqual(await children(folder), { names: [], done: true });
    deepStrictEqual(await children(`${folder}/missing`), { names: [], done: false });
  }));

Deno.test("listByChild() gives whole names wherever the pipe cuts them", () =>
  inFolder(async (folder) => {
    const expected = Array.from({ length: 700 }, (_, i) => `${i}-${"x".repeat(i % 150)}`).sort();
    for (const name of expected) Deno.writeTextFileSync(`${folder}/${name}`, "");
    deepStrictEqual((await children(folder)).names, expected);
  }));

Deno.test("listByChild() can be left at any time", () =>
  inFolder(async (folder) => {
    for (let i = 0; i < 700; i++) Deno.writeTextFileSync(`${folder}/${i}-${"x".repeat(200)}`, "");
    for await (const _ of listByChild(folder, (chunk) => chunk)) break;
    await rejects(async () => {
      for await (const _ of listByChild(folder, (chunk) => chunk)) throw new Error("enough");
    }, /enough/);
  }));

Deno.test("isForChild() is false for a small folder, and throws for a missing one", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "");
    strictEqual(isForChild(folder), false);
    throws(() => isForChild(`${folder}/missing`), Deno.errors.NotFound);
  }));

Deno.test("selectNames() takes the names of one type that end with the suffix, without it", () => {
  const names = ["a.txt", "b.TXT", "c", "d.txt.bak", "txt", ".txt", "e.txt", "f.txt/"];
  strictEqual(select(names, "file", ".txt").taken, "a\0e\0");
  strictEqual(select(["a/", "b", "c/"], "directory", "").taken, "a\0c\0");
  strictEqual(select(["a.d/", "b.d", "c/"], "directory", ".d").taken, "a\0");
});

Deno.test("selectNames() asks about entries of other types and hidden names, and takes what it is told to", () => {
  const names = ["a", "b@", ".c", "d|", "e=", "f>", "g/"];
  const { taken, asked } = select(names, "file", "", (name) => name === "b" || name === ".c");
  strictEqual(taken, "a\0b\0.c\0");
  deepStrictEqual(asked, [
    ["b", "link"],
    [".c", "file"],
    ["d", "other"],
    ["e", "other"],
    ["f", "other"],
    ["g", "directory"],
  ]);
});

Deno.test("selectNames() leaves a chunk as it is where all names are taken", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `k${i}`);
  const { taken, asked } = select(names, "file", "");
  strictEqual(taken, names.map((name) => `${name}\0`).join(""));
  deepStrictEqual(asked, []);
});

Deno.test("inBulk() puts whole names into chunks", async () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `k${i}é`);
  async function* each(): AsyncGenerator<string> {
    yield* await Promise.resolve(names);
  }
  const chunks = await Array.fromAsync(inBulk(each()));
  ok(chunks.length > 1 && chunks.every((chunk) => chunk.at(-1) === 0));
  deepStrictEqual(chunks.map(decode).join("").split("\0").slice(0, -1), names);
  deepStrictEqual(await Array.fromAsync(inBulk((async function* () {})())), []);
});
