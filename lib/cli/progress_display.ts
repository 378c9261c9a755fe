/**
 * Shows on standard error how far a run is.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import type { TaskState } from "../engine/task_state.ts";
import { interceptWarnings } from "../warnings.ts";
import { LiveLines } from "./live_lines.ts";
import { writeMessage } from "./output.ts";
import { environment } from "../environment.ts";
import { progressLines, progressText, type TaskProgress, type TerminalSize } from "./progress.ts";
import type { Tally } from "./tally.ts";

/** Milliseconds between two looks at how far the run is, on a terminal. */
const REDRAW = 100;

/** Milliseconds between two lines where nobody watches. */
const LINE = 10_000;

/** Milliseconds from which a rate is taken. */
const WINDOW = 10_000;

/** How far a run is, shown until this is disposed of. */
export interface ProgressDisplay extends Disposable {
  /** Says something, in a line of its own. */
  say(message: string): void;
}

/**
 * Shows how far a run is: on a terminal in lines that change, elsewhere in a line now and then.
 *
 * @param engine The engine that runs.
 * @param tally What it did so far.
 * @returns Ends it. Nothing remains on a terminal.
 */
export function showProgress(engine: Engine, tally: Tally): ProgressDisplay {
  const meters = engine.states.map((state) => new Meter(state, engine, tally));
  const measure = (): TaskProgress[] => meters.map((meter) => meter.measure());
  return Deno.stderr.isTerminal() && environment("TERM") !== "dumb"
    ? new LiveDisplay(measure)
    : new LineDisplay(measure);
}

/** Measures how far a task is. */
class Meter {
  readonly #state: TaskState;
  readonly #engine: Engine;
  readonly #tally: Tally;
  /** How many jobs had ended at times within the window, the oldest first. */
  readonly #samples: { readonly at: number; readonly ended: number }[] = [];

  constructor(state: TaskState, engine: Engine, tally: Tally) {
    this.#state = state;
    this.#engine = engine;
    this.#tally = tally;
  }

  measure(): TaskProgress {
    const { task, done, live } = this.#state;
    const { succeeded, failed } = this.#tally.tasks.get(task)!;
    return {
      name: task.name,
      done: done.set.size,
      live: live.size,
      ready: this.#engine.waiting(task),
      failed,
      rate: this.#rate(succeeded + failed),
    };
  }

  #rate(ended: number): number | undefined {
    const at = performance.now();
    const samples = this.#samples;
    samples.push({ at, ended });
    // One sample from before the window stays: rates of the line display are taken from its line before.
    while (samples.length > 2 && samples[1]!.at <= at - WINDOW) samples.shift();
    const first = samples[0]!;
    return at - first.at < 2 * REDRAW ? undefined : (ended - first.ended) * 1000 / (at - first.at);
  }
}

/** A line now and then. */
class LineDisplay implements ProgressDisplay {
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(measure: () => readonly TaskProgress[]) {
    measure(); // the first rate is taken from here
    let last = "";
    this.#timer = setInterval(() => {
      const line = progressText(measure());
      if (line !== "" && line !== last) this.say(line);
      last = line;
    }, LINE);
  }

  say(message: string): void {
    writeMessage(`${message}\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The methods of the console that functions print with. */
const CONSOLE = ["debug", "error", "info", "log", "warn"] as const;

/** Lines that change, at the bottom of a terminal. Whatever else is printed meanwhile goes above them. */
class LiveDisplay implements ProgressDisplay {
  readonly #lines = new LiveLines();
  readonly #cleanup = new DisposableStack();

  constructor(measure: () => readonly TaskProgress[]) {
    const timer = setInterval(() => {
      const size = terminalSize();
      writeMessage(this.#lines.draw(progressLines(measure(), size), size.columns));
    }, REDRAW);
    this.#cleanup.defer(() => clearInterval(timer));
    this.#cleanup.use(interceptWarnings((message) => this.say(`warning: ${message}`)));
    for (const method of CONSOLE) this.#makeRoomFor(method);
  }

  say(message: string): void {
    this.#clear();
    writeMessage(`${message}\n`);
  }

  [Symbol.dispose](): void {
    this.#cleanup.dispose();
    this.#clear();
  }

  #makeRoomFor(method: typeof CONSOLE[number]): void {
    const print = console[method];
    console[method] = (...data: unknown[]) => {
      this.#clear();
      print.apply(console, data);
    };
    this.#cleanup.defer(() => void (console[method] = print));
  }

  #clear(): void {
    writeMessage(this.#lines.clear(terminalSize().columns));
  }
}

function terminalSize(): TerminalSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // It is gone, or does not say.
  }
  return { columns: 80, rows: 24 };
}
