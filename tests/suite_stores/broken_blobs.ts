/**
 * Blob stores that break the contract, and the sentences that each of them breaks.
 *
 * @module
 */

import { NotFoundError, StoreError } from "../../lib/errors.ts";
import { concat } from "../../lib/streams.ts";
import { chunked, type Medium, MemoryBlobs } from "./memory_stores.ts";

/** A blob store with one fault. */
export interface BrokenBlobs {
  /** What it does wrong. */
  readonly what: string;
  readonly Store: new (medium: Medium<Uint8Array>) => MemoryBlobs;
  /** The sentences it breaks: these and no others. */
  readonly breaks: readonly string[];
}

const ABANDONED: readonly string[] = [
  "is aborted",
  "is aborted before it wrote",
  "is disposed of without being closed",
  "is left by an exception",
  "has a source that fails",
  "is stopped by a signal",
];
const NO_KEY = ABANDONED.map((how) => `a writer that ${how} leaves no key`);
const OLD_VALUE = ABANDONED.map((how) => `a writer that ${how} leaves the old value`);
const READS: readonly string[] = [
  "readable()",
  "readBytes()",
  "readText()",
  "open() to read text",
  "open() to read bytes",
];

/** Blob stores, each broken in one way. */
export const BROKEN_BLOBS: readonly BrokenBlobs[] = [
  {
    what: "commits when it is aborted",
    Store: class extends MemoryBlobs {
      override sink(job: string): UnderlyingSink<Uint8Array> {
        const sink = super.sink(job);
        return { ...sink, abort: () => sink.close?.() };
      }
    },
    breaks: [
      ...NO_KEY,
      ...OLD_VALUE,
      "subscribe() tells nothing of a writer that is under way, aborted or disposed of",
      "watch() tells nothing of a writer that was aborted",
    ],
  },
  {
    what: "lists what a writer has under way",
    Store: class extends MemoryBlobs {
      override sink(job: string): UnderlyingSink<Uint8Array> {
        const { write, close } = super.sink(job);
        const temporary = `${job}.tmp`;
        const end = (): boolean => this.medium.values.delete(temporary);
        return {
          start: () => void this.medium.values.set(temporary, new Uint8Array()),
          ...write === undefined ? {} : { write },
          close: () => (end(), close?.()),
          abort: () => void end(),
        };
      }
    },
    breaks: [
      "a key does not exist before its writer is closed",
      "what a writer that is under way keeps is no name in the store",
      "a writer that is under way is seen by no other repository, and survives its validate()",
    ],
  },
  {
    what: "writes in place",
    Store: class extends MemoryBlobs {
      override sink(job: string): UnderlyingSink<Uint8Array> {
        const chunks: Uint8Array[] = [];
        const store = (): void => void this.medium.values.set(job, concat(chunks));
        return {
          start: store,
          write: (chunk) => (chunks.push(chunk.slice()), store()),
          close: () => this.commit(job, concat(chunks)),
        };
      }
    },
    breaks: [
      "a key does not exist before its writer is closed",
      "what a writer that is under way keeps is no name in the store",
      "an old value stays until the writer of the new one is closed",
      ...NO_KEY,
      ...OLD_VALUE,
      "a writer that is under way is seen by no other repository, and survives its validate()",
    ],
  },
  {
    what: "keeps the tail of a longer value",
    Store: class extends MemoryBlobs {
      override commit(job: string, value: Uint8Array): Promise<void> {
        const tail = this.medium.values.get(job)?.subarray(value.length) ?? new Uint8Array();
        return super.commit(job, concat([value, tail]));
      }
    },
    breaks: [
      "after any sequence of changes a store holds what a map would hold",
      "a shorter value leaves nothing of a longer one, nor a longer one of a shorter",
      ...OLD_VALUE,
      "two writers of one key at once leave one whole value",
      "a reader can be closed before the end, and the store goes on",
      "what one repository wrote another one reads",
      "two repositories that write one key at once leave one whole value",
    ],
  },
  {
    what: "writes all that is for one key to one place",
    Store: class extends MemoryBlobs {
      readonly #places = new Map<string, Uint8Array[]>();
      override sink(job: string): UnderlyingSink<Uint8Array> {
        const chunks = this.#places.get(job) ?? [];
        this.#places.set(job, chunks);
        const end = (): Uint8Array => concat(chunks.splice(0));
        return {
          write: (chunk) => void chunks.push(chunk.slice()),
          close: () => this.commit(job, end()),
          abort: () => void end(),
        };
      }
    },
    breaks: [
      "two writers of one key at once leave one whole value",
      "a writer that is aborted does no harm to another one of the same key",
    ],
  },
  {
    what: "reads what is there at the time",
    Store: class extends MemoryBlobs {
      override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
        await (await super.readable(job)).cancel();
        return chunked(() => this.medium.values.get(job) ?? new Uint8Array());
      }
    },
    breaks: [
      "a value that is written over by a longer one is read to its end meanwhile, or fails",
      "a value that is written over by a shorter one is read to its end meanwhile, or fails",
      "a value that is deleted is read to its end meanwhile, or fails",
    ],
  },
  {
    what: "reads an absent key as empty, and makes it",
    Store: class extends MemoryBlobs {
      override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
        this.check(job);
        if (!await this.contains(job)) this.medium.values.set(job, new Uint8Array());
        return await super.readable(job);
      }
    },
    breaks: [
      "a key does not exist before its writer is closed",
      ...NO_KEY,
      "a writer can be closed while its key is deleted",
      ...READS.map((read) =>
        `${read} of an absent key fails with NotFoundError, and does not make it`
      ),
      "a writer that is under way is seen by no other repository, and survives its validate()",
    ],
  },
  {
    what: "keeps the caller's bytes",
    Store: class extends MemoryBlobs {
      override async writeBytes(job: string, data: Uint8Array): Promise<void> {
        this.check(job);
        await this.commit(job, data);
      }
    },
    breaks: ["changing bytes that were written or read does not change the value"],
  },
  {
    what: "drops a byte order mark",
    Store: class extends MemoryBlobs {
      override async readText(job: string): Promise<string> {
        return new TextDecoder().decode(await this.readBytes(job));
      }
    },
    breaks: ["a text with a byte order mark is read as it was written"],
  },
  {
    what: "tells of a writer that was aborted",
    Store: class extends MemoryBlobs {
      override sink(job: string): UnderlyingSink<Uint8Array> {
        return { ...super.sink(job), abort: () => this.told({ type: "put", job }) };
      }
    },
    breaks: [
      "subscribe() tells nothing of a writer that is under way, aborted or disposed of",
      "watch() tells nothing of a writer that was aborted",
    ],
  },
  {
    what: "takes a failure for absence",
    Store: class extends MemoryBlobs {
      override async contains(job: string): Promise<boolean> {
        try {
          return await super.contains(job);
        } catch (error) {
          if (error instanceof StoreError) return false;
          throw error;
        }
      }
      override async readable(job: string): Promise<ReadableStream<Uint8Array>> {
        try {
          return await super.readable(job);
        } catch (error) {
          throw error instanceof StoreError ? new NotFoundError(job, String(this)) : error;
        }
      }
    },
    breaks: [
      "contains() of a store that fails is a StoreError",
      "contains() of an absent key of a store that fails is a StoreError",
      "readBytes() of a store that fails is a StoreError",
      "readBytes() of an absent key of a store that fails is a StoreError",
    ],
  },
  {
    what: "cuts bulk names in two",
    Store: class extends MemoryBlobs {
      override async *bulkIter(): AsyncGenerator<Uint8Array, void, undefined> {
        for await (const chunk of super.bulkIter()) {
          yield chunk.subarray(0, 3);
          yield chunk.subarray(3);
        }
      }
    },
    breaks: [
      "bulkIter() gives the keys of the listing, in chunks of whole names that end with NUL",
    ],
  },
];
