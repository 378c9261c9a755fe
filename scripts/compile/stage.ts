/** Gathers what a program is made of in one folder: the modules of the library, and a module of each package. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePart, type Part, partsOf, pathOf } from "./parts.ts";

/** What a program is made of. */
export interface Stage {
  /** The folder. */
  readonly folder: string;
  /** The packages in it. */
  readonly parts: readonly Part[];
  /** The bytes in it. */
  readonly size: number;
}

const root = new URL("../../", import.meta.url);
const FOLDERS = ["lib", "repos", "executors"];
const FILES = ["mod.ts", "cli.ts"];

/** Fills an empty folder. */
export async function stage(folder: string): Promise<Stage> {
  const { name, version, exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  delete exports["./testing"]; // for who writes a store, and not for who runs a pipeline
  for (const file of FILES) await Deno.copyFile(new URL(file, root), join(folder, file));
  for (const name of FOLDERS) {
    await copyFolder(fileURLToPath(new URL(name, root)), join(folder, name));
  }
  const parts = await partsOf(Object.values(exports));
  for (const part of parts) await bundlePart(part, folder);
  const imports = Object.fromEntries(parts.map((part) => [part.name, pathOf(part)]));
  const config = { name, version, exports, imports, nodeModulesDir: "none", lock: false };
  await Deno.writeTextFile(join(folder, "deno.json"), `${JSON.stringify(config, undefined, 2)}\n`);
  await setTimes(folder);
  return { folder, parts, size: await sizeOf(folder) };
}

/** The folders and files of a stage, beside its first module. */
export const INCLUDED = ["mod.ts", ...FOLDERS, "parts", "deno.json"];

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else {
      await Deno.mkdir(dirname(join(to, name)), { recursive: true });
      await Deno.copyFile(join(from, name), join(to, name));
    }
  }
}

/** Gives all files one time, for a program holds it of each: the same sources give the same bytes. */
async function setTimes(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await setTimes(path);
    else await Deno.utime(path, 0, 0);
  }
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    size += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return size;
}
