import type { Repository } from "../../lib/repository.ts";
import { SqliteBlobRepository } from "../../repos/sqlite_blob_repository.ts";
import { SqliteMetadataRepository } from "../../repos/sqlite_metadata_repository.ts";
import { type RepositoryFixture, testRepository } from "../suite/mod.ts";

await testRepository({
  name: "SqliteMetadataRepository",
  create: () => fixture((file) => new SqliteMetadataRepository(file, "data")),
  capabilities: { manyKeys: 5000 },
});

await testRepository({
  name: "SqliteBlobRepository",
  create: () => fixture((file) => new SqliteBlobRepository(file, "data")),
});

function fixture(make: (file: string) => Repository & Disposable): RepositoryFixture {
  const folder = Deno.makeTempDirSync();
  const open = new DisposableStack();
  const repository = open.use(make(`${folder}/state.db`));
  return {
    repository,
    reopen: () => Promise.resolve(open.use(make(`${folder}/state.db`))),
    async dispose() {
      open.dispose();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
