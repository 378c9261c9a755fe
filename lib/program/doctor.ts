/**
 * `datatask doctor`: what this program has, and may do.
 *
 * @module
 */

import { environment } from "../environment.ts";
import { EXIT } from "../cli/exit_code.ts";
import { writeJson, writeLines } from "../cli/output.ts";
import { UsageError } from "../cli/usage_error.ts";
import { defaultCache } from "../loader/loader_settings.ts";
import {
  EMBEDDED_PACKAGES,
  OWN_EXPORTS,
  OWN_NAME,
  OWN_VERSION,
  ownModule,
} from "../loader/own_package.ts";
import { pipelineHere } from "./pipeline_source.ts";

/** What each kind of thing is: lines of a name and what is to be said of it. */
type Report = Record<string, Record<string, string>>;

/**
 * Shows what this program has and may do.
 *
 * @param words `--json`, or nothing.
 * @returns The exit code: 1 if something is amiss.
 */
export async function doctor(words: readonly string[]): Promise<number> {
  const unknown = words.find((word) => word !== "--json");
  if (unknown !== undefined) {
    throw new UsageError(`"doctor" does not take "${unknown}"; usage: datatask doctor [--json]`);
  }
  const report: Report = {
    program: versions(),
    ...await classes(),
    packages: await packages(),
    permissions: permissions(),
    places: await places(),
  };
  if (words.includes("--json")) await writeJson(report);
  else await writeLines(lines(report));
  const amiss = Object.values(report).some((rows) =>
    Object.values(rows).some((text) => text.startsWith("amiss: "))
  );
  return amiss ? EXIT.FAILED : EXIT.OK;
}

function versions(): Record<string, string> {
  const { os, arch, standalone } = Deno.build;
  return {
    [OWN_NAME]: OWN_VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    system: `${os} ${arch}`,
    form: standalone
      ? "one file"
      : environment("DATATASK_EXE")
      ? "one file that unpacks itself"
      : "modules run by deno",
  };
}

/** The classes of stores and tasks, by what they are named. */
async function classes(): Promise<Report> {
  const library: Record<string, unknown> = await import(ownModule(".") ?? "");
  const named = (pattern: RegExp): Record<string, string> =>
    Object.fromEntries(
      Object.keys(library).filter((name) => pattern.test(name)).sort().map((
        name,
      ) => [name, "there"]),
    );
  return { stores: named(/Repository$/), executors: named(/(?:Task|Manager|Executor)$/) };
}

/** The packages of others behind the sub-paths. */
async function packages(): Promise<Record<string, string>> {
  const rows: Record<string, string> = {};
  for (const name of OWN_EXPORTS) {
    if (name === "." || name === "./cli" || name === "./testing") continue;
    const state = await import(ownModule(name) ?? "").then(
      () => "there",
      (error) => `amiss: ${error instanceof Error ? error.message : error}`,
    );
    rows[`${OWN_NAME}${name.slice(1)}`] = state;
  }
  for (const [name, { version }] of EMBEDDED_PACKAGES) rows[name] = `${version}, embedded`;
  return rows;
}

function permissions(): Record<string, string> {
  const names = ["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const;
  return Object.fromEntries(names.map((name) => {
    const { state, partial } = Deno.permissions.querySync({ name });
    return [name, state === "granted" ? "granted" : partial ? "in part" : "not granted"];
  }));
}

async function places(): Promise<Record<string, string>> {
  return {
    program: Deno.execPath(),
    cache: await writableCache().catch((error) =>
      `amiss: ${error instanceof Error ? error.message : error}`
    ),
    pipeline: pipelineHere()?.url ?? "none here, or above",
  };
}

async function writableCache(): Promise<string> {
  const folder = defaultCache();
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(await Deno.makeTempFile({ dir: folder }));
  return folder;
}

function* lines(report: Report): Generator<string> {
  for (const [title, rows] of Object.entries(report)) {
    yield title;
    const width = Math.max(0, ...Object.keys(rows).map((name) => name.length));
    for (const [name, text] of Object.entries(rows)) yield `  ${name.padEnd(width)}  ${text}`;
  }
}
