/**
 * How far a run is, as text.
 *
 * @module
 */

/** How far a task is. */
export interface TaskProgress {
  /** The task's name. */
  readonly name: string;
  /** How many jobs have a record, be it from earlier runs. */
  readonly done: number;
  /** How many jobs run. */
  readonly live: number;
  /** How many jobs wait to be started. */
  readonly ready: number;
  /** How many jobs failed for good in this run. */
  readonly failed: number;
  /** How many jobs end a second; undefined if that is not known yet. */
  readonly rate: number | undefined;
}

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** Characters a line. */
  readonly columns: number;
  /** Lines. */
  readonly rows: number;
}

/** The widest bar, in characters. */
const BAR = 24;

/** The narrowest bar that is of use. */
const BAR_MIN = 6;

/** The longest name that is not cut. */
const NAME = 24;

/** How wide a terminal is on which there is room for more than how many jobs are done. */
const WIDE = 40;

/**
 * Shows how far the tasks are, for a terminal: a line a task, none longer than the terminal is wide, and no more lines
 * than it has.
 *
 * @param tasks The tasks.
 * @param size The size of the terminal.
 * @returns The lines.
 */
export function progressLines(
  tasks: readonly TaskProgress[],
  { columns, rows }: TerminalSize,
): string[] {
  const room = Math.max(1, rows - 2);
  let shown = tasks;
  if (tasks.length > room) {
    const active = tasks.filter(({ live, ready }) => live + ready > 0);
    shown = (active.length > 0 ? active : tasks).slice(0, room);
  }
  const nameWidth = Math.min(
    NAME,
    Math.max(4, Math.floor(columns / 3)),
    Math.max(...shown.map(({ name }) => name.length)),
  );
  const details = shown.map(columns < WIDE ? countsOf : detailsOf);
  const rest = columns - 1 - nameWidth - 2 - 2 - Math.max(...details.map(({ length }) => length));
  const barWidth = rest < BAR_MIN ? 0 : Math.min(BAR, rest);
  const lines = shown.map((task, index) => {
    const name = cut(task.name, nameWidth).padEnd(nameWidth);
    const bar = barWidth === 0 ? "" : `${barOf(task, barWidth)}  `;
    return cut(`${name}  ${bar}${details[index]}`, columns - 1).trimEnd();
  });
  const hidden = tasks.length - shown.length;
  return hidden === 0 ? lines : [...lines, cut(`and ${hidden} more tasks`, columns - 1)];
}

/**
 * Says how far the tasks are, for a log: one line.
 *
 * @param tasks The tasks; those that have nothing to do are left out.
 * @returns The line, without its end; empty if no task has anything to do.
 */
export function progressText(tasks: readonly TaskProgress[]): string {
  return tasks
    .filter(({ live, ready, rate }) => live > 0 || ready > 0 || (rate ?? 0) > 0)
    .map((task) => `${task.name}: ${detailsOf(task)}`)
    .join("; ");
}

/**
 * A duration in words.
 *
 * @param seconds The duration.
 * @returns Seconds up to two minutes, then minutes, then hours and minutes.
 */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function countsOf({ done, live, ready }: TaskProgress): string {
  return `${done}/${done + live + ready}`;
}

function detailsOf({ done, live, ready, failed, rate }: TaskProgress): string {
  const parts = [`${done}/${done + live + ready} done`];
  if (live > 0) parts.push(`${live} live`);
  if (ready > 0) parts.push(`${ready} ready`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (rate !== undefined && rate > 0) {
    parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`);
    if (live + ready > 0) parts.push(`${durationText((live + ready) / rate)} left`);
  }
  return parts.join(", ");
}

function barOf({ done, live, ready }: TaskProgress, width: number): string {
  const total = done + live + ready;
  const full = total === 0 ? 0 : Math.floor(width * done / total);
  return "█".repeat(full) + "░".repeat(width - full);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
