/**
 * Shows on standard error how far a run is.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import type { TaskState } from "../engine/task_state.ts";
import { writeMessage } from "./output.ts";
import { environment } from "../environment.ts";
import type { TaskProgress } from "./progress.ts";
import type { Tally } from "./tally.ts";

/** Milliseconds between two lines where nobody watches. */
const LINE = 10_000;

/** Milliseconds from which a rate is taken. */
const WINDOW = 10_000;

/** Milliseconds that a rate is taken from at least. */
const WINDOW_MIN = 200;

/** How far a run is, shown until this is disposed of. */
export interface ProgressDisplay extends Disposable {
  /** To be called once there is something to show, as often as one likes. */
  begin(): void;
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
export async function showProgress(engine: Engine, tally: Tally): Promise<ProgressDisplay> {
  const meters = engine.states.map((state) => new Meter(state, engine, tally));
  const measure = (): TaskProgress[] => meters.map((meter) => meter.measure());
  if (!Deno.stderr.isTerminal() || environment("TERM") === "dumb") return new LineDisplay(measure);
  const { LiveDisplay } = await import("./live_display.ts");
  return new LiveDisplay(measure);
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
    return at - first.at < WINDOW_MIN ? undefined : (ended - first.ended) * 1000 / (at - first.at);
  }
}

/** A line now and then. */
class LineDisplay implements ProgressDisplay {
  readonly #measure: () => readonly TaskProgress[];
  #last = "";
  #next: AbortSignal | undefined;
  readonly #onTime = (): void => {
    this.#wait();
    void this.#show();
  };

  constructor(measure: () => readonly TaskProgress[]) {
    this.#measure = measure;
  }

  begin(): void {
    if (this.#next !== undefined) return;
    this.#measure(); // the first rate is taken from here
    this.#wait();
  }

  say(message: string): void {
    writeMessage(`${message}\n`);
  }

  [Symbol.dispose](): void {
    this.#next?.removeEventListener("abort", this.#onTime);
    this.#next = undefined;
  }

  /** Waits for the time of the next line: by a signal, since the first timer takes longer to load than a short run takes. */
  #wait(): void {
    this.#next = AbortSignal.timeout(LINE);
    this.#next.addEventListener("abort", this.#onTime);
  }

  async #show(): Promise<void> {
    const { progressText } = await import("./progress.ts");
    const line = progressText(this.#measure());
    if (this.#next !== undefined && line !== "" && line !== this.#last) this.say(line);
    this.#last = line;
  }
}
