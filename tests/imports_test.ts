import { deepStrictEqual, ok } from "node:assert/strict";

interface Dependency {
  readonly specifier: string;
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly Dependency[];
}

const root = new URL("../", import.meta.url).href;

async function modulesOf(entry: string): Promise<Map<string, Module>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(entry, root).href],
    cwd: new URL(root),
  }).output();
  const { modules }: { modules: readonly Module[] } = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(modules.map((module) => [module.specifier, module]));
}

/** What a module imports as code, not for its types only. */
function imports(module: Module, dynamic: boolean): string[] {
  return (module.dependencies ?? [])
    .filter(({ isDynamic = false }) => dynamic || !isDynamic)
    .flatMap(({ code }) => code?.specifier ?? []);
}

Deno.test("mod.ts has no third-party module in its static import graph", async () => {
  const modules = await modulesOf("mod.ts");
  const seen = new Set<string>();
  const visit = (specifier: string): void => {
    const module = modules.get(specifier);
    if (seen.has(specifier) || module === undefined) return;
    seen.add(specifier);
    for (const next of imports(module, false)) {
      ok(next.startsWith(root) || next.startsWith("node:"), `${specifier} imports ${next}`);
      visit(next);
    }
  };
  visit(`${root}mod.ts`);
  ok(seen.size > 20, `only ${seen.size} modules were found`);
});

Deno.test("mod.ts leaves the packages of Kubernetes, S3, MongoDB and SSH to those who use them", async () => {
  const modules = await modulesOf("mod.ts");
  const found = new Set<string>();
  const visit = (specifier: string): void => {
    if (found.has(specifier)) return;
    found.add(specifier);
    const module = modules.get(specifier);
    if (module !== undefined) { for (const next of imports(module, true)) visit(next); }
  };
  visit(`${root}mod.ts`);
  const packages = [...found].filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => specifier.replace(/^npm:\/?(.[^@]*).*$/, "$1"));
  deepStrictEqual(packages.sort(), ["js-yaml", "minijinja-js"]);
});

Deno.test("imports point one way: lib imports neither repos nor executors, and those do not import each other", async () => {
  const modules = await modulesOf("mod.ts");
  const folderOf = (specifier: string): string => specifier.slice(root.length).split("/", 1)[0]!;
  const allowed: Record<string, readonly string[]> = {
    lib: ["lib", "deno.json"], // in which name and version of the package are
    repos: ["lib", "repos"],
    executors: ["lib", "executors"],
    "mod.ts": ["lib", "repos", "executors"],
  };
  const wrong: string[] = [];
  const folders = new Set<string>();
  for (const module of modules.values()) {
    if (!module.specifier.startsWith(root)) continue;
    const folder = folderOf(module.specifier);
    folders.add(folder);
    for (const target of imports(module, true)) {
      if (target.startsWith(root) && !allowed[folder]?.includes(folderOf(target))) {
        wrong.push(`${module.specifier.slice(root.length)} -> ${target.slice(root.length)}`);
      }
    }
  }
  deepStrictEqual(wrong, []);
  deepStrictEqual([...folders].sort(), ["deno.json", "executors", "lib", "mod.ts", "repos"]);
});
