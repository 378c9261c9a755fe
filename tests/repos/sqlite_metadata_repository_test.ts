import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { DataError, StoreError } from "../../lib/errors.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { SqliteBlobRepository } from "../../repos/sqlite_blob_repository.ts";
import { SqliteMetadataRepository } from "../../repos/sqlite_metadata_repository.ts";
import { exists, query, runAtOnce, spawn, withFile } from "./sqlite_fixture.ts";

Deno.test("SqliteMetadataRepository touches nothing before it is used, and makes the folder, the file and the table with the first write", () =>
  withFile(async (file) => {
    const deep = `${file}.d/deeper/state.db`;
    using repository = new SqliteMetadataRepository(deep, "done");
    strictEqual(exists(`${file}.d`), false);
    await repository.dump("a", { success: true });
    deepStrictEqual(query(deep, "SELECT job, json FROM done").map((row) => ({ ...row })), [
      { job: "a", json: '{"success":true}' },
    ]);
  }));

Deno.test("SqliteMetadataRepository takes a URL, and a path that is relative", () =>
  withFile(async (file) => {
    const odd = file.replace("state", "a%20b #ü");
    const url = new URL(`file://${encodeURI(odd).replace("#", "%23")}`);
    using repository = new SqliteMetadataRepository(url, "done");
    await repository.dump("a", 1);
    strictEqual(repository.file, odd);
    strictEqual(repository.table, "done");
    ok(exists(odd));
    using relative = new SqliteMetadataRepository("./state.db", "done");
    strictEqual(relative.file, `${Deno.cwd()}/state.db`);
    throws(
      () => new SqliteMetadataRepository(new URL("https://example.com/state.db"), "done"),
      TypeError,
    );
  }));

Deno.test("SqliteMetadataRepository refuses a table that is no plain name", () => {
  for (
    const table of [
      "",
      "1a",
      'a"b',
      "a b",
      "a;DROP TABLE b",
      "sqlite_x",
      "a.b",
      "a\0",
      "x".repeat(101),
    ]
  ) {
    throws(() => new SqliteMetadataRepository("/nowhere/state.db", table), TypeError, table);
  }
});

Deno.test("SqliteMetadataRepository takes a table that has the name of an SQL keyword", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "select");
    await repository.dump("a", 1);
    strictEqual(await repository.info("a"), 1);
    await repository.delete("a");
    deepStrictEqual(await Array.fromAsync(repository), []);
  }));

Deno.test("SqliteMetadataRepository does not take a missing file or table for an empty one", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    const all = async () => {
      for (
        const call of [
          () => repository.validate({ create: false }),
          () => repository.contains("a"),
          () => repository.info("a"),
          () => repository.infoAll(),
          () => repository.delete("a"),
          () => Array.fromAsync(repository),
          () => Array.fromAsync(repository.bulkIter()),
          () => repository.watch(new AbortController().signal).next(),
        ]
      ) {
        await rejects(call, (error) => {
          ok(error instanceof StoreError, `${error}`);
          match(
            error.message,
            /^Cannot .* <SqliteMetadataRepository done in .*>: .*no such .*; check/,
          );
          ok(error.message.includes(file));
          return true;
        });
      }
    };
    await all();
    strictEqual(exists(file), false);
    query(file, "CREATE TABLE other (a)");
    await all();
    await repository.validate();
    await repository.validate({ create: false });
    deepStrictEqual(await Array.fromAsync(repository), []);
  }));

Deno.test("SqliteMetadataRepository refuses a file that is no database, and leaves it alone", () =>
  withFile(async (file) => {
    const text = "not a database\n".repeat(100);
    await Deno.writeTextFile(file, text);
    using repository = new SqliteMetadataRepository(file, "done");
    const expected = { name: "StoreError", message: /file is not a database; use another file/ };
    await rejects(repository.validate(), expected);
    await rejects(Array.fromAsync(repository), expected);
    await rejects(repository.dump("a", 1), expected);
    strictEqual(await Deno.readTextFile(file), text);
  }));

