import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { KeyIndex } from "../../../lib/engine/key_index.ts";
import { noStats } from "../../../lib/engine/stats.ts";
import { nameChunks } from "../../../lib/names.ts";
import { Repository } from "../../../lib/repository.ts";
import { interceptWarnings } from "../../../lib/warnings.ts";
import { DirectoryRepository } from "../../../repos/directory_repository.ts";
import { FileRepository } from "../../../repos/file_repository.ts";

/** As many keys as a snapshot is worth while for. */
const MANY: readonly string[] = Array.from({ length: 20_000 }, (_, i) => `key${i}`);

/** A store that counts its changes, and lists what it holds in an order of its own. */
class CountingStore extends Repository<null> {
  readonly keys: Set<string>;
  /** How often something was changed. */
  changes = 0;
  /** Whether it can say that nothing has changed. */
  sure = true;
  /** What happens while it is listed. */
  during: () => void = () => {};

  constructor(readonly name: string, keys: Iterable<string>) {
    super();
    this.keys = new Set(keys);
  }
  override async *unfilteredIter(): AsyncGenerator<string, void, undefined> {
    yield* this.keys;
  }
  override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = [...nameChunks([...this.keys])];
    this.during();
    yield* chunks;
  }
  override revision(): Promise<string | undefined> {
    return Promise.resolve(this.sure ? `${this.name} ${this.changes}` : undefined);
  }
  override info(): Promise<null> {
    return Promise.resolve(null);
  }
  override delete(): Promise<void> {
    return Promise.resolve();
  }
  toggle(key: string): void {
    if (!this.keys.delete(key)) this.keys.add(key);
    this.changes++;
  }
  override toString(): string {
    return this.name;
  }
}

/** What a new process finds in stores, and how often it lists one. */
async function start(
  folder: string,
  stores: readonly Repository[],
  options: { readonly minKeys?: number } = {},
): Promise<{ readonly keys: string[][]; readonly listings: number }> {
  const stats = noStats();
  const index = new KeyIndex(stats, { snapshots: folder, ...options });
  const views = stores.map((store) => index.view(store));
  await index.look("all");
  const keys = views.map(({ set }) => Array.from(set, (id) => index.space.name(id)).sort());
  await index.close();
  return { keys, listings: stats.listings };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a second start lists only what cannot prove that it has not changed", () =>
  withFolder(async (folder) => {
    const [a, b, c] = [
      new CountingStore("a", MANY),
      new CountingStore("b", MANY.slice(100)),
      new CountingStore("c", ["x"]),
    ];
    c!.sure = false;
    const stores = [a!, b!, c!];
    strictEqual((await start(folder, stores)).listings, 3);
    const second = await start(folder, stores);
    strictEqual(second.listings, 1);
    deepStrictEqual(second.keys, [[...MANY].sort(), MANY.slice(100).sort(), ["x"]]);
    b!.toggle("key1");
    const third = await start(folder, stores);
    strictEqual(third.listings, 2);
    deepStrictEqual(third.keys[1], ["key1", ...MANY.slice(100)].sort());
    strictEqual((await start(folder, stores)).listings, 1);
  }));

Deno.test("a look lists only what cannot prove that it has not changed", async () => {
  const [a, b] = [new CountingStore("a", ["1"]), new CountingStore("b", ["1"])];
  const stats = noStats();
  const index = new KeyIndex(stats);
  const views = [a, b].map((store) => index.view(store!));
  await index.look("all");
  b!.toggle("2");
  await index.look("all");
  strictEqual(stats.listings, 3);
  deepStrictEqual(views.map(({ set }) => set.size), [1, 2]);
  await index.close();
});

Deno.test("a listing during which the store has changed proves nothing", () =>
  withFolder(async (folder) => {
    const store = new CountingStore("a", MANY);
    store.during = () => store.toggle("late");
    deepStrictEqual((await start(folder, [store])).keys, [[...MANY].sort()]);
    store.during = () => {};
    deepStrictEqual((await start(folder, [store])).keys, [["late", ...MANY].sort()]);
  }));

Deno.test("a start goes on to warn of names that are no job ids", () =>
  withFolder(async (folder) => {
    const store = new CountingStore("a", [...MANY, "no id!"]);
    for (let i = 0; i < 2; i++) {
      const warnings: string[] = [];
      using _ = interceptWarnings((message) => void warnings.push(message));
      await start(folder, [new CountingStore("a", store.keys)]);
      strictEqual(warnings.length, 1);
    }
  }));

