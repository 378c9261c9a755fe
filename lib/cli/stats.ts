/**
 * What the engine did, as `--stats` shows it.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
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
 * events of stores taken in, attempts started; requests to servers, if there are any; seconds until now, in looks, while
 * jobs that were started ran and nothing was looked at, while all was closed, and in all else; the most memory at a time.
 */
export class StatsDisplay implements Disposable {
  readonly #stats: Stats;
  readonly #keys: KeyIndex;
  readonly #start = performance.now();
  readonly #jobs: JobTime | undefined;
  #closing: number | undefined;

  /**
   * Begins to count.
   *
   * @param stats What the engine counts.
   * @param keys What it looks at.
   * @param engine What starts jobs, if any are to be started.
   */
  constructor(stats: Stats, keys: KeyIndex, engine?: Pick<Engine, "subscribe">) {
    this.#stats = stats;
    this.#keys = keys;
    if (engine !== undefined) this.#jobs = new JobTime(engine, stats);
  }

  /** To be called when all is done, and is closed from now on. */
  closing(): void {
    this.#closing = performance.now();
    this.#jobs?.[Symbol.dispose]();
  }

  /** Writes what was counted. */
  [Symbol.dispose](): void {
    const { listings, reads, writes, events, launches, looking } = this.#stats;
    const requests = this.#keys.stored.map(({ repository }) => repository.requestCount?.())
      .filter((count) => count !== undefined);
    const memory = peakMemory();
    const end = performance.now();
    const jobs = this.#jobs?.milliseconds ?? 0;
    const close = end - (this.#closing ?? end);
    const numbers: Record<string, string | number> = {
      listings,
      reads,
      writes,
      events,
      launches,
      ...requests.length > 0 && { requests: requests.reduce((sum, count) => sum + count) },
      start: seconds(this.#start),
      looks: seconds(looking),
      jobs: seconds(jobs),
      close: seconds(close),
      rest: seconds(Math.max(0, end - this.#start - looking - jobs - close)),
      ...memory !== undefined && { memory: `${Math.round(memory / 1e6)} MB` },
    };
    for (const [name, number] of Object.entries(numbers)) {
      writeMessage(`${name.padEnd(8)} ${number}\n`);
    }
  }
}

/**
 * Shows at the very end what an engine does from now on.
 *
 * @param engine The engine.
 * @param closed What is disposed of at the very end.
 * @returns To be disposed of when all is done, and is closed from then on.
 */
export function showStats(engine: Engine, closed: DisposableStack): Disposable {
  const display = closed.use(new StatsDisplay(engine.stats, engine.keys, engine));
  return { [Symbol.dispose]: () => display.closing() };
}

/** Adds up for how long jobs that were started have run, together, without the looks meanwhile. */
class JobTime implements Disposable {
  /** How long that was. */
  milliseconds = 0;
  readonly #stats: Stats;
  readonly #subscription: Disposable;
  /** The jobs that run: those of earlier programs, which end as well, are not among them. */
  readonly #running = new Set<string>();
  #since = 0;
  #lookedBefore = 0;

  constructor(engine: Pick<Engine, "subscribe">, stats: Stats) {
    this.#stats = stats;
    this.#subscription = engine.subscribe(({ type, task, job }) => {
      const name = `${task.name} ${job}`;
      if (type === "end") this.#remove(name);
      else if (type === "start") this.#add(name);
    });
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    if (this.#running.size > 0) this.#count();
    this.#running.clear();
  }

  #add(name: string): void {
    if (this.#running.size === 0) {
      this.#since = performance.now();
      this.#lookedBefore = this.#stats.looking;
    }
    this.#running.add(name);
  }

  #remove(name: string): void {
    if (this.#running.delete(name) && this.#running.size === 0) this.#count();
  }

  #count(): void {
    const looked = this.#stats.looking - this.#lookedBefore; // of which a part may have been before
    this.milliseconds += Math.max(0, performance.now() - this.#since - looked);
  }
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