Deno.test("SqliteMetadataRepository refuses a table that another kind of store has made", () =>
  withFile(async (file) => {
    using blobs = new SqliteBlobRepository(file, "data");
    await blobs.writeText("a", "1");
    using repository = new SqliteMetadataRepository(file, "data");
    await rejects(repository.validate(), { name: "StoreError", message: /no such column/ });
    await rejects(repository.dump("a", 1), StoreError);
    strictEqual(await blobs.readText("a"), "1");
  }));

Deno.test({
  name: "SqliteMetadataRepository says so when access is not allowed",
  permissions: { read: true, write: false },
  async fn() {
    using repository = new SqliteMetadataRepository("/nowhere/state.db", "done");
    await rejects(repository.validate(), { name: "StoreError", message: /write access/ });
  },
});

Deno.test("SqliteMetadataRepository does not write to a file that was deleted", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("a", 1);
    for (const name of [file, `${file}-wal`, `${file}-shm`]) await Deno.remove(name);
    await rejects(repository.contains("a"), StoreError);
    await rejects(Array.fromAsync(repository), StoreError);
    await repository.dump("b", 2);
    deepStrictEqual(query(file, "SELECT job FROM done").map(({ job }) => job), ["b"]);
  }));

Deno.test("SqliteMetadataRepository reads the file that took the place of another", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("a", 1);
    {
      using other = new SqliteMetadataRepository(`${file}.new`, "done");
      await other.dump("b", 2);
    }
    for (const name of [`${file}-wal`, `${file}-shm`]) await Deno.remove(name);
    await Deno.rename(`${file}.new`, file);
    deepStrictEqual(await Array.fromAsync(repository), ["b"]);
  }));

Deno.test("SqliteMetadataRepository shares the connection to a file until the last one is closed", () =>
  withFile(async (file) => {
    await Deno.symlink(file, `${file}.link`);
    const first = new SqliteMetadataRepository(file, "first");
    const second = new SqliteMetadataRepository(`${file}.link`, "second");
    await first.dump("a", 1);
    await second.dump("b", 2);
    first.close();
    first.close();
    ok(exists(`${file}-wal`), "the second one is open");
    strictEqual(await second.info("b"), 2);
    second.close();
    strictEqual(exists(`${file}-wal`), false);
    strictEqual(await first.info("a"), 1);
    ok(exists(`${file}-wal`), "the first one is open again");
    first.close();
    strictEqual(exists(`${file}-wal`), false);
  }));

Deno.test("SqliteMetadataRepository stores dates as text, and refuses what JSON has no words for, naming the key", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("moby", { at: new Date(0) });
    const kept = { at: "1970-01-01T00:00:00.000Z" };
    deepStrictEqual(await repository.info("moby"), kept);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const bad of [undefined, () => {}, { on: () => {} }, 1n, NaN, new Map(), cycle]) {
      await rejects(repository.dump("moby", bad), (error) => {
        ok(error instanceof DataError, `${error}`);
        match(error.message, /^Cannot write "moby" in <SqliteMetadataRepository done in .*; use/s);
        return true;
      });
    }
    deepStrictEqual(await repository.info("moby"), kept);
  }));

Deno.test("SqliteMetadataRepository takes text that is no JSON for an error, naming the key", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.validate();
    query(file, `INSERT INTO done (job, json) VALUES ('moby', '{"a":')`);
    const expected = { name: "DataError", message: /^Cannot read "moby" in / };
    await rejects(repository.info("moby"), expected);
    await rejects(repository.infoAll(), expected);
    strictEqual(await repository.contains("moby"), true);
  }));

Deno.test("SqliteMetadataRepository skips names that are no job ids, and ends although one holds a NUL", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository<number>(file, "done");
    const warnings: string[] = [];
    using _ = interceptWarnings((message) => void warnings.push(message));
    await repository.dump("a", 1);
    query(
      file,
      "INSERT INTO done (job, json) VALUES ('no id!', '2'), ('x' || char(0) || 'y', '3')",
    );
    deepStrictEqual(await Array.fromAsync(repository), ["a"]);
    deepStrictEqual(await repository.infoAll(), new Map([["a", 1]]));
    strictEqual(warnings.length, 1);
    match(warnings[0]!, /no id!/);
  }));

