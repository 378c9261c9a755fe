/**
 * Which process is which: a process id alone may be another's by now.
 *
 * @module
 */

/** What `/proc/PID/stat` says of a process. */
export interface ProcessStat {
  /** Its process id. */
  readonly pid: number;
  /** One letter: `R` runs, `S` sleeps, `Z` has ended and nobody has taken notice. */
  readonly state: string;
  /** The process that started it, or took it over. */
  readonly parent: number;
  /** Its process group. */
  readonly group: number;
  /** Its session. */
  readonly session: number;
  /** When it was started, in clock ticks since the machine was: what tells it from a later process of the same id. */
  readonly start: number;
}

/** What a journal says of a process. */
export interface NotedProcess extends Omit<ProcessStat, "state" | "start"> {
  /** When it was started; if that is not known, its session tells it from others, in which nothing else ever has its id. */
  readonly start?: number;
}

/** The processes of a machine at a moment. */
export interface ProcessTable {
  /** Names the time since the machine was started: another one means that no process of before is left. */
  readonly boot: string;
  /** The processes by id: all of them, or at least those that were asked for. */
  readonly processes: ReadonlyMap<number, ProcessStat>;
}

/**
 * Reads a line of `/proc/PID/stat`.
 *
 * @param line The line. The name of the program in it may hold anything, parentheses and blanks included.
 * @returns What it says; undefined if it is no such line.
 */
export function parseStat(line: string): ProcessStat | undefined {
  const end = line.lastIndexOf(")");
  const rest = line.slice(end + 2).trimEnd().split(" ");
  const [pid, parent, group, session, start] = [
    line.slice(0, line.indexOf(" ")),
    rest[1],
    rest[2],
    rest[3],
    rest[19],
  ].map(Number);
  if (end < 0 || !Number.isSafeInteger(pid) || !Number.isSafeInteger(start)) return undefined;
  return {
    pid: pid!,
    state: rest[0]!,
    parent: parent!,
    group: group!,
    session: session!,
    start: start!,
  };
}

/**
 * The group to which the processes of a job belong.
 *
 * @param process The job's own process, as it was when it began.
 * @returns The number of the group: of the shell that leads it, if that runs one job at a time, and otherwise of the
 * process itself, which becomes the leader of a session.
 */
export function groupOf({ pid, parent, session }: NotedProcess): number {
  return parent === session ? session : pid;
}

/**
 * Finds a process.
 *
 * @param table The processes of the machine.
 * @param process Which one.
 * @returns What is there of it; undefined if nothing is.
 */
export function findProcess(table: ProcessTable, process: NotedProcess): ProcessStat | undefined {
  const found = table.processes.get(process.pid);
  const isSame = process.start === undefined
    ? found?.session === process.session
    : found?.start === process.start;
  return isSame ? found : undefined;
}

/**
 * Whether a process is there and has not ended.
 *
 * @param table The processes of the machine.
 * @param process Which one.
 * @returns True if it is there, and no zombie.
 */
export function isAlive(table: ProcessTable, process: NotedProcess): boolean {
  const found = findProcess(table, process);
  return found !== undefined && found.state !== "Z" && found.state !== "X";
}
