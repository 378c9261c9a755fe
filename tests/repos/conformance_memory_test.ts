import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";
import { testRepository } from "../suite/mod.ts";

await testRepository({
  name: "InProcessMetadataRepository",
  create() {
    const data = new Map<string, unknown>();
    return { repository: new InProcessMetadataRepository(data) };
  },
});

await testRepository({
  name: "InProcessBlobRepository",
  create: () => ({ repository: new InProcessBlobRepository() }),
  capabilities: { maxValueBytes: 1024 * 1024 },
});
