/**
 * Makes a module of each package from npm that the library uses, so that a program carries what it needs of it, and
 * not what it was published with.
 */

import { dirname, join } from "node:path";
import { fileURLToPath as fromFileUrl } from "node:url";

/** A package that the library uses. */
export interface Part {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
}

const root = new URL("../../", import.meta.url);

/** The packages that can be reached from exports of the library, by their names in `deno.json`. */
export async function partsOf(exports: readonly string[]): Promise<Part[]> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const used = new Set<string>();
  for (const path of exports) {
    const info = await deno(["info", "--json", fromFileUrl(new URL(path, root))]);
    for (const { dependencies = [] } of JSON.parse(info).modules) {
      for (const { specifier } of dependencies) used.add(specifier);
    }
  }
  return Object.entries<string>(imports)
    .filter(([name, target]) => target.startsWith("npm:") && used.has(name))
    .map(([name, target]) => ({ name, version: target.slice(target.lastIndexOf("@") + 1) }));
}

/** Where the module of a package is, below the folder of a program. */
export function pathOf({ name, version }: Part): string {
  return `./parts/${name}@${version}.js`;
}

/** Bundles a package into the folder of a program. */
export async function bundlePart(part: Part, folder: string): Promise<void> {
  const specifier = `npm:${part.name}@${part.version}`;
  const names = Object.keys(await import(specifier));
  const entry = await Deno.makeTempFile({ suffix: ".js" });
  const output = join(folder, pathOf(part));
  try {
    // Named one by one, for names of CommonJS modules are known only when these run.
    const named = names.filter((name) => name !== "default" && /^[\w$]+$/.test(name));
    await Deno.writeTextFile(
      entry,
      `import * as all from "${specifier}";\nexport const { ${named.join(", ")} } = all;\n` +
        (names.includes("default") ? "export default all.default;\n" : ""),
    );
    await Deno.mkdir(dirname(output), { recursive: true });
    await deno([
      "bundle",
      "--quiet",
      "--platform=deno",
      "--minify",
      `--config=${fromFileUrl(new URL("deno.json", root))}`,
      "--external=*.node", // faster forms of what there is in JavaScript, too
      "--external=source-map-support", // of the compiler, if there is one
      `--output=${output}`,
      entry,
    ]);
  } finally {
    await Deno.remove(entry);
  }
  const bundled = await Deno.readTextFile(output);
  const globals = "const __filename = import.meta.filename, __dirname = import.meta.dirname;\n";
  await Deno.writeTextFile(output, globals + bundled);
  for (const file of assetsOf(bundled)) await copyAsset(part, file, dirname(output));
}

/** The files that a package reads from beside its module. */
function assetsOf(code: string): string[] {
  return [...new Set([...code.matchAll(/"([\w.-]+\.wasm)"/g)].map(([, file]) => file!))];
}

async function copyAsset(part: Part, file: string, folder: string): Promise<void> {
  const module = new URL(import.meta.resolve(`npm:${part.name}@${part.version}`));
  await Deno.copyFile(new URL(file, module), join(folder, file));
}

async function deno(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args] })
    .output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
