import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { BlobRepository } from "../../lib/blob_repository.ts";
import { JobIdError, NotFoundError, StoreError } from "../../lib/errors.ts";
import { JobIdRule } from "../../lib/job_id.ts";
import type { RepositoryChange } from "../../lib/repository.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { FileRepository } from "../../repos/file_repository.ts";
import { within } from "../suite/checks.ts";
import { inFolder, namesIn } from "../temporary_folder.ts";
import { bulkNames, keys } from "./listed.ts";

const MODULE = new URL("../../repos/file_repository.ts", import.meta.url).href;

/** Enough long names to make a folder that is large by itself. */
function fillWith(folder: string, extension: string): string[] {
  const jobs = Array.from({ length: 750 }, (_, i) => `${i}${"x".repeat(190)}`);
  for (const job of jobs) Deno.writeTextFileSync(`${folder}/${job}${extension}`, "");
  return jobs.sort();
}

/** The changes that a watcher was told of. */
class Watcher {
  readonly #told: string[] = [];
  readonly #controller = new AbortController();
  readonly #ended: Promise<void>;
  #more = Promise.withResolvers<void>();

  constructor(repository: FileRepository) {
    this.#ended = this.#collect(repository);
  }

  /** Makes a change, waits until it is told, and gives all that was told until then. */
  async tells(expected: string, change: () => unknown): Promise<string[]> {
    return await this.until((told) => told.includes(expected), change);
  }

