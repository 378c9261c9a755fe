import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { LiveLines } from "../../../lib/cli/live_lines.ts";

/** As much of a terminal as is needed here. */
class Terminal {
  readonly rows: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(public columns: number) {}

  write(text: string): void {
    // deno-lint-ignore no-control-regex
    for (const [part, count, command] of text.matchAll(/\x1b\[(\d*)([A-Z])|[^]/g)) {
      if (command === "A") this.#row -= Number(count);
      else if (command === "K") this.#erase();
      else if (command === "J") {
        this.#erase();
        this.rows.length = this.#row + 1;
      } else if (part === "\r") this.#column = 0;
      else if (part === "\n") this.#down();
      else this.#put(part);
    }
  }

  /** Becomes narrower: what is too long now goes on in a further row. */
  narrow(columns: number): void {
    this.columns = columns;
    const rows = this.rows.flatMap((row) => row.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""]);
    this.rows.splice(0, Infinity, ...rows);
    this.#row = rows.length - 1;
  }

  #put(char: string): void {
    if (this.#column === this.columns) this.#down();
    const row = this.rows[this.#row]!;
    this.rows[this.#row] = row.slice(0, this.#column) + char + row.slice(++this.#column);
  }

  #down(): void {
    this.#column = 0;
    if (++this.#row === this.rows.length) this.rows.push("");
  }

  #erase(): void {
    this.rows[this.#row] = this.rows[this.#row]!.slice(0, this.#column);
  }
}

Deno.test("LiveLines.draw() puts lines in place of the former ones", () => {
  const terminal = new Terminal(20);
  const lines = new LiveLines();
  terminal.write("$ run\n");
  terminal.write(lines.draw(["one 1", "two 10"], 20));
  deepStrictEqual(terminal.rows, ["$ run", "one 1", "two 10", ""]);
  terminal.write(lines.draw(["one 2", "two 9"], 20));
  deepStrictEqual(terminal.rows, ["$ run", "one 2", "two 9", ""]);
  terminal.write(lines.draw(["one 3"], 20));
  deepStrictEqual(terminal.rows, ["$ run", "one 3", ""]);
  terminal.write(lines.draw(["one 4", "two 8", "three"], 20));
  deepStrictEqual(terminal.rows, ["$ run", "one 4", "two 8", "three", ""]);
});

Deno.test("LiveLines.draw() has nothing to write if nothing has changed", () => {
  const lines = new LiveLines();
  lines.draw(["one 1"], 20);
  strictEqual(lines.draw(["one 1"], 20), "");
  strictEqual(lines.draw(["one 1"], 19) === "", false, "the terminal has moved them");
});

Deno.test("LiveLines.clear() leaves nothing, and makes room for other text", () => {
  const terminal = new Terminal(20);
  const lines = new LiveLines();
  terminal.write("$ run\n");
  terminal.write(lines.draw(["one 1", "two 10"], 20));
  terminal.write(lines.clear(20) + "warning: oh\n");
  deepStrictEqual(terminal.rows, ["$ run", "warning: oh", ""]);
  terminal.write(lines.draw(["one 1", "two 10"], 20));
  deepStrictEqual(terminal.rows, ["$ run", "warning: oh", "one 1", "two 10", ""]);
  terminal.write(lines.clear(20));
  deepStrictEqual(terminal.rows, ["$ run", "warning: oh", ""]);
  strictEqual(lines.clear(20), "", "there is nothing left to be removed");
});

Deno.test("LiveLines.draw() finds its lines on a terminal that has become narrower", () => {
  const terminal = new Terminal(20);
  const lines = new LiveLines();
  terminal.write("$ run\n");
  terminal.write(lines.draw(["one 1234567890123", "two", ""], 20));
  terminal.narrow(8);
  deepStrictEqual(terminal.rows, ["$ run", "one 1234", "56789012", "3", "two", "", ""]);
  terminal.write(lines.draw(["one 12…", "two", ""], 8));
  deepStrictEqual(terminal.rows, ["$ run", "one 12…", "two", "", ""]);
});
