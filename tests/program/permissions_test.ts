/** The table of permissions in the README: each row is enough, and none of it can be left out. */

import { ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ModuleServer } from "./machine.ts";
import { PIPELINE, type Trial, trialsFor } from "./permission_trials.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The rows of the table: what needs permissions, and which. */
async function rows(): Promise<[string, string[]][]> {
  const readme = await Deno.readTextFile(join(root, "README.md"));
  const table = /\| for +\| permissions +\|\n\|[-| ]+\|\n((?:\|.*\n)+)/.exec(readme)![1]!;
  return table.trim().split("\n").map((line) => {
    const [, what, flags] = line.split("|").map((cell) => cell.trim());
    return [what!, flags!.match(/--allow-[a-z]+(?:=[^\s`]+)?/g) ?? []];
  });
}

Deno.test("the README's table of permissions has the least that each verb and store needs", async (t) => {
  await using server = new ModuleServer({ "/p.ts": PIPELINE });
  const all = await rows();
  ok(all.length >= 12);
  for (const [what, flags] of all) {
    await t.step(what, async () => {
      for (const trial of trialsFor(what, server)) await tryOut(trial, flags);
    });
  }
});

async function tryOut(trial: Trial, flags: readonly string[]): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const first = await run(trial, flags, folder);
    strictEqual(first.code, 0, `${flags} are not enough for ${trial.args}: ${first.stderr}`);
    for (const flag of flags) {
      await Deno.remove(folder, { recursive: true });
      await Deno.mkdir(folder);
      const { code } = await run(trial, flags.filter((other) => other !== flag), folder);
      ok(code !== 0, `${trial.args} does not need ${flag}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
    if (trial.leaves !== undefined) await Deno.remove(trial.leaves, { recursive: true });
  }
}

async function run(
  { program, cli = false, args, words = {}, env = {}, prepare }: Trial,
  flags: readonly string[],
  folder: string,
): Promise<{ code: number; stderr: string }> {
  const data = join(folder, "data");
  const cache = join(folder, "cache");
  await Deno.mkdir(data);
  await prepare?.(data);
  const all: Record<string, string> = {
    FOLDER: data,
    FILE: join(data, "file"),
    CACHE: cache,
    PROGRAM: `${folder},${root}`,
    ...words,
  };
  const once = (text: string): string =>
    text.replaceAll(/\b[A-Z]{4,}\b/g, (word) => all[word] ?? word);
  const filled = (text: string): string => once(once(text)); // a word may stand for one
  const script = join(folder, "program.ts");
  if (program !== undefined) await Deno.writeTextFile(script, program);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--no-check",
      "--config",
      join(root, "deno.json"),
      ...flags.map(filled),
      cli ? join(root, "cli.ts") : script,
      ...args.map(filled),
    ],
    cwd: folder,
    stdin: "null",
    env: {
      NO_COLOR: "1",
      DATATASK_CACHE: cache,
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
    },
  }).output();
  await Deno.remove(data, { recursive: true });
  return { code, stderr: new TextDecoder().decode(stderr) };
}
