/**
 * How much memory a process takes, as it can be seen from outside.
 *
 * @module
 */

/** Milliseconds between two looks. */
const CHECK = 100;

/** Megabytes that a process takes besides the heap that it is allowed: its program, and values that are still young. */
const OWN = 192;

/** Which part of its limit is near the limit. */
const NEAR = 0.8;

/** Looks at the memory of a process while it runs. Sees nothing where there is no `/proc`, or this program may not read it. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #limit: number;
  readonly #kills: number | undefined = killsForMemory();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  /** What it took when it was looked at last. */
  #bytes = 0;

  /**
   * Begins to look.
   *
   * @param pid The process.
   * @param megabytes What its heap may take; it is not looked at, if that is not limited.
   * @param onExhausted Called when it takes more.
   */
  constructor(pid: number, megabytes: number | undefined, onExhausted: () => void) {
    this.#pid = pid;
    this.#limit = ((megabytes ?? Infinity) + OWN) * 2 ** 20;
    if (megabytes === undefined || this.#kills === undefined) return;
    this.#timer = setInterval(() => {
      this.#bytes = residentBytes(this.#pid) ?? this.#bytes;
      if (this.#bytes > this.#limit) onExhausted();
    }, CHECK);
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Takes in that the process has ended.
   *
   * @returns Whether memory was short: it took nearly what it may, or the system has ended something for want of it.
   */
  end(): boolean {
    clearInterval(this.#timer);
    const [before, now] = [this.#kills, killsForMemory()];
    const killed = before !== undefined && now !== undefined && now > before;
    return killed || this.#bytes > NEAR * this.#limit;
  }
}

/** What a process has in memory; undefined if that cannot be told. */
function residentBytes(pid: number): number | undefined {
  const line = /^VmRSS:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "");
  return line === null ? undefined : Number(line[1]) * 1024;
}

/** How many processes the system has ended for want of memory, since it was started; undefined if that cannot be told. */
function killsForMemory(): number | undefined {
  const line = /^oom_kill (\d+)$/m.exec(read("/proc/vmstat") ?? "");
  return line === null ? undefined : Number(line[1]);
}

function read(file: string): string | undefined {
  if (Deno.permissions.querySync({ name: "read", path: file }).state !== "granted") {
    return undefined;
  }
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return undefined;
  }
}
