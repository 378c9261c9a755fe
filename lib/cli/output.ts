/**
 * What goes to standard output, which is data, and to standard error, which is all the rest.
 *
 * @module
 */

/** Bytes that are collected before they are written. */
const CHUNK = 1 << 16;

const encoder = new TextEncoder();

/**
 * Writes data to standard output; resolves when all of it has been taken.
 *
 * @param data Bytes, or text to be written as UTF-8.
 * @throws {Deno.errors.BrokenPipe} If nobody reads it any more. `main` ends quietly then.
 */
export async function writeOutput(data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/**
 * Writes a stream to standard output as it comes.
 *
 * @param stream Bytes.
 * @throws {Deno.errors.BrokenPipe} If nobody reads it any more.
 */
export async function writeStream(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const chunk of stream) await writeOutput(chunk);
}

/**
 * Writes lines to standard output, many at a time.
 *
 * @param lines The lines, without their ends.
 * @throws {Deno.errors.BrokenPipe} If nobody reads them any more.
 */
export async function writeLines(lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let text = "";
  for await (const line of lines) {
    text += `${line}\n`;
    if (text.length < CHUNK) continue;
    await writeOutput(text);
    text = "";
  }
  await writeOutput(text);
}

/**
 * Writes a value to standard output, as JSON for programs and people: indented, and with a line end.
 *
 * @param value The value.
 * @throws {Deno.errors.BrokenPipe} If nobody reads it any more.
 */
export async function writeJson(value: unknown): Promise<void> {
  await writeOutput(`${JSON.stringify(value, undefined, 2)}\n`);
}

/**
 * Writes text to standard error, at once, so that it is not lost if the program ends next.
 *
 * @param text The text, with its line ends.
 */
export function writeMessage(text: string): void {
  if (text === "") return;
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // nobody is there to be told
  }
}

/**
 * Makes text harmless to terminals, for what comes from others: exceptions, names in stores.
 *
 * @param text Any text.
 * @returns The text in one line, with `?` for each control character.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}