Deno.test("SqliteMetadataRepository lists what takes many queries, in bulk and with all values", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository<number>(file, "done");
    await repository.validate();
    query(
      file,
      `INSERT INTO done (job, json) SELECT 'job-' || n, n FROM
       (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 8192) SELECT n FROM c)`,
    );
    const names = Array.from({ length: 8192 }, (_, i) => `job-${i + 1}`).sort();
    deepStrictEqual(await Array.fromAsync(repository), names);
    const chunks = await Array.fromAsync(repository.bulkIter());
    strictEqual(
      chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
      `${names.join("\0")}\0`,
    );
    const all = await repository.infoAll();
    strictEqual(all.size, 8192);
    strictEqual(all.get("job-8192"), 8192);
  }));

Deno.test("SqliteMetadataRepository lists in bulk what it lists otherwise, whatever names there are", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository<number>(file, "done");
    await repository.validate();
    const numbers =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 12000)";
    const bulk = async (): Promise<string[]> => {
      const chunks = await Array.fromAsync(repository.bulkIter());
      return chunks.flatMap((chunk) => new TextDecoder().decode(chunk).split("\0").slice(0, -1));
    };
    // A NUL in the middle of the first page, a whole page of them, and one at the very end.
    query(
      file,
      `INSERT INTO done (job, json) SELECT 'a-' || n, n FROM (${numbers} SELECT n FROM c)`,
    );
    query(file, "INSERT INTO done (job, json) VALUES ('a-2' || char(0) || 'x', '0'), ('', '0')");
    query(
      file,
      `INSERT INTO done (job, json) SELECT 'b' || char(0) || n, n FROM (${numbers} SELECT n FROM c)`,
    );
    query(
      file,
      "INSERT INTO done (job, json) VALUES ('é' || char(10) || 'b', '0'), ('z' || char(0), '0')",
    );
    const names = await Array.fromAsync(repository.unfilteredIter());
    strictEqual(names.length, 12001);
    strictEqual(names.at(-1), "é\nb");
    deepStrictEqual(await bulk(), names);
  }));

Deno.test("SqliteMetadataRepository keeps the old value when a write fails", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("a", 1);
    let changes = 0;
    using _ = repository.subscribe(() => changes++);
    query(
      file,
      "CREATE TRIGGER refuse BEFORE INSERT ON done BEGIN SELECT RAISE(ABORT, 'out of order'); END",
    );
    await rejects(repository.dump("a", 2), {
      name: "StoreError",
      message: /"a" in .*out of order/,
    });
    strictEqual(await repository.info("a"), 1);
    query(
      file,
      "CREATE TRIGGER keep AFTER DELETE ON done BEGIN SELECT RAISE(ABORT, 'out of order'); END",
    );
    await rejects(repository.delete("a"), { name: "StoreError", message: /out of order/ });
    strictEqual(await repository.info("a"), 1);
    strictEqual(changes, 0);
  }));

Deno.test("SqliteMetadataRepository.watch() tells of changes by others, one by one where it can", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("old", 0);
    const controller = new AbortController();
    const watch = repository.watch(controller.signal);
    const first = watch.next();
    query(file, "REPLACE INTO done (job, json) VALUES ('old', '1'), ('new', '1')");
    deepStrictEqual((await first).value, { type: "put", job: "old" });
    deepStrictEqual((await watch.next()).value, { type: "put", job: "new" });
    query(file, "REPLACE INTO done (job, json) VALUES ('new', '2'), ('new', '3')");
    deepStrictEqual((await watch.next()).value, { type: "put", job: "new" });
    deepStrictEqual((await watch.next()).value, { type: "relist" });
    query(file, "DROP TABLE done");
    await rejects(watch.next(), { name: "StoreError", message: /^Cannot watch .*no such table/ });
    controller.abort();
  }));

