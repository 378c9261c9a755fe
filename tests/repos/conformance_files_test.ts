import type { Repository } from "../../lib/repository.ts";
import { DirectoryRepository } from "../../repos/directory_repository.ts";
import { FileRepository } from "../../repos/file_repository.ts";
import { YamlMetadataFileRepository } from "../../repos/yaml_metadata_repository.ts";
import { type RepositoryFixture, testRepository } from "../suite/mod.ts";

await testRepository({
  name: "FileRepository",
  create: () => fixture((folder) => new FileRepository(folder, ".txt")),
});

await testRepository({
  name: "FileRepository without an extension",
  create: () => fixture((folder) => new FileRepository(folder)),
  capabilities: { maxValueBytes: 1_000_000 },
});

await testRepository({
  name: "FileRepository with an extension in any case",
  create: () =>
    fixture((folder) => new FileRepository(folder, { extension: ".txt", caseInsensitive: true })),
  capabilities: { maxValueBytes: 1_000_000 },
});

await testRepository({
  name: "YamlMetadataFileRepository",
  create: () => fixture((folder) => new YamlMetadataFileRepository(folder)),
});

await testRepository({
  name: "DirectoryRepository",
  create: () => directories({ extension: ".d" }, () => {}),
});

await testRepository({
  name: "DirectoryRepository without empty directories",
  create: () =>
    directories({ discardEmpty: true }, (path) => Deno.writeTextFileSync(`${path}/page`, "")),
});

function fixture<R extends Repository>(
  make: (folder: string) => R,
): RepositoryFixture & { readonly repository: R } {
  const parent = Deno.makeTempDirSync();
  const folder = `${parent}/data`;
  return {
    repository: make(folder),
    reopen: () => Promise.resolve(make(folder)),
    fail: () => Deno.rename(folder, `${parent}/moved`),
    dispose: () => Deno.remove(parent, { recursive: true }),
  };
}

function directories(
  options: { readonly extension?: string; readonly discardEmpty?: boolean },
  fill: (path: string) => void,
): RepositoryFixture {
  const made = fixture((folder) => new DirectoryRepository(folder, options));
  const put = async (job: string): Promise<void> => {
    await made.repository.mkdir(job);
    fill(made.repository.fullpath(job));
  };
  return { ...made, put };
}
