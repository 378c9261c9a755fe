/**
 * Builds the program `datatask` as single files.
 *
 *     deno run -A scripts/compile.ts [--target TARGET]... [--output FOLDER] [--test-runtime]
 *
 * For each target of `deno compile`, all if none is named, an executable with the runtime that belongs to this Deno;
 * for this Linux machine also a file that unpacks itself and runs Deno proper. Beside them SHA256SUMS, THIRD_PARTY.md
 * and report.json: how large each is, and how long it takes to start.
 *
 * With `--test-runtime`, the executable of this Linux machine is built with the newest runtime that npm has: where the
 * right one is out of reach, and for tests only.
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile, compileForTests, TARGETS } from "./compile/build.ts";
import { type Measure, measureStart } from "./compile/measure.ts";
import { pack } from "./compile/self_extracting.ts";
import { stage } from "./compile/stage.ts";
import { thirdParty } from "./compile/third_party.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    output: { type: "string", default: "dist" },
    "test-runtime": { type: "boolean", default: false },
  },
});
const output = resolve(values.output);
await Deno.mkdir(output, { recursive: true });
const work = await Deno.makeTempDir();
const built: Record<string, Measure> = {};
let missing = 0;

async function keep(name: string, own: boolean, empty?: number): Promise<void> {
  const path = join(output, name);
  const { size } = await Deno.stat(path);
  built[name] = {
    size,
    ...empty !== undefined && { empty },
    ...own && { startMilliseconds: await measureStart(path) },
  };
  console.error(`${name}: ${JSON.stringify(built[name])}`);
}

try {
  const program = join(work, "program");
  await Deno.mkdir(program);
  const { parts, size } = await stage(program);
  const entry = join(program, "cli.ts");
  const emptyEntry = join(work, "empty", "cli.ts");
  await Deno.mkdir(join(work, "empty"));
  await Deno.writeTextFile(emptyEntry, "");
  await Deno.writeTextFile(join(work, "empty", "deno.json"), `{"lock":false}`);

  const here = Deno.build.target;
  if (values["test-runtime"]) {
    await compileForTests(emptyEntry, join(work, "none"));
    await compileForTests(entry, join(output, "datatask-for-tests"));
    await keep("datatask-for-tests", true, (await Deno.stat(join(work, "none"))).size);
  } else {
    for (const target of values.target ?? TARGETS) {
      const name = `datatask-${target}${target.includes("windows") ? ".exe" : ""}`;
      try {
        await compile(emptyEntry, target, join(work, "none"));
        await compile(entry, target, join(output, name));
      } catch (error) {
        console.error(`${name}: not built. ${error instanceof Error ? error.message : error}`);
        missing++;
        continue;
      }
      const none = target.includes("windows") ? "none.exe" : "none";
      await keep(name, target === here, (await Deno.stat(join(work, none))).size);
    }
  }
  if (Deno.build.os === "linux") {
    await pack(program, join(output, `datatask-${here}.run`));
    await keep(`datatask-${here}.run`, true);
  }
  await Deno.writeTextFile(join(output, "THIRD_PARTY.md"), await thirdParty(parts));
  const report = { deno: Deno.version.deno, embedded: size, files: built };
  await Deno.writeTextFile(
    join(output, "report.json"),
    `${JSON.stringify(report, undefined, 2)}\n`,
  );
  const sums = await Promise.all(
    [...Object.keys(built), "THIRD_PARTY.md"].sort().map(async (name) => {
      const bytes = await Deno.readFile(join(output, name));
      return `${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(join(output, "SHA256SUMS"), sums.join(""));
} finally {
  await Deno.remove(work, { recursive: true });
}
Deno.exitCode = missing > 0 ? 1 : 0;
