/**
 * What runs in a process of a `SubprocessExecutor`. Its arguments are the mark of messages on standard input and output,
 * and how many bytes its array buffers may take, if that is limited.
 *
 * @module
 */

import { frame, FrameReader } from "./frames.ts";
import { FunctionHost, type ModuleImports } from "./function_host.ts";

/**
 * Calls functions as the process that has started this one says on standard input, until that ends.
 *
 * @param imports How to import the modules that are known from the start.
 */
export async function serve(imports: ModuleImports = {}): Promise<void> {
  const [mark = "", memory] = Deno.args;
  const { stdin, stdout } = Deno;
  const write = stdout.writeSync.bind(stdout); // before a function can replace it
  const host = new FunctionHost((message) => {
    const bytes = frame(mark, message);
    for (let at = 0; at < bytes.length;) at += write(bytes.subarray(at));
  }, { imports, memory: memory === undefined ? undefined : Number(memory) });
  const reader = new FrameReader(mark, (message) => host.receive(message), () => {});
  for await (const chunk of stdin.readable) reader.push(chunk);
  Deno.exit(); // whoever wanted something is gone
}
