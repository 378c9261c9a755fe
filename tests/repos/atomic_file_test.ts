import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import {
  AtomicFile,
  TEMPORARY_PREFIX,
  temporaryPathFor,
  writeFileAtomicSync,
} from "../../repos/atomic_file.ts";
import { sweepIfStale } from "../../repos/stale_files.ts";
import { isValidJobId } from "../../lib/job_id.ts";
import { inFolder, namesIn } from "../temporary_folder.ts";
import { basename, dirname } from "node:path";

const HOUR = 3_600_000;

const MODULE = new URL("../../repos/atomic_file.ts", import.meta.url).href;

function age(path: string, milliseconds: number): void {
  const then = new Date(Date.now() - milliseconds);
  Deno.utimeSync(path, then, then);
}

/** The name that a process of this host which has ended would have left. */
async function nameOfTheDead(): Promise<string> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return `${TEMPORARY_PREFIX}${Deno.hostname()}-${child.pid}-0badcafe-0`;
}

Deno.test("temporaryPathFor() gives a new name in the same folder each time, which is never a job id", () => {
  const [first, second] = [temporaryPathFor("/data/moby.txt"), temporaryPathFor("/data/moby.txt")];
  strictEqual(dirname(first), "/data");
  ok(basename(first).startsWith(TEMPORARY_PREFIX));
  ok(!isValidJobId(basename(first)));
  ok(first !== second);
});

Deno.test("temporaryPathFor() gives a name that fits beside the longest", () => {
  ok(basename(temporaryPathFor("/data/moby")).length <= 255);
});

Deno.test("writeFileAtomicSync() writes text and bytes, and replaces", () =>
  inFolder((folder) => {
    writeFileAtomicSync(`${folder}/a`, "é");
    strictEqual(Deno.readTextFileSync(`${folder}/a`), "é");
    writeFileAtomicSync(`${folder}/a`, new Uint8Array([1, 2]));
    deepStrictEqual(Deno.readFileSync(`${folder}/a`), new Uint8Array([1, 2]));
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("writeFileAtomicSync() leaves nothing behind when it fails", () =>
  inFolder((folder) => {
    Deno.mkdirSync(`${folder}/a`);
    throws(() => writeFileAtomicSync(`${folder}/a`, "x"), Deno.errors.IsADirectory);
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("AtomicFile shows nothing before commit(), and all of it then", () =>
  inFolder(async (folder) => {
    const file = new AtomicFile(`${folder}/a`);
    await file.write(new Uint8Array(100).fill(1));
    await file.write(new Uint8Array(200_000).fill(2));
    ok(!namesIn(folder).includes("a"));
    file.commit();
    deepStrictEqual(namesIn(folder), ["a"]);
    const data = Deno.readFileSync(`${folder}/a`);
    strictEqual(data.length, 200_100);
    strictEqual(data[99], 1);
    strictEqual(data[100], 2);
  }));

Deno.test("AtomicFile.discard() leaves the old file and nothing else", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "old");
    const file = new AtomicFile(`${folder}/a`);
    await file.write(new Uint8Array(10));
    file.discard();
    deepStrictEqual(namesIn(folder), ["a"]);
    strictEqual(Deno.readTextFileSync(`${folder}/a`), "old");
  }));

Deno.test("AtomicFile leaves nothing behind when it cannot commit", () =>
  inFolder((folder) => {
    Deno.mkdirSync(`${folder}/a`);
    const file = new AtomicFile(`${folder}/a`);
    throws(() => file.commit(), Deno.errors.IsADirectory);
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("AtomicFile and writeFileAtomicSync() leave nothing behind when the disk is full", () =>
  inFolder(async (folder) => {
    // A limit on the size of files, of 4 MiB, stands for a full disk.
    const program = `
      import { AtomicFile, writeFileAtomicSync } from ${JSON.stringify(MODULE)};
      const file = new AtomicFile(Deno.cwd() + "/a");
      const parts = async () => { for (let i = 0; i < 100; i++) await file.write(new Uint8Array(100_000)); };
      const errors = [await parts().catch(String)];
      try { writeFileAtomicSync(Deno.cwd() + "/b", new Uint8Array(10_000_000)); } catch (error) { errors.push(String(error)); }
      console.log(JSON.stringify({ errors, names: [...Deno.readDirSync(".")] }));`;
    const { stdout } = await new Deno.Command("sh", {
      args: [
        "-c",
        'trap "" XFSZ; ulimit -f 8192; exec "$@"',
        "sh",
        Deno.execPath(),
        "eval",
        program,
      ],
      cwd: folder,
    }).output();
    const { errors, names } = JSON.parse(new TextDecoder().decode(stdout));
    match(errors[0], /File too large/);
    match(errors[1], /File too large/);
    deepStrictEqual(names, []);
  }));

Deno.test("sweepIfStale() removes what an ended process of this host left, after an hour", () =>
  inFolder(async (folder) => {
    const name = await nameOfTheDead();
    Deno.writeTextFileSync(`${folder}/${name}`, "half");
    await sweepIfStale(folder, name);
    deepStrictEqual(namesIn(folder), [name], "too young");
    age(`${folder}/${name}`, 2 * HOUR);
    await sweepIfStale(folder, name);
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("sweepIfStale() removes a folder with all that is in it", () =>
  inFolder(async (folder) => {
    const name = await nameOfTheDead();
    Deno.mkdirSync(`${folder}/${name}/pages`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/${name}/pages/1`, "");
    age(`${folder}/${name}`, 2 * HOUR);
    await sweepIfStale(folder, name);
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("sweepIfStale() never removes what a running process writes, however slow it is", () =>
  inFolder(async (folder) => {
    const path = temporaryPathFor(`${folder}/a`);
    Deno.writeTextFileSync(path, "half");
    age(path, 1000 * HOUR);
    await sweepIfStale(folder, basename(path));
    deepStrictEqual(namesIn(folder), [basename(path)]);
  }));

Deno.test("sweepIfStale() removes what another host left, after a week", () =>
  inFolder(async (folder) => {
    const name = `${TEMPORARY_PREFIX}another-host-${Deno.pid}-0badcafe-0`;
    Deno.writeTextFileSync(`${folder}/${name}`, "half");
    age(`${folder}/${name}`, 167 * HOUR);
    await sweepIfStale(folder, name);
    deepStrictEqual(namesIn(folder), [name]);
    age(`${folder}/${name}`, 169 * HOUR);
    await sweepIfStale(folder, name);
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("sweepIfStale() leaves all other names alone", () =>
  inFolder(async (folder) => {
    const others = [
      "moby",
      ".hidden",
      `${TEMPORARY_PREFIX}notes`,
      `x${TEMPORARY_PREFIX}h-1-0badcafe-0`,
    ].sort();
    for (const name of others) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
      age(`${folder}/${name}`, 1000 * HOUR);
      await sweepIfStale(folder, name);
    }
    deepStrictEqual(namesIn(folder), others);
    await sweepIfStale(folder, `${TEMPORARY_PREFIX}gone-1-0badcafe-0`); // swept by another process: no error
  }));
