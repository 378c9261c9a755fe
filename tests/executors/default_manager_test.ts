import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { defaultManager } from "../../executors/default_manager.ts";
import { mainModule, setMainModule } from "../../lib/main_module.ts";
import {
  InProcessMetadataRepository,
  type Repository,
  SqliteMetadataRepository,
  YamlMetadataFileRepository,
} from "../../mod.ts";
import { temporaryFolder } from "./processes.ts";

const program = (mod: string): string => `
import { InProcessMetadataRepository, main, Pipeline, ProcessTask, YamlMetadataFileRepository } from ${
  JSON.stringify(mod)
};
const task = new ProcessTask("task", new YamlMetadataFileRepository("done"), { template: "exit 0" })
  .link("input", new InProcessMetadataRepository(new Map([["a", 1]])), { isInput: true });
await main(new Pipeline([task]), { args: ["run"] });
`;

Deno.test("defaultManager() is one for a module and a place of records, and another for another", () => {
  const module = mainModule();
  const folder = Deno.cwd();
  const records = (path: string) => new YamlMetadataFileRepository(path);
  const of = (repository: Repository): string => defaultManager(repository).basedir;
  const manager = defaultManager(records("/done"));
  strictEqual(defaultManager(records("/done")), manager);
  match(manager.basedir, /\/datatask\/[\w-]+-[0-9a-f]{16}$/);
  notStrictEqual(of(records("/other/done")), manager.basedir);
  const table = of(new SqliteMetadataRepository("/state.db", "done"));
  notStrictEqual(of(new SqliteMetadataRepository("/state.db", "others")), table);
  const relative = of(records("done"));
  const memory = of(new InProcessMetadataRepository());
  try {
    Deno.chdir("/");
    strictEqual(of(records("/done")), manager.basedir);
    strictEqual(of(new SqliteMetadataRepository("/state.db", "done")), table);
    notStrictEqual(of(records("done")), relative);
    notStrictEqual(of(new InProcessMetadataRepository()), memory);
    setMainModule("file:///elsewhere/pipeline.ts");
    const other = defaultManager(records("/done"));
    match(other.basedir, /\/pipeline-[0-9a-f]{16}$/);
    setMainModule("file:///and/elsewhere/pipeline.ts");
    notStrictEqual(of(records("/done")), other.basedir);
  } finally {
    Deno.chdir(folder);
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

Deno.test("A program that is run from two folders on the same data never runs a job twice", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const mod = new URL("../../mod.ts", import.meta.url);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  for (const cwd of ["x", "y"]) await Deno.mkdir(`${path}/${cwd}`);
  const fifos = new Deno.Command("mkfifo", { args: [`${path}/started`, `${path}/go`] });
  strictEqual((await fifos.output()).success, true);
  await Deno.writeTextFile(
    `${path}/pipeline.ts`,
    program(mod.href)
      .replace(`"done"`, JSON.stringify(`${path}/done`))
      .replace(
        "exit 0",
        `echo run >> ${path}/log; echo started > ${path}/started; read line < ${path}/go`,
      ),
  );
  const start = (cwd: string): Deno.ChildProcess =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", config, `${path}/pipeline.ts`],
      cwd: `${path}/${cwd}`,
      env: { XDG_STATE_HOME: `${path}/state`, NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).spawn();
  const first = start("x");
  strictEqual(await Deno.readTextFile(`${path}/started`), "started\n");
  const second = await start("y").output();
  const said = new TextDecoder().decode(second.stderr);
  deepStrictEqual([second.code, /Cannot start jobs in .*: process \d+ does so/.test(said)], [
    4,
    true,
  ]);
  first.kill("SIGKILL");
  await first.output();
  const third = start("y");
  await Deno.writeTextFile(`${path}/go`, "go\n");
  const { success, stderr } = await third.output();
  strictEqual(success, true, new TextDecoder().decode(stderr));
  match(await Deno.readTextFile(`${path}/done/a.yaml`), /success: true/);
  strictEqual(await Deno.readTextFile(`${path}/log`), "run\n");
});
