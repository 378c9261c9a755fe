/**
 * Processes whose parent has ended.
 *
 * @module
 */

/** What {@linkcode Orphans} reads of the machine. */
export interface OrphanSource {
  /**
   * The children of the process that takes over orphans, as `/proc` has them, until the next call; undefined if that
   * cannot be told.
   */
  children(): Uint8Array | undefined;
  /** The group of a process that has not ended; undefined if there is none. */
  group(pid: number): number | undefined;
  /** All processes. */
  all(): readonly number[];
}

/**
 * Finds what jobs have left in process groups whose leader was itself left by its parent: what loses its parent there
 * becomes a child of whoever has that leader. So one short file tells, where a look at all processes would take longer
 * than many a job.
 */
export class Orphans {
  readonly #source: OrphanSource;
  /** Children that are known to be in none of the groups. */
  #strangers: ReadonlySet<number> = new Set();
  /** What was read when all were strangers. */
  #calm: Uint8Array | undefined;

  /** Makes it; nothing is read. */
  constructor(source: OrphanSource) {
    this.#source = source;
  }

  /**
   * Whether anything but the leader is in a group, in which nothing else is meant to be.
   *
   * @param group The group.
   * @param groups All groups of which it will be asked.
   * @returns True if something is.
   */
  isLeft(group: number, groups: ReadonlySet<number>): boolean {
    const read = this.#source.children();
    if (read !== undefined && this.#calm !== undefined && equal(read, this.#calm)) return false;
    const children = new TextDecoder().decode(read).split(" ").filter(Boolean).map(Number);
    if (!children.includes(group)) {
      return this.#source.all().some((pid) => pid !== group && this.#source.group(pid) === group);
    }
    let isLeft = false;
    const strangers = new Set<number>();
    for (const pid of children) {
      if (!this.#strangers.has(pid) && !groups.has(pid)) {
        const found = this.#source.group(pid);
        isLeft ||= found === group;
        if (found !== undefined && groups.has(found)) continue;
      }
      strangers.add(pid);
    }
    this.#strangers = strangers;
    this.#calm = strangers.size === children.length ? read?.slice() : undefined;
    return isLeft;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
