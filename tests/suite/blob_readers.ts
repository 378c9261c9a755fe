/**
 * Sentences on reading, and on the streams and handles themselves.
 *
 * @module
 */

import { ok, rejects, strictEqual } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { NotFoundError } from "../../lib/errors.ts";
import { concat } from "../../lib/streams.ts";
import { holds, holdsBytes } from "./checks.ts";
import { bytes, sameBytes } from "./data.ts";
import type { Case } from "./subject.ts";

/** A size of several chunks, in bytes, where the store takes that. */
const SEVERAL_CHUNKS = 1_000_000;

/** What is done to a value that is being read. */
const MEANWHILE:
  readonly (readonly [what: string, act: (repository: BlobRepository) => Promise<void>])[] = [
    [
      "written over by a longer one",
      (repository) => repository.writeBytes("a", bytes(SEVERAL_CHUNKS + 5000, 3)),
    ],
    ["written over by a shorter one", (repository) => repository.writeBytes("a", bytes(70_000, 3))],
    ["deleted", (repository) => repository.delete("a")],
  ];

const READS:
  readonly (readonly [name: string, read: (repository: BlobRepository) => Promise<unknown>])[] = [
    ["readable()", (repository) => repository.readable("absent")],
    ["readBytes()", (repository) => repository.readBytes("absent")],
    ["readText()", (repository) => repository.readText("absent")],
    ["open() to read text", (repository) => repository.open("absent", "r")],
    ["open() to read bytes", (repository) => repository.open("absent", "rb")],
  ];

export const blobReaderCases: readonly Case<BlobRepository>[] = [
  ...READS.map(([name, read]): Case<BlobRepository> => ({
    sentence: `${name} of an absent key fails with NotFoundError, and does not make it`,
    run: async ({ repository }) => {
      const named = (error: unknown): boolean =>
        error instanceof NotFoundError && error.job === "absent" &&
        error.message.includes(`"absent"`);
      await rejects(read(repository), named);
      await repository.writeText("absent", "");
      await repository.delete("absent");
      await rejects(read(repository), named);
      await holds(repository);
    },
  })),
  ...MEANWHILE.map(([what, act]): Case<BlobRepository> => ({
    sentence: `a value that is ${what} is read to its end meanwhile, or fails`,
    applies: ({ maxValueBytes }) => maxValueBytes >= SEVERAL_CHUNKS + 5000,
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(SEVERAL_CHUNKS));
      const reader = (await repository.readable("a")).getReader();
      const { value: first } = await reader.read();
      ok(first);
      await act(repository);
      const chunks = [first];
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          chunks.push(next.value);
        }
      } catch {
        return; // a failure is no wrong value
      }
      ok(
        sameBytes(concat(chunks), bytes(SEVERAL_CHUNKS)),
        "the value that was read is not the old one",
      );
    },
  })),
  {
    sentence: "a reader can be closed before the end, and the store goes on",
    run: async ({ repository, maxValueBytes }) => {
      const value = bytes(Math.min(SEVERAL_CHUNKS, maxValueBytes));
      await repository.writeBytes("a", value);
      for (let round = 0; round < 5; round++) {
        await using reader = await repository.open("a", "rb");
        strictEqual((await reader.read(10)).length, 10);
        await (await repository.readable("a")).cancel();
      }
      await holdsBytes(repository, "a", value);
      await repository.writeBytes("a", bytes(3));
      await holdsBytes(repository, "a", bytes(3));
      await repository.delete("a");
      await holds(repository);
    },
  },
  {
    sentence: "closing a reader does not change the value",
    run: async ({ repository }) => {
      await repository.writeText("a", "old");
      {
        await using reader = await repository.open("a");
        strictEqual(await reader.read(1), "o");
        await repository.writeText("a", "newer");
      }
      strictEqual(await repository.readText("a"), "newer");
    },
  },
  {
    sentence: "a value can be read by many at once",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(100_000));
      const reads = await Promise.all(Array.from({ length: 20 }, () => repository.readBytes("a")));
      ok(reads.every((read) => sameBytes(read, bytes(100_000))));
    },
  },
  {
    sentence: "read(n) of bytes goes on where the last one ended, and is empty at the end",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(100_000));
      await using reader = await repository.open("a", "rb");
      const parts: Uint8Array[] = [];
      for (const size of [3, 1, 0, 65_536, 30_000]) {
        const part = await reader.read(size);
        strictEqual(part.length, size);
        parts.push(part);
      }
      parts.push(await reader.read(1_000_000));
      ok(sameBytes(concat(parts), bytes(100_000)));
      strictEqual((await reader.read(5)).length, 0);
      strictEqual((await reader.read()).length, 0);
    },
  },
  {
    sentence: "read(n) of text goes on where the last one ended, and is empty at the end",
    run: async ({ repository }) => {
      await repository.writeText("a", "hello \u20acworld");
      await using reader = await repository.open("a");
      const parts: string[] = [];
      for (let part = await reader.read(3); part !== ""; part = await reader.read(3)) {
        parts.push(part);
      }
      strictEqual(parts.join("|"), "hel|lo |\u20acwo|rld");
      strictEqual(await reader.read(), "");
    },
  },
  {
    sentence: "open() reads text unless it is told otherwise",
    run: async ({ repository }) => {
      await repository.writeText("a", "text");
      await using text = await repository.open("a");
      strictEqual(await text.read(), "text");
      await using same = await repository.open("a", "r");
      strictEqual(await same.read(), "text");
      await using binary = await repository.open("a", "rb");
      ok((await binary.read()) instanceof Uint8Array);
    },
  },
  {
    sentence: "open() in another mode is refused, and makes nothing",
    run: async ({ repository }) => {
      for (const mode of ["a", "x", "rw", "r+", ""]) {
        // A mode that the compiler would refuse, as JavaScript can give it.
        await rejects(
          async () => await Reflect.apply(repository.open, repository, ["a", mode]),
          TypeError,
        );
      }
      await holds(repository);
    },
  },
  {
    sentence: "readable() and writable() can be piped into each other",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(200_000));
      await (await repository.readable("a")).pipeTo(await repository.writable("b"));
      await holdsBytes(repository, "b", bytes(200_000));
      const inverse = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => byte ^ 0xff)),
      });
      await (await repository.readable("a")).pipeThrough(inverse).pipeTo(
        await repository.writable("c"),
      );
      await holdsBytes(repository, "c", bytes(200_000).map((byte) => byte ^ 0xff));
      await holds(repository, "a", "b", "c");
    },
  },
  {
    sentence: "a value can be piped into itself",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(200_000));
      await (await repository.readable("a")).pipeTo(await repository.writable("a"));
      await holdsBytes(repository, "a", bytes(200_000));
    },
  },
  {
    sentence: "readable() gives chunks that are Uint8Array, and ends",
    run: async ({ repository }) => {
      await repository.writeBytes("a", bytes(100_000));
      const chunks = await Array.fromAsync(await repository.readable("a"));
      ok(chunks.every((chunk) => chunk instanceof Uint8Array));
      ok(sameBytes(concat(chunks), bytes(100_000)));
    },
  },
];
