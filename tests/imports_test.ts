import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import contestant from "../scripts/bench/contestant.json" with { type: "json" };
import project from "../deno.json" with { type: "json" };

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

/** What is loaded with a module; with what may be loaded later, if `dynamic` is true. */
async function loadedWith(entry: string, dynamic: boolean): Promise<string[]> {
  const modules = await modulesOf(entry);
  const found = new Set([new URL(entry, root).href]);
  for (const specifier of found) {
    const module = modules.get(specifier);
    if (module !== undefined) { for (const next of imports(module, dynamic)) found.add(next); }
  }
  return [...found];
}

Deno.test("mod.ts has no third-party module in its static import graph", async () => {
  const loaded = await loadedWith("mod.ts", false);
  deepStrictEqual(loaded.filter((specifier) => !specifier.startsWith(root)), []);
  ok(loaded.length > 20, `only ${loaded.length} modules were found`);
});

Deno.test("mod.ts is loaded with what a user declares; what works on it is loaded at its first use", async () => {
  const loaded = await loadedWith("mod.ts", false);
  const folder = (name: string): string[] =>
    loaded.filter((specifier) => specifier.startsWith(`${root}${name}/`))
      .map((specifier) => specifier.slice(root.length + name.length + 1)).sort();
  deepStrictEqual(folder("repos"), [
    "atomic_file.ts",
    "directory_listing.ts",
    "directory_repository.ts",
    "docker_registry.ts",
    "docker_repository.ts",
    "file_errors.ts",
    "file_repository.ts",
    "file_systems.ts",
    "folder.ts",
    "in_process_blob_repository.ts",
    "in_process_metadata_repository.ts",
    "mongo_metadata_repository.ts",
    "paths.ts",
    "s3_bucket_repository.ts",
    "spellings.ts",
    "sqlite_blob_repository.ts",
    "sqlite_metadata_repository.ts",
    "sqlite_place.ts",
    "yaml_metadata_repository.ts",
    "yaml_metadata_s3_repository.ts",
  ]);
  deepStrictEqual(folder("executors"), [
    "default_manager.ts",
    "executor_live_repo.ts",
    "executor_pool.ts",
    "executor_task.ts",
    "function_task.ts",
    "in_process_sync_task.ts",
    "kube_function_task.ts",
    "kube_live_repository.ts",
    "kube_task.ts",
    "local_linux_manager.ts",
    "machine_error.ts",
    "pod_manager.ts",
    "process_job.ts",
    "process_manager.ts",
    "process_task.ts",
    "running_processes.ts",
    "script_frames.ts",
    "script_position.ts",
    "script_refusal.ts",
    "script_source.ts",
    "sh.ts",
    "ssh_linux_manager.ts",
    "subprocess_executor.ts",
    "worker_executor.ts",
  ]);
});

Deno.test("mod.ts leaves the packages of Kubernetes, S3, MongoDB and SSH to those who use them", async () => {
  const packages = (await loadedWith("mod.ts", true))
    .filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => specifier.replace(/^npm:\/?(.[^@]*).*$/, "$1")).sort();
  deepStrictEqual(packages, ["js-yaml", "minijinja-js"]);
  deepStrictEqual(Object.keys(contestant.imports), packages, "the project that is raced");
  for (const name of ["js-yaml", "minijinja-js"] as const) {
    strictEqual(contestant.imports[name], project.imports[name]);
  }
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
