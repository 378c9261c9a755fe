/**
 * Structured data, kept as YAML in a bucket of S3.
 *
 * @module
 */

import type { Accessor } from "../lib/session.ts";
import type { S3Client } from "./s3_api.ts";
import { S3BucketRepository, type S3BucketRepositoryOptions } from "./s3_bucket_repository.ts";
import { YamlMetadataRepository } from "./yaml_metadata_repository.ts";

/**
 * A repository whose values are YAML objects in a bucket: the key `moby` is the object `moby.yaml` behind the prefix.
 *
 * What {@linkcode YamlMetadataRepository} says of values, and {@linkcode S3BucketRepository} of objects, goes for it.
 *
 * @typeParam Data What a value is. Nothing checks this at run time.
 *
 * @example Usage
 * ```ts ignore
 * import { Session, YamlMetadataS3Repository } from "@datatask/datatask";
 * import { s3Client } from "@datatask/datatask/s3";
 *
 * const session = new Session();
 * const client = session.resource(() => s3Client());
 * const results = new YamlMetadataS3Repository<{ words: number }>(client, "library", { prefix: "results/" });
 *
 * await session.open();
 * await results.dump("moby", { words: 209117 });
 * await session.close();
 * ```
 */
export class YamlMetadataS3Repository<Data = unknown> extends YamlMetadataRepository<Data> {
  /** Where the objects are. */
  declare readonly blob: S3BucketRepository;

  /**
   * Makes a repository. The server is not asked for anything.
   *
   * @param client Anything shaped like the `S3` of the AWS SDK, or a function that gives it when it is needed, such as a
   * resource of a session.
   * @param bucket The bucket.
   * @param options How keys of objects are made of jobs. The suffix is `.yaml` and the MIME type `text/yaml` if they are
   * not given.
   * @throws {TypeError} If `bucket` is empty.
   */
  constructor(
    client: Accessor<S3Client>,
    bucket: string,
    options: S3BucketRepositoryOptions = {},
  ) {
    super(
      new S3BucketRepository(client, bucket, {
        suffix: ".yaml",
        mimetype: "text/yaml",
        ...options,
      }),
    );
  }
}
