/**
 * What the engine did, as `--stats` shows it.
 *
 * @module
 */

import type { KeyIndex } from "../engine/key_index.ts";
import type { Stats } from "../engine/stats.ts";
import { writeMessage } from "./output.ts";
import type { VerbOption } from "./verb.ts";

/** The option of verbs that show it. */
export const STATS: VerbOption = {
  type: "boolean",
  description: "show at the end what was listed, read and written, and how long that took",
};

/**
 * Counts from now on, and writes to standard error when it is disposed of what was done since the program was started,
 * each number on a line behind its name: how often repositories were listed, single keys and records read and written,
 * changes of keys taken in, attempts started; requests to servers, if there are any; seconds until now, in looks, and in
 * all else; the most memory at a time.
 *
 * @param stats What the engine counts.
 * @param keys What it looks at.
 * @returns Writes it.
 */
export function showStats(stats: Stats, keys: KeyIndex): Disposable {
  const start = performance.now();
  return {
    [Symbol.dispose]() {
      const { listings, reads, writes, changes, launches, looking } = stats;
      const requests = keys.stored.map(({ repository }) => repository.requestCount?.())
        .filter((count) => count !== undefined);
      const memory = peakMemory();
      const numbers: Record<string, string | number> = {
        listings,
        reads,
        writes,
        changes,
        launches,
        ...requests.length > 0 && { requests: requests.reduce((sum, count) => sum + count) },
        start: seconds(start),
        looks: seconds(looking),
        rest: seconds(performance.now() - start - looking),
        ...memory !== undefined && { memory: `${Math.round(memory / 1e6)} MB` },
      };
      for (const [name, number] of Object.entries(numbers)) {
        writeMessage(`${name.padEnd(8)} ${number}\n`);
      }
    },
  };
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}

/** The most memory that the process had at a time, in bytes; undefined where the system does not tell. */
function peakMemory(): number | undefined {
  const path = "/proc/self/status";
  if (Deno.build.os !== "linux") return undefined;
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(path))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
