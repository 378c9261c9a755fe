/**
 * Lines at the bottom of a terminal that change.
 *
 * @module
 */

/** Knows which lines are on a terminal, and what to write to change them. */
export class LiveLines {
  #drawn: readonly string[] = [];
  #columns = 0;

  /**
   * Puts lines in place of those that are there.
   *
   * @param lines The lines; none longer than the terminal is wide.
   * @param columns How wide the terminal is now.
   * @returns What to write; nothing, if they are there already.
   */
  draw(lines: readonly string[], columns: number): string {
    const same = columns === this.#columns && lines.length === this.#drawn.length &&
      lines.every((line, index) => line === this.#drawn[index]);
    if (same) return "";
    const text = lines.map((line) => `${line}\x1b[K\n`).join("");
    const toTop = this.#toTop(columns);
    this.#drawn = lines;
    this.#columns = columns;
    return `${toTop}${text}\x1b[J`;
  }

  /**
   * Removes the lines, so that other text can be written in their place.
   *
   * @param columns How wide the terminal is now.
   * @returns What to write.
   */
  clear(columns: number): string {
    if (this.#drawn.length === 0) return "";
    const text = `${this.#toTop(columns)}\x1b[J`;
    this.#drawn = [];
    return text;
  }

  /** Moves to where the lines begin. They take up more rows than they did, if the terminal has become narrower. */
  #toTop(columns: number): string {
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)),
      0,
    );
    return rows === 0 ? "\r" : `\r\x1b[${rows}A`;
  }
}
