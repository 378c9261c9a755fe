/**
 * Finds the place in a module from which a place in its translated code comes, where the runtime does not.
 *
 * @module
 */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A place in a text: line and column, from 1. */
export interface Place {
  /** The line. */
  readonly line: number;
  /** The column. */
  readonly column: number;
}

/**
 * Finds a place in a module.
 *
 * @param code The translated code, with the source map at its end.
 * @param place The place in it.
 * @returns The place in the module; undefined if the map does not say.
 */
export function originalPlace(code: string, place: Place): Place | undefined {
  const encoded = /\n\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/.exec(code)
    ?.[1];
  if (encoded === undefined) return undefined;
  const map: { mappings: string } = JSON.parse(
    new TextDecoder().decode(Uint8Array.fromBase64(encoded)),
  );
  let [line, column] = [0, 0];
  for (const [at, segments] of map.mappings.split(";").slice(0, place.line).entries()) {
    let [generated, found] = [0, false];
    for (const segment of segments === "" ? [] : segments.split(",")) {
      const [step = 0, , lines = 0, columns = 0] = numbersIn(segment);
      generated += step;
      if (at === place.line - 1 && generated >= place.column) break;
      line += lines;
      column += columns;
      found = true;
    }
    if (at === place.line - 1 && found) return { line: line + 1, column: column + 1 };
  }
  return undefined;
}

/** The numbers of a segment: each in digits of five bits, the lowest first, with its sign in the lowest bit. */
function numbersIn(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
