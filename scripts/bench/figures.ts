/**
 * Figures of datatask alone: what a key costs in time and memory, how a change is met, and what asking costs.
 *
 * `deno run -A scripts/bench/figures.ts [N ...]`: for 1,000, 100,000 and 1,000,000 keys, if no number is given.
 *
 * @module
 */

import { KeySpace } from "../../lib/engine/key_space.ts";
import { nameChunks } from "../../lib/names.ts";
import { cpuUsage } from "node:process";
import {
  FileRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  Pipeline,
  run,
} from "../../mod.ts";

/** How many changes are timed. */
const CHANGES = 50;

/** Seconds for which an idle run is watched. */
const IDLE = 5;

function keyOf(i: number): string {
  return `k${String(i).padStart(7, "0")}`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

/** Nanoseconds a key: a first listing, one in the same order, one in another; and bytes a key. */
function index(n: number): Record<string, number> {
  const names = Array.from({ length: n }, (_, i) => keyOf((i * 7919) % n));
  const [listing, other] = [[...nameChunks(names)], [...nameChunks(names.toSorted())]];
  const times: Record<string, number[]> = { "first listing": [], "same order": [], "other order": [] };
  let space = new KeySpace();
  for (let i = 0; i < 5; i++) {
    space = new KeySpace();
    for (const [name, chunks] of [["first listing", listing], ["same order", listing], ["other order", other]] as const) {
      const began = performance.now();
      space.load(chunks, () => {});
      times[name]!.push((performance.now() - began) * 1e6 / n);
    }
  }
  const { bytes, ends, hashes } = space.parts();
  return {
    ...Object.fromEntries(Object.entries(times).map(([name, each]) => [`${name} ns/key`, Math.min(...each)])),
    "names bytes/key": bytes.length / n,
    "rest bytes/key": (ends.byteLength + hashes.byteLength) / n,
  };
}

/** Microseconds that a job costs which does nothing, over stores in memory. */
async function jobs(n: number): Promise<number> {
  const input = new InProcessMetadataRepository(new Map(Array.from({ length: n }, (_, i) => [keyOf(i), i])));
  const task = new InProcessSyncTask("task", new InProcessMetadataRepository())
    .link("input", input, { isInput: true })
    .func(() => {});
  const began = performance.now();
  await run(new Pipeline([task]));
  return (performance.now() - began) * 1000 / n;
}

/** A run that waits for new files among N: how long until one is met, and what waiting costs. */
async function changes(n: number): Promise<Record<string, number>> {
  const folder = await Deno.makeTempDir();
  try {
    Deno.mkdirSync(`${folder}/in`);
    for (let i = 0; i < n; i++) Deno.writeTextFileSync(`${folder}/in/${keyOf(i)}`, "");
    const done = new InProcessMetadataRepository(
      new Map(Array.from({ length: n }, (_, i) => [keyOf(i), { success: true, start_time: "", end_time: "" }])),
    );
    let started: (() => void) | undefined;
    const task = new InProcessSyncTask("task", done)
      .link("input", new FileRepository(`${folder}/in`), { isInput: true })
      .func(() => started?.());
    const ending = new AbortController();
    const running = run(new Pipeline([task], undefined, { state: `${folder}/state` }), {
      forever: true,
      signal: ending.signal,
    });
    const latencies: number[] = [];
    for (let i = -3; i < CHANGES; i++) { // the first are met by the look
      const met = new Promise<void>((resolve) => started = resolve);
      const began = performance.now();
      Deno.writeTextFileSync(`${folder}/in/new${i + 3}`, "");
      await met;
      if (i >= 0) latencies.push(performance.now() - began);
    }
    const before = cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, IDLE * 1000));
    const { user, system } = cpuUsage(before);
    ending.abort();
    await running;
    return {
      "change to launch ms": median(latencies),
      "idle % of a core": (user + system) / (IDLE * 1e6) * 100,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Seconds that a command takes from its start to its end, over N done files: the first time, and again. */
async function questions(n: number): Promise<Record<string, number>> {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["in", "out"]) {
      Deno.mkdirSync(`${folder}/${name}`);
      for (let i = 0; i < n; i++) Deno.writeTextFileSync(`${folder}/${name}/${keyOf(i)}`, "");
    }
    // Until then another change might not show in the times of the folder, so that nothing could be kept.
    const last = new FileRepository(`${folder}/out`);
    while (await last.revision() === undefined && n >= 20_000) await new Promise((resolve) => setTimeout(resolve, 10));
    const seconds: Record<string, number> = {};
    for (const words of [["status"], ["why", "step", keyOf(n >> 1)], ["run"]]) {
      for (const which of ["first", "again"]) {
        const began = performance.now();
        const { success } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-config", new URL("contestant.ts", import.meta.url).pathname, "noop", "1", "state", ...words],
          cwd: folder,
          env: { XDG_STATE_HOME: `${folder}/state-${words[0]}` },
          stdout: "null",
          stderr: "null",
        }).output();
        if (!success) throw new Error(`${words.join(" ")} over ${n} keys failed`);
        seconds[`${words[0]} ${which} s`] = (performance.now() - began) / 1000;
      }
    }
    return seconds;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const counts = Deno.args.length > 0 ? Deno.args.map(Number) : [1_000, 100_000, 1_000_000];
const columns: Record<string, number>[] = [];
for (const n of counts) {
  columns.push({
    ...index(n),
    "job in memory µs": Math.min(await jobs(n), await jobs(n)),
    ...await changes(n),
    ...await questions(n),
  });
}
const width = Math.max(...Object.keys(columns[0]!).map((name) => name.length));
console.log(["".padEnd(width), ...counts.map((n) => n.toLocaleString("en").padStart(10))].join(""));
for (const name of Object.keys(columns[0]!)) {
  const row = columns.map((column) => column[name]!.toPrecision(3).padStart(10));
  console.log([name.padEnd(width), ...row].join(""));
}
