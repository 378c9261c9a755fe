/**
 * Clearing what runs that were killed left at a server: uploads that will never be finished, and are paid for.
 *
 * @module
 */

import { warn } from "../lib/warnings.ts";
import type { S3Client, S3UploadName, S3UploadsPage } from "./s3_api.ts";
import { isClearingDue } from "./s3_clearings.ts";
import { s3Error, statusOf } from "./s3_errors.ts";
import { nameOf, type S3Range } from "./s3_listing.ts";
import { deadUploads } from "./s3_upload_notes.ts";

/** How long ago an upload of another machine must have begun to be taken for dead, in milliseconds. */
const WEEK = 7 * 24 * 3_600_000;

/**
 * Ends the uploads to a bucket that a process of this machine began and did not live to end. Asks the server for nothing
 * if there are none.
 *
 * @param client Ends them.
 * @param place The endpoint of the server.
 * @param bucket The bucket.
 */
export async function clearDeadUploads(
  client: S3Client,
  place: string,
  bucket: string,
): Promise<void> {
  for (const { key, note } of deadUploads(place, bucket)) {
    try {
      for await (const { name } of uploads(client, bucket, key)) {
        if (name.Key === key) await abort(client, name);
      }
      note.remove();
    } catch (error) {
      note.release();
      warn(s3Error(`clear what a killed run left of "${key}" in ${bucket}`, error).message);
    }
  }
}

/**
 * {@linkcode clearOldUploads}, if this machine has not done so today.
 *
 * @param client Ends them.
 * @param place The endpoint of the server.
 * @param range To which part of which bucket.
 */
export async function clearOldUploadsOnceADay(
  client: S3Client,
  place: string,
  range: S3Range,
): Promise<void> {
  const { bucket, prefix, suffix } = range;
  if (isClearingDue(`${place}/${bucket}/${prefix}*${suffix}`)) await clearOldUploads(client, range);
}

/**
 * Ends the uploads that began a week ago or earlier, which nobody can still be busy with.
 *
 * @param client Ends them.
 * @param range To which part of which bucket.
 */
export async function clearOldUploads(
  client: S3Client,
  range: S3Range,
): Promise<void> {
  try {
    for await (const { name, initiated } of uploads(client, range.bucket, range.prefix)) {
      const isOld = initiated !== undefined && Date.now() - initiated.getTime() > WEEK;
      if (isOld && nameOf(name.Key, range) !== undefined) await abort(client, name);
    }
  } catch {
    // Not every server, nor every right to write, comes with a listing of uploads. A rule of the bucket can do the same.
  }
}

async function abort(client: S3Client, upload: S3UploadName): Promise<void> {
  try {
    await client.abortMultipartUpload(upload);
  } catch (error) {
    if (statusOf(error) !== 404) throw error; // it has ended meanwhile
  }
}

/** The uploads whose keys begin with a prefix. */
async function* uploads(
  client: S3Client,
  Bucket: string,
  Prefix: string,
): AsyncGenerator<{ name: S3UploadName; initiated: Date | undefined }, void, undefined> {
  let [KeyMarker, UploadIdMarker]: (string | undefined)[] = [];
  for (;;) {
    const page: S3UploadsPage = await client.listMultipartUploads({
      Bucket,
      Prefix,
      ...KeyMarker ? { KeyMarker } : {},
      ...UploadIdMarker ? { UploadIdMarker } : {},
    });
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) continue;
      yield { name: { Bucket, Key, UploadId }, initiated: Initiated };
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    const stays = NextKeyMarker === KeyMarker && NextUploadIdMarker === UploadIdMarker;
    if (!IsTruncated || stays) return;
    [KeyMarker, UploadIdMarker] = [NextKeyMarker, NextUploadIdMarker];
  }
}
