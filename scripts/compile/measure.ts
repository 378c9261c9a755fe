/** Measures a program that was built. */

import { run } from "./command.ts";

/** What is known of a program. */
export interface Measure {
  /** Bytes. */
  readonly size: number;
  /** Bytes of a program that does nothing, for the same system. */
  readonly empty?: number;
  /** Milliseconds that `--version` takes, the median of several. */
  readonly startMilliseconds?: number;
}

const RUNS = 11;

/** Milliseconds that a program takes to say its version, once it is unpacked. */
export async function measureStart(path: string): Promise<number> {
  await run(path, ["--version"]);
  const times: number[] = [];
  for (let at = 0; at < RUNS; at++) {
    const before = performance.now();
    await run(path, ["--version"]);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  return Math.round(times[RUNS >> 1]!);
}