Deno.test("SqliteMetadataRepository.watch() says to list again when another program has deleted rows, or renamed one", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    for (const job of ["a", "b", "c", "d"]) await repository.dump(job, 0);
    const watch = repository.watch(new AbortController().signal);
    const first = watch.next();
    query(file, "DELETE FROM done WHERE job = 'a'");
    deepStrictEqual((await first).value, { type: "relist" });
    // As many rows as before.
    query(file, "DELETE FROM Done WHERE job = 'b'");
    query(file, "INSERT INTO done (job, json) VALUES ('e', '1')");
    const told = [(await watch.next()).value, (await watch.next()).value];
    deepStrictEqual(new Set(told), new Set([{ type: "put", job: "e" }, { type: "relist" }]));
    query(file, "UPDATE done SET job = 'f' WHERE job = 'c'");
    deepStrictEqual((await watch.next()).value, { type: "relist" });
    query(file, "DELETE FROM done");
    deepStrictEqual((await watch.next()).value, { type: "relist" });
    query(file, "UPDATE done SET json = '2'"); // which is no change of keys
    await repository.dump("g", 1);
    deepStrictEqual((await watch.next()).value, { type: "put", job: "g" });
    await watch.return();
  }));

Deno.test("SqliteMetadataRepository touches no table that it cannot use", () =>
  withFile(async (file) => {
    query(file, "CREATE TABLE done (job TEXT UNIQUE, json TEXT)");
    using repository = new SqliteMetadataRepository(file, "done");
    await rejects(repository.validate(), { name: "StoreError", message: /no such column: id/ });
    await rejects(repository.dump("a", 1), { name: "StoreError", message: /no such column: id/ });
    deepStrictEqual(query(file, "SELECT type, name FROM sqlite_schema").length, 2); // with its index
    query(file, "CREATE TABLE plain (id INTEGER PRIMARY KEY, job TEXT UNIQUE, json TEXT)");
    using plain = new SqliteMetadataRepository(file, "plain");
    await rejects(plain.dump("a", 1), {
      name: "StoreError",
      message: /not AUTOINCREMENT; use a table/,
    });
    deepStrictEqual(query(file, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"), []);
  }));

Deno.test("SqliteMetadataRepository.watch() says to list again when another file took the place of the one it watched", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.dump("a", 1);
    {
      using other = new SqliteMetadataRepository(`${file}.new`, "done");
      await other.dump("b", 1);
    }
    const watch = repository.watch(new AbortController().signal);
    const first = watch.next();
    for (const name of [`${file}-wal`, `${file}-shm`]) await Deno.remove(name);
    await Deno.rename(`${file}.new`, file);
    deepStrictEqual((await first).value, { type: "relist" });
    await watch.return();
  }));

Deno.test("SqliteMetadataRepository.watch() tells of its own changes once", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository(file, "done");
    await repository.validate();
    const watch = repository.watch(new AbortController().signal);
    const first = watch.next();
    await repository.dump("a", 1);
    await repository.dump("a", 2);
    await repository.delete("a");
    query(file, "INSERT INTO done (job, json) VALUES ('b', '1')");
    const seen = [(await first).value];
    while (seen.length < 4) seen.push((await watch.next()).value);
    await repository.dump("c", 1);
    seen.push((await watch.next()).value);
    deepStrictEqual(seen, [
      { type: "put", job: "a" },
      { type: "put", job: "a" },
      { type: "delete", job: "a" },
      { type: "put", job: "b" },
      { type: "put", job: "c" },
    ]);
    await watch.return();
  }));

