/**
 * Sentences on the bytes of values: what was written is what is read.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import type { BlobRepository } from "../../lib/blob_repository.ts";
import { holds, holdsBytes } from "./checks.ts";
import { bytes, sameBytes, SIZES } from "./data.ts";
import type { Case } from "./subject.ts";

const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ["with characters of one to four bytes", "a\u00e9\u20ac\ud83d\ude00 \ud834\udd1e".repeat(20_000)],
  ["with a byte order mark", "\ufeffa\ufeffb"],
  ["with every kind of line end", "a\r\nb\nc\rd\u2028e\r\n\r\n"],
  ["with control characters", "\0\x01\x1b[2J\x7f\x85\x1a"],
];

export const blobValueCases: readonly Case<BlobRepository>[] = [
  ...SIZES.map((size): Case<BlobRepository> => ({
    sentence: `a value of ${size} bytes is read as it was written`,
    applies: ({ maxValueBytes }) => size <= maxValueBytes,
    run: async ({ repository }) => {
      const value = bytes(size);
      await repository.writeBytes("whole", value);
      await using writer = await repository.open("streamed", "wb");
      for (let at = 0; at < size; at += 50_000) await writer.write(value.subarray(at, at + 50_000));
      await writer.close();
      for (const job of ["whole", "streamed"]) {
        await holdsBytes(repository, job, value);
        await using reader = await repository.open(job, "rb");
        ok(sameBytes(await reader.read(), value));
        strictEqual((await reader.read()).length, 0);
      }
      await holds(repository, "whole", "streamed");
    },
  })),
  {
    sentence: "every byte is read as it was written",
    run: async ({ repository }) => {
      const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await repository.writeBytes("a", value);
      await holdsBytes(repository, "a", value);
    },
  },
  ...TEXTS.map(([name, text]): Case<BlobRepository> => ({
    sentence: `a text ${name} is read as it was written`,
    applies: ({ maxValueBytes }) => text.length * 4 <= maxValueBytes,
    run: async ({ repository }) => {
      await repository.writeText("whole", text);
      await using writer = await repository.open("streamed", "w");
      for (let at = 0; at < text.length; at += 4097) await writer.write(text.slice(at, at + 4097));
      await writer.close();
      for (const job of ["whole", "streamed"]) {
        ok(await repository.readText(job) === text, `readText("${job}")`);
        ok(
          sameBytes(await repository.readBytes(job), new TextEncoder().encode(text)),
          `readBytes("${job}")`,
        );
        await using reader = await repository.open(job);
        ok(await reader.read() === text, `open("${job}")`);
      }
    },
  })),
  {
    sentence: "text that is no UTF-8 is read with U+FFFD for what is wrong",
    run: async ({ repository }) => {
      await repository.writeBytes("a", new Uint8Array([0x61, 0xff, 0x62, 0xe2, 0x82]));
      strictEqual(await repository.readText("a"), "a\ufffdb\ufffd");
      await using reader = await repository.open("a");
      strictEqual(await reader.read(), "a\ufffdb\ufffd");
    },
  },
  {
    sentence: "a shorter value leaves nothing of a longer one, nor a longer one of a shorter",
    run: async ({ repository }) => {
      for (const size of [1000, 3, 0, 500]) {
        await repository.writeBytes("a", bytes(size, size));
        await holdsBytes(repository, "a", bytes(size, size));
      }
      await holds(repository, "a");
    },
  },
  {
    sentence: "many small writes are one value in their order",
    run: async ({ repository }) => {
      await using writer = await repository.open("a", "wb");
      const value = bytes(1000);
      for (let at = 0; at < value.length; at++) {
        await writer.write(value.subarray(at, at + 1));
        if (at % 100 === 0) await writer.write(new Uint8Array());
      }
      await writer.close();
      await holdsBytes(repository, "a", value);
    },
  },
  {
    sentence: "writes that are not waited for are one value in their order",
    run: async ({ repository }) => {
      const writer = (await repository.writable("a")).getWriter();
      const value = bytes(70_000);
      const writes: Promise<void>[] = [];
      for (let at = 0; at < value.length; at += 7000) {
        writes.push(writer.write(value.slice(at, at + 7000)));
      }
      writes.push(writer.close());
      await Promise.all(writes);
      await holdsBytes(repository, "a", value);
    },
  },
  {
    sentence: "changing bytes that were written or read does not change the value",
    run: async ({ repository }) => {
      const given = bytes(1000);
      await repository.writeBytes("a", given);
      given.fill(0);
      const read = await repository.readBytes("a");
      ok(sameBytes(read, bytes(1000)), "the bytes that were given are the value");
      read.fill(0);
      for await (const chunk of await repository.readable("a")) chunk.fill(0);
      await holdsBytes(repository, "a", bytes(1000));
    },
  },
];
