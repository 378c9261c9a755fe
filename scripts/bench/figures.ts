/**
 * Figures of datatask alone: what a key costs in time and memory, how a change is met, and what asking costs.
 *
 * `deno run -A --v8-flags=--expose-gc scripts/bench/figures.ts [N ...]`: for 1,000, 100,000 and 1,000,000 keys, if no number is given.
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
  LocalLinuxManager,
  Pipeline,
  ProcessTask,
  ResourceManager,
  Resources,
  run,
} from "../../mod.ts";

/** How many changes are timed. */
const CHANGES = 50;

/** Seconds for which an idle run is watched. */
const IDLE = 20;

function keyOf(i: number): string {
  return `k${String(i).padStart(7, "0")}`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

/** How many bytes are in array buffers, when nothing is left that is not needed. */
async function buffered(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Memory cannot be measured without --v8-flags=--expose-gc");
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve)); // what was freed is counted later
  }
  return Deno.memoryUsage().external;
}

/** Nanoseconds a key: a first listing, one in the same order, one in another; and bytes a key, its name among them. */
async function index(n: number): Promise<Record<string, number>> {
  const names = Array.from({ length: n }, (_, i) => keyOf((i * 7919) % n));
  const [listing, other] = [[...nameChunks(names)], [...nameChunks(names.toSorted())]];
  const before = await buffered();
  const space = new KeySpace();
  const sets = [space.load(listing, () => {}), space.load(listing, () => {})];
  const inOrder = await buffered();
  sets.push(space.load(other, () => {}));
  const looked = await buffered();
  if (sets.some(({ size }) => size !== n)) throw new Error(`A listing of ${n} keys has lost some`);
  const times: Record<string, number[]> = { "first listing": [], "same order": [], "other order": [] };
  for (let i = 0; i < 5; i++) {
    const space = new KeySpace();
    for (const [name, chunks] of [["first listing", listing], ["same order", listing], ["other order", other]] as const) {
      const began = performance.now();
      space.load(chunks, () => {});
      times[name]!.push((performance.now() - began) * 1e6 / n);
    }
  }
  return {
    ...Object.fromEntries(Object.entries(times).map(([name, each]) => [`${name} ns/key`, Math.min(...each)])),
    "2 stores in order B/key": (inOrder - before) / n,
    "3 in any order B/key": (looked - before) / n,
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

/** What a run costs while scripts run that do nothing: in % of a core. */
async function sleepers(count: number): Promise<number> {
  const localPath = await Deno.makeTempDir();
  const manager = new LocalLinuxManager("sleepers", { localPath });
  const input = new InProcessMetadataRepository(new Map(Array.from({ length: count }, (_, i) => [keyOf(i), i])));
  const resources = new ResourceManager(Resources.parse(count, 0));
  const task = new ProcessTask("sleep", new InProcessMetadataRepository(), {
    template: "exec sleep 600",
    manager,
    resources,
    maxConcurrent: count,
  }).link("input", input, { isInput: true });
  const ending = new AbortController();
  const running = run(new Pipeline([task]), { signal: ending.signal });
  while ((await manager.running("sleep")).length < count) await new Promise((resolve) => setTimeout(resolve, 100));
  const before = cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, IDLE * 1000));
  const { user, system } = cpuUsage(before);
  ending.abort();
  for (const job of await manager.running("sleep")) await manager.kill(job, "cancelled");
  await running;
  await manager.close();
  await Deno.remove(localPath, { recursive: true });
  return (user + system) / (IDLE * 1e6) * 100;
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

function beside(name: string): string {
  return new URL(name, import.meta.url).pathname;
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
          args: ["run", "-A", "--config", beside("contestant.json"), beside("contestant.ts"), "noop", "1", "state", ...words],
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
    ...await index(n),
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
console.log(`\n100 scripts that sleep: ${(await sleepers(100)).toPrecision(3)} % of a core`);