  /** Makes changes, waits until enough is told of them, and gives what was told. */
  async until(isEnough: (told: string[]) => boolean, change: () => unknown): Promise<string[]> {
    this.#told.length = 0;
    await change();
    const over = this.#ended.then(() => Promise.reject(new Error("the iteration ended")));
    over.catch(() => {}); // it does, later on
    while (!isEnough(this.#told)) {
      await within(Promise.race([this.#more.promise, over]), 30_000, "change");
    }
    return this.#told;
  }

  async end(): Promise<void> {
    this.#controller.abort();
    await this.#ended;
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  async #collect(repository: FileRepository): Promise<void> {
    for await (const change of repository.watch(this.#controller.signal)) {
      this.#told.push(change.type === "relist" ? change.type : `${change.type} ${change.job}`);
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
  }
}

Deno.test("FileRepository is a BlobRepository whose info is the path, present or not", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder, ".txt");
    ok(repository instanceof BlobRepository);
    strictEqual(repository.basedir, folder);
    strictEqual(repository.extension, ".txt");
    strictEqual(repository.caseInsensitive, false);
    strictEqual(repository.fullpath("moby"), `${folder}/moby.txt`);
    strictEqual(await repository.info("moby"), `${folder}/moby.txt`);
    strictEqual(String(repository), `<FileRepository ${folder}/*.txt>`);
  }));

Deno.test("FileRepository takes a relative path and a URL, and gives an absolute path", () =>
  inFolder((folder) => {
    strictEqual(new FileRepository(relative(Deno.cwd(), folder)).fullpath("a"), `${folder}/a`);
    strictEqual(
      new FileRepository(pathToFileURL(`${folder}/x y`)).fullpath("a"),
      `${folder}/x y/a`,
    );
  }));

Deno.test("FileRepository refuses an extension that leads elsewhere", () => {
  for (const extension of ["/a", "\\a", "\0"]) {
    throws(() => new FileRepository("data", extension), TypeError);
  }
});

Deno.test("FileRepository lists files and links to files, and nothing else", () =>
  inFolder(async (folder) => {
    for (const name of ["a.txt", "b.txt", "c.csv", ".hidden.txt", "d.txt.bak"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    Deno.mkdirSync(`${folder}/folder.txt`);
    Deno.symlinkSync("a.txt", `${folder}/link.txt`);
    Deno.symlinkSync("folder.txt", `${folder}/wrong.txt`);
    Deno.symlinkSync("nowhere", `${folder}/dangling.txt`);
    const repository = new FileRepository(folder, ".txt");
    deepStrictEqual(await keys(repository), ["a", "b", "link"]);
    deepStrictEqual(await bulkNames(repository), ["a", "b", "link"]);
    for (const job of ["a", "link"]) strictEqual(await repository.contains(job), true, job);
    for (const job of ["c", "folder", "wrong", "dangling"]) {
      strictEqual(await repository.contains(job), false, job);
    }
  }));

Deno.test("FileRepository lists a large folder in bulk as it lists it one by one", () =>
  inFolder(async (folder) => {
    const jobs = fillWith(folder, ".txt");
    for (const name of ["c.csv", ".hidden.txt", "-n.txt"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    Deno.mkdirSync(`${folder}/folder.txt`);
    Deno.symlinkSync("c.csv", `${folder}/link.txt`);
    Deno.symlinkSync("folder.txt", `${folder}/wrong.txt`);
    Deno.symlinkSync("nowhere", `${folder}/dangling.txt`);
    const repository = new FileRepository(folder, ".txt");
    const expected = ["-n", ...jobs, "link"].sort();
    deepStrictEqual(await bulkNames(repository), expected);
    deepStrictEqual((await Array.fromAsync(repository.unfilteredIter())).sort(), expected);
    for await (const _ of repository.bulkIter?.() ?? []) break;
  }));

Deno.test("FileRepository lists a large folder in bulk without ls as well", () =>
  inFolder(async (folder) => {
    const jobs = fillWith(folder, "");
    const program = `
      import { FileRepository } from ${JSON.stringify(MODULE)};
      for await (const chunk of new FileRepository(Deno.args[0]).bulkIter()) {
        await Deno.stdout.write(chunk);
      }`;
    await Deno.mkdir(`${folder}/.program`);
    await Deno.writeTextFile(`${folder}/.program/main.ts`, program);
    const main = `${folder}/.program/main.ts`;
    for (const [args, env] of [[["--allow-read"], {}], [["-A"], { PATH: folder }]] as const) {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "--no-prompt", ...args, main, folder],
        env,
      }).output();
      const names = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
      deepStrictEqual(names.sort(), jobs, `with ${args}`);
    }
  }));

Deno.test("FileRepository lists a key once in bulk, whatever other names look like it there", () =>
  inFolder(async (folder) => {
    for (const extension of [".txt", ""]) {
      const path = `${folder}/data${extension}`;
      Deno.mkdirSync(path);
      const jobs = fillWith(path, extension);
      for (const mark of ["", "@", "|", "=", ">"]) {
        Deno.writeTextFileSync(`${path}/file${extension}${mark}`, "");
      }
      for (const name of ["no", "link"]) {
        Deno.writeTextFileSync(`${path}/${name}${extension}@`, "");
      }
      Deno.symlinkSync(`file${extension}`, `${path}/link${extension}`);
      const repository = new FileRepository(path, extension);
      const found = (await bulkNames(repository)).filter((name) => repository.isValidJobId(name));
      deepStrictEqual(found, [...jobs, "file", "link"].sort());
    }
  }));

Deno.test("FileRepository lists what an unusual rule allows, in bulk as one by one", () =>
  inFolder(async (folder) => {
    const charset = "abcdefghijklmnopqrstuvwxyz0123456789.@|";
    class Unusual extends FileRepository {
      override readonly jobIds = new JobIdRule({ charset, charsetStartEnd: charset });
    }
    fillWith(folder, "");
    for (const name of [".profile", "user@", "pipe|", "plain"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    const repository = new Unusual(folder);
    const listed = await keys(repository);
    deepStrictEqual(listed.filter((job) => job.length < 20), [
      ".profile",
      "pipe|",
      "plain",
      "user@",
    ]);
    deepStrictEqual(await bulkNames(repository), listed);
  }));

Deno.test("A-34: FileRepository warns once of a name with its extension that is no id, and of no other", () =>
  inFolder(async (folder) => {
    for (const name of ["a b.txt", ".DS_Store", ".x.txt", "notes.md", "ok.txt", "-.txt"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    const repository = new FileRepository(folder, ".txt");
    const seen: string[] = [];
    using _ = interceptWarnings((message) => void seen.push(message));
    for (let i = 0; i < 3; i++) deepStrictEqual(await keys(repository), ["ok"]);
    strictEqual(seen.length, 2);
    ok(seen.some((message) => message.includes('"a b"')));
    ok(seen.some((message) => message.includes('"-"')));
  }));

Deno.test("A-10: FileRepository finds the real name of what it lists in any case", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/bar.TXT`, "upper");
    Deno.writeTextFileSync(`${folder}/Foo.Txt`, "mixed");
    Deno.writeTextFileSync(`${folder}/baz.txt`, "lower");
    const repository = new FileRepository(folder, { extension: ".txt", caseInsensitive: true });
    deepStrictEqual(await keys(repository), ["Foo", "bar", "baz"]);
    for (
      const [job, name, text] of [["bar", "bar.TXT", "upper"], ["Foo", "Foo.Txt", "mixed"]] as const
    ) {
      strictEqual(await repository.contains(job), true);
      strictEqual(await repository.info(job), `${folder}/${name}`);
      strictEqual(await repository.readText(job), text);
    }
    strictEqual(await repository.contains("foo"), false, "keys are told apart by case");
    await repository.writeText("bar", "new");
    strictEqual(Deno.readTextFileSync(`${folder}/bar.TXT`), "new");
    await repository.delete("bar");
    deepStrictEqual(await keys(repository), ["Foo", "baz"]);
    strictEqual(await repository.info("bar"), `${folder}/bar.txt`);
  }));

Deno.test("A-10: FileRepository lists a key with two files once, reads the exact one and deletes both", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/dup.TXT`, "other");
    Deno.writeTextFileSync(`${folder}/dup.txt`, "exact");
    const repository = new FileRepository(folder, { extension: ".txt", caseInsensitive: true });
    deepStrictEqual(await Array.fromAsync(repository), ["dup"]);
    strictEqual(await repository.readText("dup"), "exact");
    await repository.delete("dup");
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("FileRepository refuses to ignore the case of a very long extension", () => {
  const extension = ".abcdefghijklm";
  throws(
    () => new FileRepository("data", { extension, caseInsensitive: true }),
    /at most 12 letters/,
  );
  ok(new FileRepository("data", { extension: ".2026-11-25.tar.gz", caseInsensitive: true }));
});

Deno.test("S-01: FileRepository never makes a path of what is no job id", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/data`);
    Deno.writeTextFileSync(`${folder}/secret`, "kept");
    const repository = new FileRepository(`${folder}/data`);
    for (const job of ["../secret", "", ".", "..", `${folder}/secret`, "a/b", "a\0"]) {
      throws(() => repository.fullpath(job), JobIdError);
      await rejects(repository.info(job), JobIdError);
      await rejects(repository.contains(job), JobIdError);
      await rejects(repository.delete(job), JobIdError);
      await rejects(repository.readText(job), JobIdError);
      await rejects(repository.writeText(job, "x"), JobIdError);
      await rejects(repository.open(job, "w"), JobIdError);
    }
    strictEqual(Deno.readTextFileSync(`${folder}/secret`), "kept");
    deepStrictEqual(namesIn(`${folder}/data`), []);
  }));

Deno.test("A-38: FileRepository reads a missing key as NotFoundError in every way, and deletes it silently", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder, ".txt");
    await rejects(repository.readText("a"), NotFoundError);
    await rejects(repository.readBytes("a"), NotFoundError);
    await rejects(repository.readable("a"), NotFoundError);
    await rejects(repository.open("a"), NotFoundError);
    await rejects(repository.open("a", "rb"), NotFoundError);
    await repository.delete("a");
  }));

Deno.test("A-49: FileRepository reads and writes text as UTF-8, whatever the locale", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    await repository.writeText("a", "\ufeffé€😀");
    deepStrictEqual(Deno.readFileSync(`${folder}/a`), new TextEncoder().encode("\ufeffé€😀"));
    strictEqual(await repository.readText("a"), "\ufeffé€😀");
    Deno.writeFileSync(`${folder}/b`, new Uint8Array([0x61, 0xff, 0x62]));
    strictEqual(await repository.readText("b"), "a\ufffdb");
  }));

Deno.test("FileRepository keeps values around the size from which it reads and writes in parts", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    for (const size of [0, 1, 65_535, 65_536, 65_537, 200_001]) {
      const text = "aé€".repeat(size).slice(0, size);
      await repository.writeText("text", text);
      strictEqual(await repository.readText("text"), text);
      const bytes = new Uint8Array(size).map((_, i) => i % 251);
      await repository.writeBytes("bytes", bytes);
      deepStrictEqual(await repository.readBytes("bytes"), bytes);
      const parts = await Array.fromAsync(await repository.readable("bytes"));
      strictEqual(parts.reduce((sum, part) => sum + part.length, 0), size);
    }
  }));

Deno.test("FileRepository gives bytes that later reads do not change", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    await repository.writeText("a", "aaa");
    await repository.writeText("b", "bbb");
    const [first, stream] = [await repository.readBytes("a"), await repository.readable("a")];
    await repository.readBytes("b");
    strictEqual(new TextDecoder().decode(first), "aaa");
    strictEqual(await new Response(stream).text(), "aaa");
  }));

Deno.test("FileRepository reads the old value to its end when it is replaced meanwhile", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    await repository.writeText("a", "old".repeat(100_000));
    const stream = await repository.readable("a");
    await repository.writeText("a", "new");
    strictEqual(await new Response(stream).text(), "old".repeat(100_000));
    strictEqual(await repository.readText("a"), "new");
  }));

Deno.test("FileRepository.readable() closes the file when it is cancelled, read or not", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    await repository.writeBytes("a", new Uint8Array(300_000));
    await (await repository.readable("a")).cancel(); // the sanitizer sees a file that stays open
    for await (const _ of await repository.readable("a")) break;
  }));

Deno.test("FileRepository.writable() shows nothing before it is closed, and nothing at all when it is aborted", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder, ".txt");
    const changes: RepositoryChange[] = [];
    using _ = repository.subscribe((change) => void changes.push(change));
    const writer = (await repository.writable("a")).getWriter();
    await writer.write(new Uint8Array(100));
    strictEqual(await repository.contains("a"), false);
    deepStrictEqual(await Array.fromAsync(repository.unfilteredIter()), []);
    deepStrictEqual(changes, []);
    await writer.close();
    deepStrictEqual(changes, [{ type: "put", job: "a" }]);
    strictEqual((await repository.readBytes("a")).length, 100);
    const aborted = (await repository.writable("a")).getWriter();
    await aborted.write(new Uint8Array(7));
    await aborted.abort();
    strictEqual((await repository.readBytes("a")).length, 100);
    deepStrictEqual(namesIn(folder), ["a.txt"]);
    strictEqual(changes.length, 1);
  }));

Deno.test("FileRepository tells of its own changes when they have happened", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    const seen: [string, string[]][] = [];
    using _ = repository.subscribe(({ type }) => void seen.push([type, namesIn(folder)]));
    await repository.writeText("a", "");
    await repository.writeBytes("b", new Uint8Array(100_000));
    await repository.delete("a");
    await repository.delete("a");
    deepStrictEqual(seen, [["put", ["a"]], ["put", ["a", "b"]], ["delete", ["b"]]]);
  }));

Deno.test("A-35: FileRepository.validate() makes no input folder, only an output folder", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(`${folder}/a/b`, ".txt");
    await rejects(repository.validate({ create: false }), (error) => {
      ok(error instanceof StoreError);
      match(error.message, /no such folder.*create it or correct the path/);
      return true;
    });
    deepStrictEqual(namesIn(folder), []);
    await repository.validate();
    deepStrictEqual(namesIn(`${folder}/a/b`), []);
    await repository.validate({ create: false });
  }));

Deno.test("FileRepository.validate() refuses a file where the folder should be", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    for (const create of [true, false]) {
      await rejects(new FileRepository(`${folder}/file`).validate({ create }), StoreError);
      await rejects(new FileRepository(`${folder}/file/data`).validate({ create }), StoreError);
    }
  }));

Deno.test(
  "FileRepository.validate() refuses a folder that cannot be written, if it is to be written",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    const repository = new FileRepository("/proc/sys"); // where not even root can make files
    await repository.validate({ create: false });
    await rejects(repository.validate(), (error) => {
      ok(error instanceof StoreError);
      match(error.message, /^Cannot use <FileRepository \/proc\/sys\/\*>: .* \(\/proc\/sys\); /);
      return true;
    });
  },
);

Deno.test("FileRepository.validate() lets root write what belongs to others", {
  ignore: Deno.uid() !== 0,
}, () =>
  inFolder(async (folder) => {
    Deno.chmodSync(folder, 0o555);
    Deno.chownSync(folder, 65534, 65534);
    await new FileRepository(folder).validate();
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("FileRepository.validate() leaves the times of a folder of this user as they are", () =>
  inFolder(async (folder) => {
    Deno.utimeSync(folder, 0, 0);
    await new FileRepository(folder).validate();
    strictEqual(Deno.statSync(folder).mtime!.getTime(), 0);
  }));

Deno.test("FileRepository says which key it could not write, where and why", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const repository = new FileRepository("/sys/kernel"); // which not even root can write
  const calls = [
    repository.writeText("a", "x"),
    repository.writable("a"),
    repository.open("a", "w"),
  ];
  for (const call of calls) {
    await rejects(call, (error) => {
      ok(error instanceof StoreError);
      match(
        error.message,
        /^Cannot write "a" to <FileRepository \/sys\/kernel\/\*>: .* \(\/sys\/kernel\/a\); /,
      );
      return true;
    });
  }
});

Deno.test("FileRepository never takes a folder that is gone, or is none, for an empty one", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    for (const path of [`${folder}/gone`, `${folder}/file`]) {
      const repository = new FileRepository(path, ".txt");
      const refuses = (promise: Promise<unknown>): Promise<void> =>
        rejects(promise, (error) => {
          ok(error instanceof StoreError, String(error));
          ok(error.message.includes(path), error.message);
          return true;
        });
      await refuses(keys(repository));
      await refuses(bulkNames(repository));
      await refuses(repository.contains("a"));
      await refuses(repository.readText("a"));
      await refuses(repository.readable("a"));
      await refuses(repository.writeText("a", ""));
      await refuses(repository.writable("a"));
      await refuses(repository.delete("a"));
      await refuses(repository.watch(new AbortController().signal).next());
    }
  }));

Deno.test("FileRepository says which key has a name that the file system cannot take", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder, `.${"x".repeat(100)}`);
    const job = "a".repeat(200);
    for (
      const call of [
        repository.writeText(job, ""),
        repository.contains(job),
        repository.readText(job),
      ]
    ) {
      await rejects(call, (error) => {
        ok(error instanceof StoreError);
        match(error.message, /"a{200}".*the name is too long.*use a shorter key/);
        return true;
      });
    }
  }));

Deno.test("FileRepository does not touch a folder where the file of a key should be", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/a`);
    const repository = new FileRepository(folder);
    strictEqual(await repository.contains("a"), false);
    await rejects(repository.readText("a"), StoreError);
    await rejects(repository.readable("a"), StoreError);
    await rejects(repository.writeText("a", ""), StoreError);
    await rejects(repository.writeBytes("a", new Uint8Array(100_000)), StoreError);
    await repository.delete("a");
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("FileRepository deletes and replaces a link, and not what it leads to", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/data`);
    Deno.writeTextFileSync(`${folder}/original`, "kept");
    const repository = new FileRepository(`${folder}/data`);
    for (const end of [() => repository.delete("a"), () => repository.writeText("a", "new")]) {
      Deno.symlinkSync(`${folder}/original`, `${folder}/data/a`);
      strictEqual(await repository.readText("a"), "kept");
      await end();
      strictEqual(Deno.readTextFileSync(`${folder}/original`), "kept");
    }
    strictEqual(Deno.lstatSync(`${folder}/data/a`).isFile, true);
  }));

Deno.test("FileRepository is unharmed by a writer that was killed, and removes what it left", () =>
  inFolder(async (folder) => {
    const program = `
      import { FileRepository } from ${JSON.stringify(MODULE)};
      const writer = (await new FileRepository(".").writable("a")).getWriter();
      await writer.write(new Uint8Array(1000));
      console.log(Deno.pid);
      await new Promise((resolve) => setTimeout(resolve, 1e6));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", program],
      cwd: folder,
      stdout: "piped",
    })
      .spawn();
    for await (const _ of child.stdout) child.kill("SIGKILL");
    await child.status;
    const [left] = namesIn(folder);
    ok(left);
    const list = async (create: boolean): Promise<string[]> => {
      const repository = new FileRepository(folder);
      await repository.validate({ create });
      deepStrictEqual(await keys(repository), []);
      strictEqual(await repository.contains("a"), false);
      return namesIn(folder);
    };
    deepStrictEqual(await list(true), [left], "it may still be written");
    const old = new Date(Date.now() - 2 * 3_600_000);
    Deno.utimeSync(`${folder}/${left}`, old, old);
    deepStrictEqual(await list(false), [left], "the folder is not ours to write");
    deepStrictEqual(await list(true), []);
  }));

Deno.test("FileRepository removes what killed writers left in a large folder, too", () =>
  inFolder(async (folder) => {
    fillWith(folder, ".txt");
    const left = `${folder}/.datatask-tmp-elsewhere-1-0badcafe-0`;
    Deno.writeTextFileSync(left, "half");
    Deno.utimeSync(left, 0, 0);
    const repository = new FileRepository(folder, ".txt");
    await repository.validate();
    strictEqual((await bulkNames(repository)).length, 750);
    deepStrictEqual(namesIn(folder).filter((name) => name.startsWith(".")), []);
  }));

Deno.test("FileRepository.watch() tells of changes by others, and of nothing that is not a key", () =>
  inFolder(async (folder) => {
    const watcher = new Watcher(new FileRepository(folder, ".txt"));
    await watcher.tells("put a", () => Deno.writeTextFileSync(`${folder}/a.txt`, ""));
    await watcher.tells("put b", () => Deno.renameSync(`${folder}/a.txt`, `${folder}/b.txt`));
    await watcher.tells("delete b", () => Deno.removeSync(`${folder}/b.txt`));
    const told = await watcher.tells("put z", async () => {
      Deno.writeTextFileSync(`${folder}/notes.md`, "");
      Deno.writeTextFileSync(`${folder}/.hidden.txt`, "");
      Deno.writeTextFileSync(`${folder}/a b.txt`, "");
      Deno.mkdirSync(`${folder}/folder.md`);
      await new FileRepository(folder, ".txt").writeText("z", "value");
    });
    const known = ["put z", "delete b", "relist"]; // the second is told again, as it may be
    deepStrictEqual(told.filter((change) => !known.includes(change)), []);
    await watcher.end();
  }));

Deno.test("FileRepository.watch() tells each of very many changes, or asks for a new listing", () =>
  inFolder(async (folder) => {
    const watcher = new Watcher(new FileRepository(folder));
    const jobs = Array.from({ length: 2000 }, (_, i) => `${i}`);
    await watcher.until(
      (told) => told.includes("relist") || jobs.every((job) => told.includes(`put ${job}`)),
      () => jobs.forEach((job) => Deno.writeTextFileSync(`${folder}/${job}`, "")),
    );
    await watcher.tells("delete 7", () => Deno.removeSync(`${folder}/7`));
    await watcher.end();
  }));

Deno.test("FileRepository.watch() goes on with the folder that takes the place of the one watched", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(`${folder}/data`);
    await repository.validate();
    Deno.mkdirSync(`${folder}/new`);
    const watcher = new Watcher(repository);
    await watcher.tells("relist", () => {
      Deno.renameSync(`${folder}/data`, `${folder}/old`);
      Deno.renameSync(`${folder}/new`, `${folder}/data`);
    });
    await watcher.tells("put a", () => Deno.writeTextFileSync(`${folder}/data/a`, ""));
    await watcher.end();
  }));

Deno.test("FileRepository.watch() fails with StoreError when the folder is removed", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(`${folder}/data`);
    await repository.validate();
    const watcher = new Watcher(repository);
    Deno.removeSync(`${folder}/data`);
    await rejects(watcher.ended, StoreError);
  }));

Deno.test("FileRepository.watch() ends on abort, be it before, while waiting or between", () =>
  inFolder(async (folder) => {
    const repository = new FileRepository(folder);
    deepStrictEqual(await Array.fromAsync(repository.watch(AbortSignal.abort())), []);
    await new Watcher(repository).end();
    const controller = new AbortController();
    const changes = repository.watch(controller.signal);
    const first = changes.next();
    await repository.writeText("a", "");
    await first;
    controller.abort(); // a reader that was given up: the sanitizer sees a watcher that goes on
  }));

Deno.test("FileRepository proves nothing by times that a program has set, while another change could leave the same", async () => {
  const folder = await Deno.makeTempDir();
  const repository = new FileRepository(folder);
  const revisions: string[] = [];
  for (const job of ["a", "b", "c"]) {
    await Deno.writeTextFile(`${folder}/${job}`, "");
    await Deno.utime(folder, 1, 1);
    let revision: string | undefined;
    while ((revision = await repository.revision()) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    revisions.push(revision);
  }
  strictEqual(new Set(revisions).size, 3);
  await Deno.remove(folder, { recursive: true });
});
