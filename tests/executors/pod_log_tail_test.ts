import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { LogTail } from "../../executors/pod_log_tail.ts";

const encoder = new TextEncoder();

async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < text.length; at += size) yield encoder.encode(text.slice(at, at + size));
}

async function behind(read: string, log: string, size: number): Promise<string | undefined> {
  const tail = new LogTail();
  for await (const bytes of chunks(read, size)) tail.push(bytes);
  let found = "";
  const decoder = new TextDecoder();
  const isThere = await tail.findIn(chunks(log, size), (bytes) => {
    found += decoder.decode(bytes);
    return Promise.resolve();
  });
  return isThere ? found : undefined;
}

Deno.test("LogTail finds what a log holds behind what was read of it, wherever the rest of it begins", async () => {
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index} of the log\n`);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1500),
      fc.nat(499),
      fc.integer({ min: 1, max: 9000 }),
      async (read, more, size) => {
        const first = lines.slice(0, read + 300).join("");
        const rest = lines.slice(read, read + 300 + more).join("");
        strictEqual(
          await behind(first, rest, size),
          lines.slice(read + 300, read + 300 + more).join(""),
        );
      },
    ),
    { numRuns: 30 },
  );
  strictEqual(await behind("a\nb\n", "c\nd\n", 3), undefined);
  strictEqual(await behind("", "c\nd\n", 3), "c\nd\n");
});
