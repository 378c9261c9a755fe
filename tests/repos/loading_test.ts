import { deepStrictEqual, ok } from "node:assert/strict";

const root = new URL("../../", import.meta.url).href;

/** The modules that are loaded together with a module: all that lead there by imports that are not dynamic. */
async function loadedWith(entry: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root + entry],
    cwd: new URL(root),
  }).output();
  const { modules }: {
    modules: readonly {
      readonly specifier: string;
      readonly dependencies?: readonly {
        readonly isDynamic?: boolean;
        readonly code?: { readonly specifier?: string };
      }[];
    }[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const found = new Set([root + entry]);
  for (const specifier of found) {
    const { dependencies = [] } = modules.find((module) => module.specifier === specifier) ?? {};
    for (const { isDynamic = false, code } of dependencies) {
      if (!isDynamic && code?.specifier !== undefined) found.add(code.specifier);
    }
  }
  return found;
}

Deno.test("mod.ts is loaded without SQLite, YAML, and what talks to servers: only a store that is used needs them", async () => {
  const loaded = await loadedWith("mod.ts");
  ok(loaded.has(`${root}repos/sqlite_metadata_repository.ts`), "the listing is wrong");
  const late = [
    "lib/yaml.ts",
    "repos/child_listing.ts",
    "repos/mongo_documents.ts",
    "repos/mongo_errors.ts",
    "repos/registry_errors.ts",
    "repos/registry_requests.ts",
    "repos/registry_tags.ts",
    "repos/s3_errors.ts",
    "repos/s3_objects.ts",
    "repos/sqlite_blobs.ts",
    "repos/sqlite_database.ts",
    "repos/sqlite_table.ts",
    "repos/stale_files.ts",
  ];
  for (const module of late) Deno.statSync(new URL(root + module)); // each of them is the name of one
  const early = ["node:sqlite", ...late.map((module) => root + module)];
  deepStrictEqual(early.filter((module) => loaded.has(module)), []);
});
