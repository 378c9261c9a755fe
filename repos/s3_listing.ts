/**
 * Listing a part of a bucket, page by page.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { S3Client, S3Page } from "./s3_api.ts";
import { baseOf } from "./s3_counting.ts";
import { NoS3Error } from "./s3_errors.ts";

/** Which objects are listed. */
export interface S3Range {
  /** The bucket. */
  readonly bucket: string;
  /** What their keys begin with. */
  readonly prefix: string;
  /** What their keys end with. */
  readonly suffix: string;
}

/**
 * The keys of a bucket that begin with a prefix.
 *
 * @param client Lists them.
 * @param bucket The bucket.
 * @param prefix The prefix.
 * @param delimiter What the keys must not have behind the prefix, if anything.
 * @returns The keys, page by page.
 * @throws {StoreError} If the server does not come to an end.
 * @throws {NoS3Error} If an answer is no listing.
 */
export async function* listKeys(
  client: S3Client,
  bucket: string,
  prefix: string,
  delimiter?: string,
): AsyncGenerator<string[], void, undefined> {
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const page = await client.listObjectsV2({
      Bucket: bucket,
      Prefix: prefix,
      EncodingType: "url",
      ...delimiter === undefined ? {} : { Delimiter: delimiter },
      ...token === undefined ? {} : { ContinuationToken: token },
    });
    requireListing(page);
    yield keysOf(page);
    token = page.IsTruncated ? page.NextContinuationToken ?? "" : undefined;
    if (token !== undefined && (token === "" || seen.has(token))) {
      throw new StoreError(
        `Cannot list ${bucket}/${prefix}: the server says that there is more, but not where it goes on; ` +
          "report it to whoever runs the server",
      );
    }
    seen.add(token ?? "");
  } while (token !== undefined);
}

/**
 * The name that a key stands for.
 *
 * @param key A key of the bucket.
 * @param range A part of it.
 * @returns What is between prefix and suffix; undefined if the key belongs elsewhere.
 */
export function nameOf(key: string, { prefix, suffix }: S3Range): string | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(suffix)) return undefined;
  const name = key.slice(prefix.length, key.length - suffix.length);
  return key.length <= prefix.length + suffix.length || name.includes("/") ? undefined : name;
}

/** How long one look at a bucket serves others, in milliseconds: longer than a pipeline takes to open. */
const FRESH = 10_000;

/** The last look at each bucket. */
const looks = new WeakMap<S3Client, Map<string, Look>>();

interface Look {
  readonly time: number;
  readonly result: Promise<unknown>;
  /** Those whom it served. Who asks once more wants to know it anew. */
  readonly served: WeakSet<S3Range>;
}

/**
 * Makes sure that a bucket can be listed. One request serves all repositories over it that are validated in a row.
 *
 * @param client Lists it.
 * @param range A part of it, on behalf of which this is asked.
 * @throws {Error} Whatever the client throws.
 */
export async function checkBucket(client: S3Client, range: S3Range): Promise<void> {
  const { bucket, prefix } = range;
  const base = baseOf(client);
  const ofClient = looks.get(base) ?? new Map<string, Look>();
  looks.set(base, ofClient);
  let look = ofClient.get(bucket);
  if (look === undefined || look.served.has(range) || performance.now() - look.time > FRESH) {
    const result = probeBucket(client, bucket, prefix);
    look = { time: performance.now(), result, served: new WeakSet() };
    ofClient.set(bucket, look);
  }
  look.served.add(range);
  try {
    await look.result;
  } catch (error) {
    if (ofClient.get(bucket) === look) ofClient.delete(bucket);
    throw error;
  }
}

/**
 * Asks a bucket whether it is there, by a listing of one key: what else says that it is there, could be anything.
 *
 * @param client Lists it.
 * @param bucket The bucket.
 * @param prefix A part of it.
 * @throws {Error} Whatever the client throws.
 */
export async function probeBucket(client: S3Client, bucket: string, prefix: string): Promise<void> {
  requireListing(await client.listObjectsV2({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 }));
}

/** Refuses what has nothing of a listing, as a client makes it of any answer: it looks as if there were no keys. */
function requireListing({ Name, KeyCount, IsTruncated, Contents }: S3Page): void {
  if ((Name ?? KeyCount ?? IsTruncated ?? Contents) === undefined) {
    throw new NoS3Error("its listing names neither the bucket nor a key");
  }
}

function keysOf({ Contents, EncodingType }: S3Page): string[] {
  const keys = (Contents ?? []).flatMap(({ Key }) => Key ?? []);
  return EncodingType === "url" ? keys.map(decode) : keys;
}

/** Undoes the encoding of forms, by which a blank is a plus sign. */
function decode(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
