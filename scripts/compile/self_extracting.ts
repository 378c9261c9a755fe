/** Packs what a stage holds, and the Deno that runs this, into one file that unpacks itself (Linux). */

import { join } from "node:path";
import { run } from "./command.ts";

const DIGITS = 8;

/** Writes the file. */
export async function pack(folder: string, output: string): Promise<void> {
  const work = await Deno.makeTempDir();
  try {
    await Deno.copyFile(Deno.execPath(), join(work, "deno"));
    await run("cp", ["-r", folder, join(work, "program")]);
    const archive = join(work, "archive.tgz");
    await run("sh", [
      "-c",
      // The same content gives the same bytes.
      `tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - deno program | gzip -n > archive.tgz`,
    ], { cwd: work });
    const content = await Deno.readFile(archive);
    const id = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex().slice(0, 16);
    const template = (await Deno.readTextFile(new URL("self_extracting.sh", import.meta.url)))
      .replace("@ID@", id);
    const skip = template.length - "@SKIP@".length + DIGITS + 1;
    const header = template.replace("@SKIP@", String(skip).padStart(DIGITS, "0"));
    await Deno.writeFile(output, new TextEncoder().encode(header), { mode: 0o755 });
    await Deno.writeFile(output, content, { append: true });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
