/**
 * The suite tested: stores that keep the contract pass, and each way to break it is found by the sentences that it
 * breaks, and by no others.
 *
 * @module
 */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type RepositoryTestOptions, repositoryTests, testRepository } from "./suite/mod.ts";
import { BROKEN_BLOBS } from "./suite_stores/broken_blobs.ts";
import { BROKEN_METADATA } from "./suite_stores/broken_metadata.ts";
import {
  type Medium,
  MemoryBlobs,
  MemoryKeys,
  MemoryMetadata,
  over,
} from "./suite_stores/memory_stores.ts";

const capabilities = { maxValueBytes: 2_000_000, manyKeys: 50 };
const blobs = over((medium: Medium<Uint8Array>) => new MemoryBlobs(medium));
const metadata = over((medium: Medium<unknown>) => new MemoryMetadata(medium));

await testRepository({ name: "MemoryBlobs", create: blobs, capabilities });

await testRepository({ name: "MemoryMetadata", create: metadata });

await testRepository({
  name: "MemoryKeys",
  create() {
    const repository = new MemoryKeys();
    return { repository, put: (job) => Promise.resolve(void repository.keys.add(job)) };
  },
});

/** Runs a suite, and gives the sentences that its store does not keep. */
async function broken(options: Omit<RepositoryTestOptions, "name" | "timeout">): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, fn } of await repositoryTests({ ...options, name: "broken", timeout: 20 })) {
    try {
      await fn();
    } catch {
      failed.push(name.slice("broken: ".length));
    }
  }
  return failed.sort();
}

for (const { what, Store, breaks } of BROKEN_BLOBS) {
  Deno.test(`repositoryTests() finds a blob store that ${what}`, async () => {
    const create = over((medium: Medium<Uint8Array>) => new Store(medium));
    deepStrictEqual(await broken({ create, capabilities }), breaks.toSorted());
  });
}

for (const { what, Store, breaks } of BROKEN_METADATA) {
  Deno.test(`repositoryTests() finds a store that ${what}`, async () => {
    const create = over((medium: Medium<unknown>) => new Store(medium));
    deepStrictEqual(await broken({ create, capabilities }), breaks.toSorted());
  });
}

Deno.test("repositoryTests() finds a blob store that holds a large value in memory", async () => {
  const tests = await repositoryTests({ name: "broken", create: blobs });
  const streaming = tests.find(({ name }) =>
    name.endsWith("streamed without being held in memory")
  );
  ok(streaming);
  await rejects(streaming.fn(), /streaming took \d+ MiB of memory/);
});

Deno.test("repositoryTests() makes a new store for each test, and disposes of it however the test ends", async () => {
  const [Failing] = BROKEN_METADATA.filter(({ what }) => what === "throws instead of rejecting");
  ok(Failing);
  let [made, disposed] = [0, 0];
  const tests = await repositoryTests({
    name: "counted",
    create() {
      made++;
      const [{ repository }, dispose] = [
        over((medium: Medium<unknown>) => new Failing.Store(medium))(),
        () => {
          disposed++;
          return Promise.resolve();
        },
      ];
      return { repository, dispose };
    },
  });
  strictEqual(made, 1);
  strictEqual(disposed, 1);
  await Promise.allSettled(tests.slice(0, 5).map(({ fn }) => fn()));
  strictEqual(made, 6);
  strictEqual(disposed, 6);
});

Deno.test("repositoryTests() names a debt with its reason, and ignores it", async () => {
  const test = "toString() names the class";
  const tests = await repositoryTests({
    name: "M",
    create: metadata,
    skip: [{ test, reason: "it has no name" }],
  });
  deepStrictEqual(
    tests.filter(({ ignore }) => ignore).map(({ name }) => name),
    ["M: toString() names the class (skipped: it has no name)"],
  );
});

Deno.test("repositoryTests() refuses a debt that names no test of the store", async () => {
  const skip = [{ test: "readBytes() is for blobs", reason: "none" }];
  await rejects(repositoryTests({ name: "M", create: metadata, skip }), {
    name: "TypeError",
    message:
      'Cannot skip "M: readBytes() is for blobs": there is no such test; remove it or correct its name',
  });
});

Deno.test("repositoryTests() refuses a store whose keys it cannot make", async () => {
  await rejects(
    repositoryTests({ name: "K", create: () => ({ repository: new MemoryKeys() }) }),
    /give the fixture a "put"/,
  );
});

Deno.test("repositoryTests() gives each test a name of its own", async () => {
  for (const create of [blobs, metadata]) {
    const names = (await repositoryTests({ name: "N", create })).map(({ name }) => name);
    strictEqual(new Set(names).size, names.length);
  }
});