Deno.test("a few keys are not worth a snapshot", () =>
  withFolder(async (folder) => {
    await start(folder, [new CountingStore("a", ["x"])]);
    deepStrictEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("snapshots that nobody has written anew for long are removed, and nothing else", () =>
  withFolder(async (folder) => {
    await start(folder, [new CountingStore("a", MANY)]);
    const [snapshot] = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    const unfinished = `${snapshot}.${crypto.randomUUID()}.tmp`;
    for (const name of [unfinished, ".lock", "journal-1"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    for (const { name } of Deno.readDirSync(folder)) Deno.utimeSync(`${folder}/${name}`, 0, 0);
    await start(folder, [new CountingStore("b", MANY)]);
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    deepStrictEqual([left[0], left[2], left.length], [".lock", "journal-1", 3]);
    ok(left[1] !== snapshot);
  }));

Deno.test("a key that is named while a snapshot is read keeps its id", () =>
  withFolder(async (folder) => {
    const store = new CountingStore("a", MANY);
    await start(folder, [store]);
    const index = new KeyIndex(noStats(), { snapshots: folder });
    const view = index.view(store);
    const looking = index.look("all");
    const id = index.space.intern("late");
    await looking;
    strictEqual(index.space.name(id), "late");
    deepStrictEqual([view.set.has(id), view.set.size], [false, MANY.length]);
    await index.close();
  }));

/** What somebody may do between two starts. */
type Step =
  | { readonly type: "toggle"; readonly store: number; readonly key: string }
  | { readonly type: "delete" }
  | { readonly type: "truncate" | "flip"; readonly at: number }
  | { readonly type: "foreign" }
  | { readonly type: "start"; readonly stores: readonly number[] };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("toggle" as const),
        store: fc.nat(2),
        key: fc.constantFrom("a", "b", "key7", "key19999"),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constantFrom("truncate" as const, "flip" as const),
        at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("foreign" as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("start" as const),
        stores: fc.subarray([0, 1, 2], { minLength: 1 }),
      }),
    },
  ),
  { maxLength: 8 },
);

/** Damages a file in one way or another. */
async function damage(path: string, step: Step): Promise<void> {
  if (step.type === "delete") await Deno.remove(path);
  if (step.type === "foreign") await Deno.writeTextFile(path, "something else\n".repeat(10_000));
  if (step.type !== "truncate" && step.type !== "flip") return;
  const bytes = await Deno.readFile(path);
  const at = Math.floor(step.at * bytes.length);
  if (step.type === "flip") bytes[at]! ^= 1 << (at % 8);
  await Deno.writeFile(path, step.type === "flip" ? bytes : bytes.subarray(0, at));
}

Deno.test("snapshots that are deleted, truncated and falsified change nothing but how often is listed", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (steps) =>
      withFolder(async (folder) => {
        const stores = [
          new CountingStore("s0", MANY),
          new CountingStore("s1", MANY.toReversed()),
          new CountingStore("s2", ["a"]),
        ];
        const everything: Step = { type: "start", stores: [0, 1, 2] };
        for (const step of [everything, ...steps, everything]) {
          if (step.type === "toggle") stores[step.store]!.toggle(step.key);
          if (step.type !== "start") {
            const files = await Array.fromAsync(Deno.readDir(folder));
            for (const { name } of files) await damage(`${folder}/${name}`, step);
            continue;
          }
          const some = step.stores.map((i) => stores[i]!);
          const { keys } = await start(folder, some);
          deepStrictEqual(keys, some.map((store) => [...store.keys].sort()));
        }
      })),
    { numRuns: Deno.env.get("DATATASK_SWEEP") ? 1000 : 12 },
  );
});

Deno.test("a folder of files that has not changed is not listed again, and one that has is", () =>
  withFolder(async (folder) => {
    for (const name of ["in", "out", "state"]) Deno.mkdirSync(`${folder}/${name}`);
    for (const key of MANY) Deno.writeTextFileSync(`${folder}/in/${key}`, "");
    const fresh = (): FileRepository[] =>
      ["in", "out"].map((name) => new FileRepository(`${folder}/${name}`));
    // The proof has to wait until another change would show in the times of the folders.
    for (const store of fresh()) while (await store.revision() === undefined);
    const first = await start(`${folder}/state`, fresh());
    strictEqual(first.listings, 2);
    const second = await start(`${folder}/state`, fresh());
    deepStrictEqual(second, { ...first, listings: 0 });
    Deno.writeTextFileSync(`${folder}/out/key1`, "");
    const third = await start(`${folder}/state`, fresh());
    deepStrictEqual(third, { keys: [first.keys[0], ["key1"]], listings: 1 });
    Deno.removeSync(`${folder}/in/key0`);
    const fourth = await start(`${folder}/state`, fresh());
    ok(!fourth.keys[0]!.includes("key0"));
  }));

