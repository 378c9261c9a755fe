/**
 * Shows on a terminal how far a run is.
 *
 * @module
 */

import { interceptWarnings } from "../warnings.ts";
import { LiveLines } from "./live_lines.ts";
import { writeMessage } from "./output.ts";
import { progressLines, type TaskProgress, type TerminalSize } from "./progress.ts";
import type { ProgressDisplay } from "./progress_display.ts";

/** Milliseconds between two looks at how far the run is. */
const REDRAW = 100;

/** The methods of the console that functions print with. */
const CONSOLE = ["debug", "error", "info", "log", "warn"] as const;

/** Lines that change, at the bottom of a terminal. Whatever else is printed meanwhile goes above them. */
export class LiveDisplay implements ProgressDisplay {
  readonly #lines = new LiveLines();
  readonly #cleanup = new DisposableStack();

  /** Shows the lines from now on: looking for what there is to do may take long. */
  constructor(measure: () => readonly TaskProgress[]) {
    const timer = setInterval(() => {
      const size = terminalSize();
      writeMessage(this.#lines.draw(progressLines(measure(), size), size.columns));
    }, REDRAW);
    this.#cleanup.defer(() => clearInterval(timer));
    this.#cleanup.use(interceptWarnings((message) => this.say(`warning: ${message}`)));
    for (const method of CONSOLE) this.#makeRoomFor(method);
  }

  /** Does nothing: it has begun. */
  begin(): void {}

  /** Says something, in a line of its own. */
  say(message: string): void {
    this.#clear();
    writeMessage(`${message}\n`);
  }

  /** Ends it. Nothing remains on the terminal. */
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
