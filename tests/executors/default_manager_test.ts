import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { defaultManager } from "../../executors/default_manager.ts";
import { mainModule, setMainModule } from "../../lib/main_module.ts";
import { temporaryFolder } from "./processes.ts";

const program = (mod: string): string => `
import { InProcessMetadataRepository, main, Pipeline, ProcessTask, YamlMetadataFileRepository } from ${
  JSON.stringify(mod)
};
const task = new ProcessTask("task", new YamlMetadataFileRepository("done"), { template: "exit 0" })
  .link("input", new InProcessMetadataRepository(new Map([["a", 1]])), { isInput: true });
await main(new Pipeline([task]), { args: ["run"] });
`;

Deno.test("defaultManager() is one for all tasks of a module, and another for another module", () => {
  const module = mainModule();
  const manager = defaultManager();
  strictEqual(defaultManager(), manager);
  match(manager.basedir, /\/datatask\/[\w-]+-[0-9a-f]{16}$/);
  try {
    setMainModule("file:///elsewhere/pipeline.ts");
    const other = defaultManager();
    match(other.basedir, /\/pipeline-[0-9a-f]{16}$/);
    setMainModule("file:///and/elsewhere/pipeline.ts");
    notStrictEqual(defaultManager().basedir, other.basedir);
  } finally {
    setMainModule(module);
  }
});

Deno.test("A program that names no manager keeps its state by module and by folder", async () => {
  await using folder = await temporaryFolder();
  const mod = new URL("../../mod.ts", import.meta.url);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const run = async (module: string, cwd: string): Promise<void> => {
    await Deno.mkdir(`${folder.path}/${cwd}`, { recursive: true });
    await Deno.mkdir(`${folder.path}/${module}`, { recursive: true });
    await Deno.writeTextFile(`${folder.path}/${module}/pipeline.ts`, program(mod.href));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", config, `${folder.path}/${module}/pipeline.ts`],
      cwd: `${folder.path}/${cwd}`,
      env: { XDG_STATE_HOME: `${folder.path}/state` },
    }).output();
    strictEqual(success, true, new TextDecoder().decode(stderr));
  };
  const states = (): number => [...Deno.readDirSync(`${folder.path}/state/datatask`)].length;
  const counts: number[] = [];
  await Promise.all([run("one", "x"), run("one", "y"), run("two", "x")]);
  counts.push(states());
  await run("one", "x");
  counts.push(states());
  deepStrictEqual(counts, [3, 3]);
});
