/** The package, from a registry, as users get it: see {@linkcode Registry}. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { ModuleServer, type Outcome, pipelineText } from "../program/machine.ts";
import { Registry } from "./registry.ts";

/** A machine with Deno, which knows a registry, and has an npm cache. */
class DenoMachine implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async run(program: string, args: readonly string[]): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: this.folder,
      stdin: "null",
      env: {
        DENO_DIR: await this.#denoFolder(),
        DATATASK_CACHE: join(this.folder, "modules"),
        JSR_URL: this.#registry.url,
        NO_COLOR: "1",
        PATH: `${join(Deno.execPath(), "..")}:${Deno.env.get("PATH")}`,
      },
    }).output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  }

  deno(...args: string[]): Promise<Outcome> {
    return this.run(Deno.execPath(), args);
  }

  /** A folder of Deno's own in which nothing is but the packages of npm that are there already. */
  async #denoFolder(): Promise<string> {
    const folder = join(this.folder, "deno");
    try {
      await Deno.mkdir(folder);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return folder;
      throw error;
    }
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] })
      .output();
    const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
    await Deno.symlink(npmCache, join(folder, "npm"));
    return folder;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.folder, name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

const local = pipelineText("1 + 1").replace(
  '"@datatask/datatask"',
  '"jsr:@datatask/datatask@^0.1"',
);
const done: Outcome = { code: 0, stdout: "2\n", stderr: "show: 1 done\n" };

Deno.test("a program imports the package from the registry", async () => {
  await using registry = await Registry.start();
  await using machine = new DenoMachine(registry);
  await machine.write(
    "pipeline.ts",
    `import { main } from "jsr:@datatask/datatask@^0.1";\n` +
      local.replace("export default", "const pipeline =") + "\nawait main(pipeline);",
  );
  const { code, stdout } = await machine.deno("run", "-A", "-q", "pipeline.ts", "run");
  deepStrictEqual([code, stdout], [0, "2\n"]);
  strictEqual((await machine.deno("check", "-q", "pipeline.ts")).code, 0, "with its types");
});

Deno.test("deno run jsr:@datatask/datatask/cli runs a pipeline by path and by URL", async () => {
  await using registry = await Registry.start();
  await using machine = new DenoMachine(registry);
  await using server = new ModuleServer({
    "/bare.ts": pipelineText("1 + 1"),
    "/jsr.ts": local,
  });
  const cli = ["run", "-A", "-q", "jsr:@datatask/datatask/cli"];
  const version = await machine.deno(...cli, "--version");
  deepStrictEqual([version.code, version.stdout], [0, `datatask ${registry.version}\n`]);
  await machine.write("pipeline.ts", local);
  for (const pipeline of [[], ["pipeline.ts"], [`${server.url}bare.ts`], [`${server.url}jsr.ts`]]) {
    deepStrictEqual(await machine.deno(...cli, ...pipeline, "run"), done, pipeline.join());
  }
});

Deno.test("the package finds its client of Kubernetes when pods are first asked for", async () => {
  await using registry = await Registry.start();
  await using machine = new DenoMachine(registry);
  await machine.write("nothing.yaml", "{}");
  await machine.write(
    "pods.ts",
    `import { PodManager } from "jsr:@datatask/datatask@^0.1";
Deno.env.set("KUBECONFIG", "nothing.yaml");
const pods = new PodManager("app", "default");
console.log(await pods.query().then(() => "there are pods", ({ message }) => message));
await pods.close();
`,
  );
  const { stdout, stderr } = await machine.deno("run", "-A", "-q", "pods.ts");
  match(stdout, /^Cannot tell where the Kubernetes cluster is: /, stderr);
});

Deno.test("deno install makes a command of the package", async () => {
  await using registry = await Registry.start();
  await using machine = new DenoMachine(registry);
  const root = join(machine.folder, "installed");
  const installed = await machine.deno(
    "install",
    "-g",
    "-A",
    "-q",
    "--root",
    root,
    "--name",
    "datatask",
    `jsr:@datatask/datatask@${registry.version}/cli`,
  );
  strictEqual(installed.code, 0, installed.stderr);
  await machine.write("pipeline.ts", local);
  deepStrictEqual(await machine.run(join(root, "bin/datatask"), ["run"]), done);
  match(
    (await machine.run(join(root, "bin/datatask"), ["doctor"])).stdout,
    /\n {2}form +modules run by deno\n/,
  );
});
