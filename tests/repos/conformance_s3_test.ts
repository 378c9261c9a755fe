import type { Repository } from "../../lib/repository.ts";
import { S3BucketRepository } from "../../repos/s3_bucket_repository.ts";
import { YamlMetadataS3Repository } from "../../repos/yaml_metadata_s3_repository.ts";
import { s3Server } from "../servers.ts";
import { type RepositoryFixture, testRepository } from "../suite/mod.ts";
import { TestBucket } from "./s3_fixture.ts";

async function fixture(make: (bucket: TestBucket) => Repository): Promise<RepositoryFixture> {
  const bucket = await TestBucket.make();
  return {
    repository: make(bucket),
    reopen: () => Promise.resolve(make(bucket)),
    fail: () => bucket.remove(),
    dispose: () => bucket[Symbol.asyncDispose](),
  };
}

if (s3Server.ignore) {
  Deno.test({ name: "S3BucketRepository", ignore: true, fn() {} });
} else {
  await testRepository({
    name: "S3BucketRepository",
    create: () =>
      fixture(({ client, name }) =>
        new S3BucketRepository(client, name, { prefix: "books/", suffix: ".txt" })
      ),
  });

  await testRepository({
    name: "S3BucketRepository of a whole bucket",
    create: () => fixture(({ client, name }) => new S3BucketRepository(client, name)),
    capabilities: { maxValueBytes: 1_100_000, manyKeys: 100 },
  });

  await testRepository({
    name: "YamlMetadataS3Repository",
    create: () =>
      fixture(({ client, name }) =>
        new YamlMetadataS3Repository(client, name, { prefix: "a b+c%20/ü&=?/" })
      ),
  });
}