Deno.test("SqliteMetadataRepository loses nothing when several processes write at once", () =>
  withFile(async (file) => {
    const names = ["x", "y", "z"];
    const writer = `
      import { SqliteMetadataRepository } from "$repos/sqlite_metadata_repository.ts";
      const [file, name] = Deno.args;
      const repository = new SqliteMetadataRepository(file!, "done");
      // begin
      for (let i = 0; i < 200; i++) {
        await repository.dump(name + "-" + i, { by: name, i });
        await repository.dump("shared", { by: name, i });
        if (i % 2 === 1) await repository.delete(name + "-" + i);
      }
    `;
    await runAtOnce(writer, file, names);
    using repository = new SqliteMetadataRepository(file, "done");
    const all = await repository.infoAll();
    strictEqual(all.size, 3 * 100 + 1);
    for (const by of names) {
      for (let i = 0; i < 200; i += 2) deepStrictEqual(all.get(`${by}-${i}`), { by, i });
    }
    deepStrictEqual(query(file, "PRAGMA integrity_check").map((row) => ({ ...row })), [{
      integrity_check: "ok",
    }]);
  }));

Deno.test("SqliteMetadataRepository can be made by several processes at once", () =>
  withFile(async (file) => {
    const names = ["x", "y", "z"];
    const maker = `
      import { SqliteMetadataRepository } from "$repos/sqlite_metadata_repository.ts";
      const [file, name] = Deno.args;
      // begin
      for (let i = 0; i < 20; i++) {
        using repository = new SqliteMetadataRepository(file + i, "done");
        await repository.dump(name!, i);
      }
    `;
    await runAtOnce(maker, file, names);
    for (let i = 0; i < 20; i++) {
      using repository = new SqliteMetadataRepository(`${file}${i}`, "done");
      deepStrictEqual(await Array.fromAsync(repository), names);
    }
  }));

Deno.test("SqliteMetadataRepository keeps all that a killed process had written", () =>
  withFile(async (file) => {
    const child = spawn(
      `
      import { SqliteMetadataRepository } from "$repos/sqlite_metadata_repository.ts";
      const repository = new SqliteMetadataRepository(Deno.args[0]!, "done");
      for (let i = 0;; i++) {
        await repository.dump("job-" + i, { i });
        Deno.stdout.writeSync(new TextEncoder().encode(i + "\\n"));
      }
    `,
      file,
    );
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let told = "";
    while (told.length < 500) told += (await reader.read()).value ?? "";
    child.kill("SIGKILL");
    for (let read = await reader.read(); !read.done; read = await reader.read()) told += read.value;
    await Promise.all([child.stdin.close(), child.stderr.cancel(), child.status]);
    using repository = new SqliteMetadataRepository<{ i: number }>(file, "done");
    const all = await repository.infoAll();
    for (const line of told.split("\n").slice(0, -1)) {
      deepStrictEqual(all.get(`job-${line}`), { i: Number(line) });
    }
    ok(all.size >= 100);
  }));

Deno.test("SqliteMetadataRepository does in order what is asked of it while it is opened for the first time", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository<number>(file, "done");
    const calls = [
      repository.dump("a", 0),
      repository.delete("a"),
      repository.dump("b", 1),
      repository.dump("b", 2),
    ];
    await Promise.all([...calls, repository.info("b").then((found) => strictEqual(found, 2))]);
    deepStrictEqual(await Array.fromAsync(repository), ["b"]);
  }));

Deno.test("SqliteMetadataRepository stores what the value was when it was given, also the first time", () =>
  withFile(async (file) => {
    using repository = new SqliteMetadataRepository<{ words: number }>(file, "done");
    const value = { words: 1 };
    const dumped = repository.dump("a", value);
    value.words = 2;
    await dumped;
    deepStrictEqual(await repository.info("a"), { words: 1 });
  }));

Deno.test("SqliteMetadataRepository misses no change by others when watching is the first thing that it does", () =>
  withFile(async (file) => {
    using other = new SqliteMetadataRepository(file, "done");
    await other.validate();
    using repository = new SqliteMetadataRepository(file, "done");
    const controller = new AbortController();
    const changes = repository.watch(controller.signal);
    const first = changes.next();
    await other.dump("a", 1);
    deepStrictEqual(await first, { done: false, value: { type: "relist" } });
    controller.abort();
    strictEqual((await changes.next()).done, true);
  }));
