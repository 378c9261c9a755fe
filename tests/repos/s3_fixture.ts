/**
 * Buckets of the real server, for tests.
 *
 * @module
 */

import { type OpenS3Client, s3Client, type S3ClientOptions } from "../../repos/s3_client.ts";
import { S3 } from "@aws-sdk/client-s3";
import { stateFolder } from "../../lib/state_folder.ts";
import { s3Server } from "../servers.ts";
import { namesIn } from "../temporary_folder.ts";

/** What a client of the server is made with. */
export function clientOptions(options: S3ClientOptions = {}): S3ClientOptions {
  const { endpoint, region, key, secret } = s3Server.variables;
  return {
    endpoint,
    region,
    credentials: { accessKeyId: key, secretAccessKey: secret },
    ...options,
  };
}

/** A new bucket, of which everything is gone when it is disposed of. */
export class TestBucket implements AsyncDisposable {
  readonly name: string;
  readonly client: OpenS3Client;
  /** The SDK itself, to look behind the repository. */
  readonly sdk: S3;

  private constructor(name: string, client: OpenS3Client, sdk: S3) {
    this.name = name;
    this.client = client;
    this.sdk = sdk;
  }

  /** Makes one. */
  static async make(options: S3ClientOptions = {}): Promise<TestBucket> {
    const bucket = new TestBucket(
      `datatask-${crypto.randomUUID()}`,
      await s3Client(clientOptions(options)),
      await sdkClient(),
    );
    await bucket.sdk.createBucket({ Bucket: bucket.name });
    return bucket;
  }

  /** The keys in it. */
  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.sdk.listObjectsV2({ Bucket: this.name });
    return Contents.map(({ Key = "" }) => Key);
  }

  /** The keys of the uploads that are under way. */
  async uploads(): Promise<string[]> {
    const { Uploads = [] } = await this.sdk.listMultipartUploads({ Bucket: this.name });
    return Uploads.map(({ Key = "" }) => Key);
  }

  /** Deletes the bucket and what is in it. */
  async remove(): Promise<void> {
    const Bucket = this.name;
    const { Uploads = [] } = await this.sdk.listMultipartUploads({ Bucket });
    for (const { Key, UploadId } of Uploads) {
      await this.sdk.abortMultipartUpload({ Bucket, Key, UploadId });
    }
    for (;;) {
      const { Contents = [], IsTruncated } = await this.sdk.listObjectsV2({ Bucket });
      for (let at = 0; at < Contents.length; at += 50) {
        const some = Contents.slice(at, at + 50);
        await Promise.all(some.map(({ Key }) => this.sdk.deleteObject({ Bucket, Key })));
      }
      if (!IsTruncated) break;
    }
    await this.sdk.deleteBucket({ Bucket });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.remove().catch((error) => {
      if (error.name !== "NoSuchBucket") throw error;
    });
    this.sdk.destroy();
    removeNotes(this.name);
  }
}

/** Removes what this machine noted of uploads to a bucket that is gone. */
export function removeNotes(bucket: string): void {
  for (const kind of ["uploads", "cleared"]) removeNotesIn(`${stateFolder()}/.s3-${kind}`, bucket);
}

function removeNotesIn(folder: string, bucket: string): void {
  let names: string[];
  try {
    names = namesIn(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const name of names) {
    try {
      const path = `${folder}/${name}`;
      if (Deno.readTextFileSync(path).includes(bucket)) Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // the test of another bucket was faster
    }
  }
}

/** The SDK as it is, with nothing of ours. */
async function sdkClient(): Promise<S3> {
  const { endpoint, region, key, secret } = s3Server.variables;
  await Promise.resolve();
  return new S3({
    endpoint,
    region,
    credentials: { accessKeyId: key, secretAccessKey: secret },
    forcePathStyle: true,
  });
}
