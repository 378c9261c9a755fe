/**
 * One sentence on a value that does not fit into memory.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { bytes, PERIOD } from "./data.ts";
import { type Case, LARGE_VALUE } from "./subject.ts";

/** What streaming may take: half the value, which leaves room for what waits to be collected, up to 100 MB. */
const ALLOWED_MEMORY = LARGE_VALUE / 2;

/**
 * Watches the memory of this isolate, of which other tests that run meanwhile take none.
 *
 * @returns To be called again and again: fails when too much was taken since there was least.
 */
function memoryMeter(): () => void {
  let least = Infinity;
  return () => {
    const { external, heapUsed } = Deno.memoryUsage();
    least = Math.min(least, external + heapUsed);
    const taken = Math.round((external + heapUsed - least) / 1024 / 1024);
    ok(taken < ALLOWED_MEMORY / 1024 / 1024, `streaming took ${taken} MiB of memory`);
  };
}

async function write(repository: BlobRepository): Promise<void> {
  const measure = memoryMeter();
  await using writer = await repository.open("large", "wb");
  for (let size = 0; size < LARGE_VALUE; size += PERIOD) {
    await writer.write(bytes(Math.min(PERIOD, LARGE_VALUE - size)));
    measure();
  }
  await writer.close();
  measure();
}

async function read(repository: BlobRepository): Promise<void> {
  const measure = memoryMeter();
  measure();
  const pattern = bytes(PERIOD);
  let size = 0;
  for await (const chunk of await repository.readable("large")) {
    let place = size % PERIOD;
    for (const byte of chunk) {
      if (byte !== pattern[place]) {
        strictEqual(byte, pattern[place], `a byte of the chunk that begins at ${size}`);
      }
      if (++place === PERIOD) place = 0;
    }
    size += chunk.length;
    measure();
  }
  strictEqual(size, LARGE_VALUE);
}

export const blobStreamingCases: readonly Case<BlobRepository>[] = [
  {
    sentence: "a value of 256 MiB is streamed without being held in memory",
    applies: ({ maxValueBytes }) => maxValueBytes >= LARGE_VALUE,
    run: async ({ repository }) => {
      await write(repository);
      await read(repository);
      await repository.delete("large");
    },
  },
];