/** What somebody may do to a folder of files, or to what its links lead to. */
type FolderChange =
  | { readonly type: "write" | "remove" | "link" | "folder"; readonly key: string }
  | { readonly type: "rename"; readonly key: string; readonly to: string }
  | { readonly type: "replace" | "target" };

/** A start, and what happens before and meanwhile. */
interface Round {
  readonly changes: readonly FolderChange[];
  /** Whether a program sets the times of the folder to those of before. */
  readonly restored: boolean;
  /** Whether it is waited until a further change would show in these times. */
  readonly settled: boolean;
  /** What happens while it is listed. */
  readonly meanwhile: FolderChange | undefined;
}

const FILE_KEYS = ["a", "b", "c"];

const fileKey = fc.constantFrom(...FILE_KEYS);
const folderChange: fc.Arbitrary<FolderChange> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom("write", "write", "remove", "remove", "link", "folder"),
      key: fileKey,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("rename" as const), key: fileKey, to: fileKey }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("replace", "target") }) },
);
const rounds: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    changes: fc.array(folderChange, { maxLength: 3 }),
    restored: fc.constantFrom(true, false, false, false),
    settled: fc.constantFrom(true, true, false),
    meanwhile: fc.option(folderChange, { freq: 2, nil: undefined }),
  }),
  { minLength: 2, maxLength: 5, size: "max" },
);

/** Changes a folder; what is not possible as it is, does nothing. */
function changeFolder(folder: string, change: FolderChange): void {
  const path = "key" in change ? `${folder}/${change.key}.txt` : folder;
  const target = `${folder}-target`;
  try {
    if (change.type === "write") Deno.writeTextFileSync(path, "text");
    else if (change.type === "remove") Deno.removeSync(path);
    else if (change.type === "link") Deno.symlinkSync(target, path);
    else if (change.type === "folder") Deno.mkdirSync(path);
    else if (change.type === "rename") Deno.renameSync(path, `${folder}/${change.to}.txt`);
    else if (change.type === "target") toggle(target);
    else replace(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.AlreadyExists) return;
    if (!/directory/i.test(String(error))) throw error; // a file where a folder is
  }
}

function toggle(file: string): void {
  try {
    Deno.removeSync(file);
  } catch {
    Deno.writeTextFileSync(file, "text");
  }
}

/** Puts another folder in place of one, with the same entries but for the first. */
function replace(folder: string): void {
  const before = `${folder}-before`;
  Deno.renameSync(folder, before);
  Deno.mkdirSync(folder);
  for (const { name } of Deno.readDirSync(before)) {
    if (name !== "a.txt") Deno.renameSync(`${before}/${name}`, `${folder}/${name}`);
  }
  Deno.removeSync(before, { recursive: true });
}

/** Waits until a folder can prove that nothing changes any more; it may never do. */
async function settle(folder: string): Promise<void> {
  const store = new FileRepository(folder, ".txt");
  const end = performance.now() + 3000;
  while (await store.revision() === undefined && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("whatever happens to a folder of files between and during starts, the next one sees it", async () => {
  let listings = 0;
  let starts = 0;
  await fc.assert(
    fc.asyncProperty(rounds, (rounds) =>
      withFolder(async (base) => {
        const folder = `${base}/files`;
        Deno.mkdirSync(folder);
        const begin = async (): Promise<string[][]> => {
          const stores = [
            new FileRepository(folder, ".txt"),
            new DirectoryRepository(folder, ".txt"),
          ];
          const found = await start(`${base}/state`, stores, { minKeys: 0 });
          starts += stores.length;
          listings += found.listings;
          return found.keys;
        };
        for (const { changes, restored, settled, meanwhile } of rounds) {
          for (const change of changes) changeFolder(folder, change);
          if (restored) Deno.utimeSync(folder, 1, 1);
          if (settled) await settle(folder);
          const beginning = begin();
          if (meanwhile !== undefined) changeFolder(folder, meanwhile);
          const found = await beginning;
          if (meanwhile === undefined) deepStrictEqual(found, keysIn(folder));
        }
        deepStrictEqual(await begin(), keysIn(folder));
      })),
    { numRuns: Deno.env.get("DATATASK_SWEEP") ? 100 : 6 },
  );
  ok(listings < starts, "some are not listed");
});

/** The files and the folders that are keys. */
function keysIn(folder: string): string[][] {
  const infos = FILE_KEYS.map((key) => {
    try {
      return Deno.statSync(`${folder}/${key}.txt`);
    } catch {
      return undefined;
    }
  });
  return [
    FILE_KEYS.filter((_, i) => infos[i]?.isFile),
    FILE_KEYS.filter((_, i) => infos[i]?.isDirectory),
  ];
}
