import { ok, strictEqual } from "node:assert/strict";
import { PRELUDE, PROGRAMS } from "./programs.ts";

/** What the compiler says of each program, by its number. */
async function compile(): Promise<Map<number, string>> {
  const folder = await Deno.makeTempDir();
  try {
    const files = await Promise.all(PROGRAMS.map(async ({ code }, index) => {
      const file = `${folder}/${index}.ts`;
      await Deno.writeTextFile(file, `${PRELUDE}${code}\nexport {};\n`);
      return file;
    }));
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", new URL("../../deno.json", import.meta.url).pathname, ...files],
      env: { NO_COLOR: "1" },
    }).output();
    const complaints = new Map<number, string>();
    let last = -1; // what a complaint is followed by, the place of a declaration say, belongs to it
    for (const part of new TextDecoder().decode(stderr).split(/(?=^TS\d+ )/m)) {
      const place = /at file:\S+\/(\d+)\.ts:\d+:\d+/.exec(part)?.[1];
      if (place !== undefined) last = Number(place);
      if (part.startsWith("TS")) complaints.set(last, (complaints.get(last) ?? "") + part);
    }
    ok(!complaints.has(-1), `The compiler complains of no program: ${complaints.get(-1)}`);
    return complaints;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("types", async (t) => {
  const complaints = await compile();
  for (const [index, { name, code, error }] of PROGRAMS.entries()) {
    await t.step(name, () => {
      const complaint = complaints.get(index);
      if (error === undefined) strictEqual(complaint, undefined, `refused: ${code}\n${complaint}`);
      else {ok(
          complaint !== undefined && error.test(complaint),
          `not refused as it should be: ${code}\n${complaint}`,
        );}
    });
  }
});
