import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { DataError, JobIdError, StoreError } from "../../lib/errors.ts";
import { JobIdRule } from "../../lib/job_id.ts";
import { MetadataRepository, type RepositoryChange } from "../../lib/repository.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { FileRepository } from "../../repos/file_repository.ts";
import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import {
  YamlMetadataFileRepository,
  YamlMetadataRepository,
} from "../../repos/yaml_metadata_repository.ts";
import { inFolder } from "../temporary_folder.ts";

Deno.test("YamlMetadataFileRepository keeps data as YAML files", () =>
  inFolder(async (folder) => {
    const repository = new YamlMetadataFileRepository<{ words: number }>(`${folder}/results`);
    ok(repository instanceof MetadataRepository);
    ok(repository.blob instanceof FileRepository);
    await repository.validate();
    await repository.dump("moby", { words: 209117 });
    strictEqual(Deno.readTextFileSync(`${folder}/results/moby.yaml`), "words: 209117\n");
    deepStrictEqual(await repository.info("moby"), { words: 209117 });
    deepStrictEqual(await Array.fromAsync(repository), ["moby"]);
    strictEqual(await repository.contains("moby"), true);
    await repository.delete("moby");
    strictEqual(await repository.contains("moby"), false);
    strictEqual(
      String(repository),
      `<YamlMetadataFileRepository of <FileRepository ${folder}/results/*.yaml>>`,
    );
  }));

Deno.test("YamlMetadataFileRepository takes an extension, in any case if it is told to", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a.YML`, "1");
    const options = { extension: ".yml", caseInsensitive: true };
    const repository = new YamlMetadataFileRepository(folder, options);
    deepStrictEqual(await Array.fromAsync(repository), ["a"]);
    strictEqual(await repository.info("a"), 1);
    deepStrictEqual(await Array.fromAsync(new YamlMetadataFileRepository(folder)), []);
  }));

Deno.test("A-38: YamlMetadataFileRepository reads a missing key as undefined, and an empty file as null", () =>
  inFolder(async (folder) => {
    const repository = new YamlMetadataFileRepository(folder);
    strictEqual(await repository.info("a"), undefined);
    Deno.writeTextFileSync(`${folder}/a.yaml`, "");
    strictEqual(await repository.info("a"), null);
    await rejects(new YamlMetadataFileRepository(`${folder}/gone`).info("a"), StoreError);
  }));

Deno.test("YamlMetadataRepository refuses broken YAML, naming repository, key and place", () =>
  inFolder(async (folder) => {
    const repository = new YamlMetadataFileRepository(folder);
    Deno.writeTextFileSync(`${folder}/moby.yaml`, "title: Moby\nauthor: !!python/name:os.system\n");
    for (const read of [repository.info("moby"), repository.infoAll()]) {
      await rejects(read, (error) => {
        ok(error instanceof DataError);
        match(
          error.message,
          /"moby" of <YamlMetadataFileRepository .*line 2, column 9: unknown .* tag/,
        );
        return true;
      });
    }
  }));

Deno.test("YamlMetadataRepository refuses to write what YAML has no words for, naming the key, and keeps the old value", async () => {
  const repository = new YamlMetadataRepository(new InProcessBlobRepository());
  await repository.dump("moby", { old: true });
  await rejects(repository.dump("moby", { run: () => {} }), (error) => {
    ok(error instanceof DataError);
    match(error.message, /"moby" for <YamlMetadataRepository .*type function at \.run/);
    return true;
  });
  deepStrictEqual(await repository.info("moby"), { old: true });
});

Deno.test("YamlMetadataRepository checks the id before it looks at the data", async () => {
  const repository = new YamlMetadataRepository(new InProcessBlobRepository());
  await rejects(repository.dump("../a", () => {}), JobIdError);
  await rejects(repository.info("../a"), JobIdError);
});

Deno.test("YamlMetadataRepository tells of the changes of the repository beneath", async () => {
  const blob = new InProcessBlobRepository();
  const repository = new YamlMetadataRepository(blob);
  const changes: RepositoryChange[] = [];
  using subscription = repository.subscribe((change) => void changes.push(change));
  await repository.dump("a", 1);
  await blob.writeText("b", "2");
  await repository.delete("a");
  deepStrictEqual(changes, [
    { type: "put", job: "a" },
    { type: "put", job: "b" },
    { type: "delete", job: "a" },
  ]);
  subscription[Symbol.dispose]();
  await repository.dump("a", 1);
  strictEqual(changes.length, 3);
});

Deno.test("YamlMetadataRepository has bulkIter and watch where the repository beneath has them", () =>
  inFolder(async (folder) => {
    const files = new YamlMetadataFileRepository(folder);
    await files.dump("a", 1);
    const [chunk] = await Array.fromAsync(files.bulkIter?.() ?? []);
    strictEqual(new TextDecoder().decode(chunk), "a\0");
    deepStrictEqual(await Array.fromAsync(files.watch?.(AbortSignal.abort()) ?? [undefined]), []);
    const anyCase = new YamlMetadataFileRepository(folder, { caseInsensitive: true });
    strictEqual(anyCase.blob.bulkIter, undefined);
    strictEqual(anyCase.bulkIter, undefined);
  }));

Deno.test("YamlMetadataRepository has the ids of the repository beneath, and warns of others", async () => {
  class Digits extends InProcessBlobRepository {
    override readonly jobIds = new JobIdRule({
      charset: "0123456789",
      charsetStartEnd: "0123456789",
    });
  }
  const blob = new Digits();
  const repository = new YamlMetadataRepository(blob);
  strictEqual(repository.jobIds, blob.jobIds);
  strictEqual(repository.isValidJobId("a"), false);
  await rejects(repository.dump("a", 1), JobIdError);
  blob.data.set("a", new Uint8Array());
  const seen: string[] = [];
  using _ = interceptWarnings((message) => void seen.push(message));
  deepStrictEqual(await Array.fromAsync(repository), []);
  strictEqual(seen.length, 1);
});

Deno.test("YamlMetadataRepository.infoAll() gives all values, in the order of the listing", () =>
  inFolder(async (folder) => {
    const repository = new YamlMetadataFileRepository<number>(folder);
    for (let i = 0; i < 100; i++) await repository.dump(`k${i}`, i);
    const all = await repository.infoAll();
    deepStrictEqual([...all.keys()], await Array.fromAsync(repository));
    for (const [job, value] of all) strictEqual(job, `k${value}`);
  }));
