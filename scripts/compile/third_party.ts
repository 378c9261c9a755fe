/** Lists what others made of a program, as their licences want it. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import type { Part } from "./parts.ts";

const root = new URL("../../", import.meta.url);

interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

/** The packages that may be within some parts, each with its licence, and the text of that. */
export async function thirdParty(parts: readonly Part[]): Promise<string> {
  const lines = ["# What others made of this program", "", `- Deno ${Deno.version.deno}: MIT`];
  const texts: string[] = [];
  for (const { name, version, localPath } of await packagesOf(parts)) {
    const { license = "not said" } = JSON.parse(
      await Deno.readTextFile(join(localPath, "package.json")),
    );
    lines.push(`- ${name} ${version}: ${typeof license === "string" ? license : license.type}`);
    const text = await licenceIn(localPath);
    if (text !== undefined) texts.push(`## ${name} ${version}`, "", text.trim(), "");
  }
  return [...lines, "", ...texts].join("\n");
}

async function packagesOf(parts: readonly Part[]): Promise<Package[]> {
  const args = ["info", "--json", fileURLToPath(new URL("mod.ts", root))];
  const packages: Record<string, Package> =
    JSON.parse(await run(Deno.execPath(), args)).npmPackages;
  const seen = new Set<Package>();
  const visit = (found: Package | undefined): void => {
    if (found === undefined || seen.has(found)) return;
    seen.add(found);
    for (const id of found.dependencies) visit(packages[id]);
  };
  for (const found of Object.values(packages)) {
    if (parts.some(({ name, version }) => found.name === name && found.version === version)) {
      visit(found);
    }
  }
  return [...seen].sort((a, b) => a.name < b.name ? -1 : 1);
}

async function licenceIn(folder: string): Promise<string | undefined> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^(?:licen[cs]e|copying)/i.test(name)) {
      return await Deno.readTextFile(join(folder, name));
    }
  }
  return undefined;
}
