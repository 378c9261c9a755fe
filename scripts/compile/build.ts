/** Compiles what a stage holds into one file. */

import { join } from "node:path";
import { run } from "./command.ts";
import { INCLUDED } from "./stage.ts";
import { graft, testRuntime } from "./test_runtime.ts";

/** Systems that there are programs for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
];

/** Compiles for a system, with the runtime that belongs to this Deno. Throws if that cannot be had. */
export async function compile(entry: string, target: string, output: string): Promise<void> {
  await run(Deno.execPath(), [
    ...compileArguments(entry),
    `--target=${target}`,
    `--output=${output}`,
    entry,
  ]);
}

/**
 * Compiles for this Linux machine, with the newest runtime that can be had from npm: for tests only, where the right
 * one is out of reach.
 */
export async function compileForTests(entry: string, output: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  const held = join(folder, "held");
  try {
    // Whatever is an executable can hold the program for as long as it takes to move it to the runtime.
    await run(Deno.execPath(), [...compileArguments(entry), `--output=${held}`, entry], {
      env: { DENORT_BIN: Deno.execPath() },
    });
    const program = graft(await Deno.readFile(held), await testRuntime());
    await Deno.writeFile(output, program, { mode: 0o755 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function compileArguments(entry: string): string[] {
  const folder = join(entry, "..");
  return [
    "compile",
    "--quiet",
    "--allow-all",
    "--no-check",
    `--config=${join(folder, "deno.json")}`,
    ...INCLUDED.filter((name) => exists(join(folder, name))).map((name) =>
      `--include=${join(folder, name)}`
    ),
  ];
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}
