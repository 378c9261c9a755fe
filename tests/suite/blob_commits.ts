/**
 * Sentences on writing all or nothing.
 *
 * @module
 */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { holds, holdsBytes, lacksBlob } from "./checks.ts";
import { bytes, forAll, ids, sameBytes } from "./data.ts";
import type { Case } from "./subject.ts";

class Interruption extends Error {}

const interrupted = (): never => {
  throw new Interruption("the writer was interrupted");
};

/** A source that fails when half of it was read. */
function failing(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let chunks = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (chunks++ < 4) controller.enqueue(bytes(10_000));
      else controller.error(new Interruption("the source failed"));
    },
  });
}

/** Ways in which writing can end without being committed. */
const FAILURES: readonly (readonly [
  how: string,
  write: (repository: BlobRepository, job: string) => Promise<void>,
])[] = [
  ["is aborted", async (repository, job) => {
    const writer = (await repository.writable(job)).getWriter();
    await writer.write(bytes(100_000, 7));
    await writer.abort(new Interruption("no more"));
  }],
  ["is aborted before it wrote", async (repository, job) => {
    await (await repository.writable(job)).abort();
  }],
  ["is disposed of without being closed", async (repository, job) => {
    await using writer = await repository.open(job, "wb");
    await writer.write(bytes(100_000, 7));
  }],
  ["is left by an exception", async (repository, job) => {
    await rejects(async () => {
      await using writer = await repository.open(job, "w");
      await writer.write("half of ");
      interrupted();
    }, Interruption);
  }],
  ["has a source that fails", async (repository, job) => {
    await rejects(failing().pipeTo(await repository.writable(job)), Interruption);
  }],
  ["is stopped by a signal", async (repository, job) => {
    const controller = new AbortController();
    const source = new ReadableStream<Uint8Array>({
      start: (source) => source.enqueue(bytes(10_000)),
      pull: () => controller.abort(new Interruption("stopped")),
    });
    const { signal } = controller;
    await rejects(source.pipeTo(await repository.writable(job), { signal }), Interruption);
  }],
];

export const blobCommitCases: readonly Case<BlobRepository>[] = [
  {
    sentence: "a key does not exist before its writer is closed",
    run: async ({ repository }) => {
      await using writer = await repository.open("a", "wb");
      await lacksBlob(repository, "a");
      for (let part = 0; part < 4; part++) {
        await writer.write(bytes(50_000));
        await lacksBlob(repository, "a");
      }
      await holds(repository);
      await writer.close();
      await holds(repository, "a");
      strictEqual((await repository.readBytes("a")).length, 200_000);
    },
  },
  {
    sentence: "what a writer that is under way keeps is no name in the store",
    run: async ({ repository }) => {
      await using writer = await repository.open("a", "wb");
      await writer.write(bytes(100_000));
      deepStrictEqual(await Array.fromAsync(repository.unfilteredIter()), []);
      for await (const chunk of repository.bulkIter?.() ?? []) strictEqual(chunk.length, 0);
      strictEqual((await repository.infoAll()).size, 0);
    },
  },
  {
    sentence: "an old value stays until the writer of the new one is closed",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(1000));
      await using writer = await repository.open("a", "wb");
      for (let part = 0; part < 2; part++) {
        await writer.write(bytes(50_000, 1));
        await holdsBytes(repository, "a", bytes(1000));
      }
      await writer.close();
      strictEqual((await repository.readBytes("a")).length, 100_000);
    },
  },
  {
    sentence: "a writer that is closed without having written makes an empty value",
    run: async ({ repository }) => {
      await (await repository.writable("a")).close();
      await holdsBytes(repository, "a", new Uint8Array());
      await holds(repository, "a");
    },
  },
  ...FAILURES.flatMap(([how, write]): Case<BlobRepository>[] => [
    {
      sentence: `a writer that ${how} leaves no key`,
      run: async ({ repository }) => {
        await write(repository, "a");
        await lacksBlob(repository, "a");
        await holds(repository);
        deepStrictEqual(await Array.fromAsync(repository.unfilteredIter()), []);
      },
    },
    {
      sentence: `a writer that ${how} leaves the old value`,
      run: async ({ repository }) => {
        await repository.writeBytes("a", bytes(1000));
        await write(repository, "a");
        await holdsBytes(repository, "a", bytes(1000));
        await repository.writeBytes("a", bytes(20, 3));
        await holdsBytes(repository, "a", bytes(20, 3));
      },
    },
  ]),
  {
    sentence: "two writers of one key at once leave one whole value",
    run: async ({ repository }) => {
      const [one, other] = [bytes(70_000), bytes(60_000, 1)];
      await using first = await repository.open("a", "wb");
      await using last = await repository.open("a", "wb");
      for (let at = 0; at < 70_000; at += 10_000) {
        await Promise.all([
          first.write(one.subarray(at, at + 10_000)),
          last.write(other.subarray(at, at + 10_000)),
        ]);
      }
      await Promise.all([first.close(), last.close()]);
      const { length } = await repository.readBytes("a");
      await holdsBytes(repository, "a", length === one.length ? one : other);
      await holds(repository, "a");
    },
  },
  {
    sentence: "a writer that is aborted does no harm to another one of the same key",
    run: async ({ repository }) => {
      await using stays = await repository.open("a", "wb");
      await stays.write(bytes(1000));
      const aborted = await repository.open("a", "wb");
      await aborted.write(bytes(5000, 1));
      await aborted.abort();
      await stays.write(bytes(1000, 1000));
      await stays.close();
      await holdsBytes(repository, "a", bytes(2000));
    },
  },
  {
    sentence: "fifty keys can be written at once",
    run: async ({ repository }) => {
      await Promise.all(ids(50).map((job, at) => repository.writeBytes(job, bytes(2000 + at, at))));
      await holds(repository, ...ids(50));
      for (const [at, job] of ids(50).entries()) {
        await holdsBytes(repository, job, bytes(2000 + at, at));
      }
    },
  },
  {
    sentence: "one key can be written fifty times at once, and one value is left whole",
    run: async ({ repository }) => {
      const values = ids(50).map((_, at) => bytes(2000 + at, at));
      await Promise.all(values.map((value) => repository.writeBytes("a", value)));
      const { length } = await repository.readBytes("a");
      await holdsBytes(repository, "a", values[length - 2000] ?? new Uint8Array());
      await holds(repository, "a");
    },
  },
  {
    sentence: "a key that is written over again and again is there, whole, all the time",
    run: async ({ repository }) => {
      const values = ids(10).map((_, at) => bytes(70_000 + at, at));
      await repository.writeBytes("a", values[0]!);
      const look = async (): Promise<void> => {
        const read = await repository.readBytes("a");
        ok(
          sameBytes(read, values[read.length - 70_000] ?? new Uint8Array()),
          `${read.length} mixed bytes`,
        );
        strictEqual(await repository.contains("a"), true);
        await holds(repository, "a");
      };
      for (const value of values) {
        await Promise.all([repository.writeBytes("a", value), forAll([1, 2, 3], look)]);
      }
    },
  },
  {
    sentence: "a writer can be closed while its key is deleted",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(10));
      await using writer = await repository.open("a", "wb");
      await writer.write(bytes(1000));
      await repository.delete("a");
      await lacksBlob(repository, "a");
      await writer.close();
      await holdsBytes(repository, "a", bytes(1000));
    },
  },
];
