import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { JobIdError, StoreError } from "../../lib/errors.ts";
import type { RepositoryChange } from "../../lib/repository.ts";
import { DirectoryRepository } from "../../repos/directory_repository.ts";
import { inFolder, namesIn } from "../temporary_folder.ts";
import { bulkNames, keys } from "./listed.ts";

Deno.test("DirectoryRepository lists directories and links to directories, and nothing else", () =>
  inFolder(async (folder) => {
    for (const name of ["a.d", "b.d", "c", ".hidden.d"]) Deno.mkdirSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/file.d`, "");
    Deno.symlinkSync("a.d", `${folder}/link.d`);
    Deno.symlinkSync("file.d", `${folder}/wrong.d`);
    Deno.symlinkSync("nowhere", `${folder}/dangling.d`);
    const repository = new DirectoryRepository(folder, ".d");
    deepStrictEqual(await keys(repository), ["a", "b", "link"]);
    deepStrictEqual(await bulkNames(repository), ["a", "b", "link"]);
    for (const job of ["a", "link"]) strictEqual(await repository.contains(job), true, job);
    for (const job of ["c", "file", "wrong", "dangling"]) {
      strictEqual(await repository.contains(job), false, job);
    }
  }));

Deno.test("DirectoryRepository lists a large folder in bulk as it lists it one by one", () =>
  inFolder(async (folder) => {
    const jobs = Array.from({ length: 750 }, (_, i) => `${i}${"x".repeat(190)}`).sort();
    for (const job of jobs) Deno.mkdirSync(`${folder}/${job}`);
    Deno.mkdirSync(`${folder}/.hidden`);
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync(jobs[0]!, `${folder}/link`);
    Deno.symlinkSync("nowhere", `${folder}/dangling`);
    const repository = new DirectoryRepository(folder);
    deepStrictEqual(await keys(repository), [...jobs, "link"]);
    deepStrictEqual(await bulkNames(repository), [...jobs, "link"]);
  }));

Deno.test("DirectoryRepository gives the path of a key, present or not", () =>
  inFolder(async (folder) => {
    const repository = new DirectoryRepository(folder, { extension: ".d" });
    strictEqual(repository.basedir, folder);
    strictEqual(repository.extension, ".d");
    strictEqual(repository.discardEmpty, false);
    strictEqual(repository.fullpath("a"), `${folder}/a.d`);
    strictEqual(await repository.info("a"), `${folder}/a.d`);
    strictEqual(String(repository), `<DirectoryRepository ${folder}/*.d>`);
  }));

Deno.test("DirectoryRepository.mkdir() makes a directory, and leaves one that is there", () =>
  inFolder(async (folder) => {
    const repository = new DirectoryRepository(folder);
    const changes: RepositoryChange[] = [];
    using _ = repository.subscribe((change) => void changes.push(change));
    await repository.mkdir("a");
    Deno.writeTextFileSync(`${folder}/a/page`, "kept");
    await repository.mkdir("a");
    strictEqual(Deno.readTextFileSync(`${folder}/a/page`), "kept");
    deepStrictEqual(changes, [{ type: "put", job: "a" }]);
  }));

Deno.test("DirectoryRepository.mkdir() refuses a place that is taken, and a folder that is gone", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "kept");
    await rejects(new DirectoryRepository(folder).mkdir("a"), (error) => {
      ok(error instanceof StoreError);
      match(error.message, /^Cannot make "a" in .*: something else is there/);
      return true;
    });
    await rejects(new DirectoryRepository(`${folder}/gone`).mkdir("a"), StoreError);
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("DirectoryRepository.delete() removes a directory with all that is in it", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/a/deep/er`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/a/deep/er/file`, "");
    const repository = new DirectoryRepository(folder);
    const seen: [RepositoryChange, boolean][] = [];
    using _ = repository.subscribe((change) =>
      void seen.push([change, namesIn(folder).includes("a")])
    );
    await repository.delete("a");
    await repository.delete("a");
    deepStrictEqual(namesIn(folder), []);
    deepStrictEqual(seen, [[{ type: "delete", job: "a" }, false]]);
  }));

Deno.test("DirectoryRepository.delete() does not follow links out of the folder", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/data/a`, { recursive: true });
    Deno.mkdirSync(`${folder}/outside`);
    Deno.writeTextFileSync(`${folder}/outside/file`, "kept");
    Deno.symlinkSync(`${folder}/outside`, `${folder}/data/link`);
    Deno.symlinkSync(`${folder}/outside`, `${folder}/data/a/inner`);
    const repository = new DirectoryRepository(`${folder}/data`);
    await repository.delete("link");
    await repository.delete("a");
    deepStrictEqual(namesIn(`${folder}/data`), []);
    strictEqual(Deno.readTextFileSync(`${folder}/outside/file`), "kept");
  }));

Deno.test("DirectoryRepository.delete() leaves a file in the place of a directory alone", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "kept");
    await new DirectoryRepository(folder).delete("a");
    deepStrictEqual(namesIn(folder), ["a"]);
  }));

Deno.test("S-01: DirectoryRepository never makes a path of what is no job id", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/data`);
    Deno.mkdirSync(`${folder}/victim`);
    const repository = new DirectoryRepository(`${folder}/data`);
    for (const job of ["../victim", "", ".", "..", `${folder}/victim`, "a/b", "a\0"]) {
      throws(() => repository.fullpath(job), JobIdError);
      await rejects(repository.info(job), JobIdError);
      await rejects(repository.contains(job), JobIdError);
      await rejects(repository.mkdir(job), JobIdError);
      await rejects(repository.delete(job), JobIdError);
    }
    deepStrictEqual(namesIn(folder), ["data", "victim"]);
    deepStrictEqual(namesIn(`${folder}/data`), []);
  }));

Deno.test("A-33: DirectoryRepository with discardEmpty is unharmed by a stray file, and deletes an empty directory", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/stray`, "");
    Deno.mkdirSync(`${folder}/empty`);
    Deno.mkdirSync(`${folder}/full/empty`, { recursive: true });
    const repository = new DirectoryRepository(folder, { discardEmpty: true });
    deepStrictEqual(await keys(repository), ["full"]);
    strictEqual(await repository.contains("full"), true);
    strictEqual(await repository.contains("empty"), false);
    strictEqual(await repository.contains("stray"), false);
    await repository.delete("empty");
    deepStrictEqual(namesIn(folder), ["full", "stray"]);
  }));

Deno.test("DirectoryRepository with discardEmpty promises no changes that it cannot see", () =>
  inFolder(async (folder) => {
    const repository = new DirectoryRepository(folder, { discardEmpty: true });
    strictEqual(repository.watch, undefined);
    strictEqual(repository.bulkIter, undefined);
    const changes: RepositoryChange[] = [];
    using _ = repository.subscribe((change) => void changes.push(change));
    await repository.mkdir("a");
    deepStrictEqual(changes, [], "an empty directory is no key");
  }));

Deno.test("A-10: DirectoryRepository finds the real name of what it lists in any case", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/bar.D`);
    Deno.mkdirSync(`${folder}/dup.d`);
    Deno.mkdirSync(`${folder}/dup.D`);
    const repository = new DirectoryRepository(folder, { extension: ".d", caseInsensitive: true });
    strictEqual(repository.bulkIter, undefined);
    deepStrictEqual(await keys(repository), ["bar", "dup"]);
    strictEqual(await repository.contains("bar"), true);
    strictEqual(await repository.info("bar"), `${folder}/bar.D`);
    await repository.mkdir("bar");
    await repository.delete("bar");
    await repository.delete("dup");
    deepStrictEqual(namesIn(folder), []);
  }));

Deno.test("A-35: DirectoryRepository.validate() makes no input folder, only an output folder", () =>
  inFolder(async (folder) => {
    const repository = new DirectoryRepository(`${folder}/a/b`);
    await rejects(repository.validate({ create: false }), StoreError);
    deepStrictEqual(namesIn(folder), []);
    await repository.validate();
    deepStrictEqual(namesIn(`${folder}/a`), ["b"]);
  }));

Deno.test("DirectoryRepository never takes a folder that is gone for an empty one", () =>
  inFolder(async (folder) => {
    for (const discardEmpty of [false, true]) {
      const repository = new DirectoryRepository(`${folder}/gone`, { discardEmpty });
      await rejects(keys(repository), StoreError);
      await rejects(repository.contains("a"), StoreError);
      await rejects(repository.delete("a"), StoreError);
    }
    await rejects(bulkNames(new DirectoryRepository(`${folder}/gone`)), StoreError);
  }));

Deno.test("DirectoryRepository.watch() tells of directories that appear and vanish", () =>
  inFolder(async (folder) => {
    const repository = new DirectoryRepository(folder, ".d");
    const controller = new AbortController();
    const changes = repository.watch?.(controller.signal)[Symbol.asyncIterator]();
    ok(changes);
    const first = changes.next();
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.mkdirSync(`${folder}/a.d`);
    deepStrictEqual((await first).value, { type: "put", job: "a" });
    Deno.removeSync(`${folder}/a.d`);
    deepStrictEqual((await changes.next()).value, { type: "delete", job: "a" });
    controller.abort();
    strictEqual((await changes.next()).done, true);
  }));
