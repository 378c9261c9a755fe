/**
 * One listing of a bucket for several repositories over it: small repositories cost a request each otherwise, and each
 * listing ends with a page that is not full.
 *
 * @module
 */

import type { S3Client } from "./s3_api.ts";
import { baseOf } from "./s3_counting.ts";
import { statusOf } from "./s3_errors.ts";
import { listKeys, nameOf, type S3Range } from "./s3_listing.ts";

/** How many keys of nobody's a listing may give, beyond those of somebody, before it is given up. */
const FOREIGN = 1000;

/** What is between the names of a page: pages wait until all is listed, and one string takes the least memory. */
const SEPARATOR = "\0";

/**
 * What stands between prefix and suffix in the keys of a bucket. Keys with a slash there are left out: no job id has one.
 * Those who ask in one turn of the event loop, as a pipeline does, share one listing of the bucket, if that is shorter.
 *
 * @param client Lists them.
 * @param range Which of them.
 * @returns The names, page by page.
 * @throws {StoreError} If the server does not come to an end.
 * @throws {Error} Whatever the client throws.
 */
export async function* listNames(
  client: S3Client,
  range: S3Range,
): AsyncGenerator<string[], void, undefined> {
  const shared = await sharedNames(client, range);
  if (shared !== undefined) {
    for (const page of shared) yield page.split(SEPARATOR);
    return;
  }
  for await (const keys of listKeys(client, range.bucket, range.prefix, "/")) {
    yield keys.flatMap((key) => nameOf(key, range) ?? []);
  }
}

/** The pages of all who joined a listing. */
type Pages = ReadonlyMap<S3Range, string[]>;

/** A listing that others can join before it begins. */
interface Pass {
  readonly ranges: Set<S3Range>;
  /** How often somebody asked: it is shared if that is more than once. */
  asked: number;
  readonly pages: Promise<Pages | undefined>;
}

/** What is known of the buckets of a client. */
class Buckets {
  /** Listings that have not begun, by bucket. */
  readonly passes = new Map<string, Pass>();
  /** Buckets of which it is shorter, or only allowed, to list the parts. */
  readonly apart = new Set<string>();
}

const ofClients = new WeakMap<S3Client, Buckets>();

/** Joins a listing of all that is asked for in this turn; gives nothing if the range is better listed alone. */
async function sharedNames(client: S3Client, range: S3Range): Promise<string[] | undefined> {
  const base = baseOf(client);
  const buckets = ofClients.get(base) ?? new Buckets();
  ofClients.set(base, buckets);
  const { bucket } = range;
  if (buckets.apart.has(bucket)) return undefined;
  let pass = buckets.passes.get(bucket);
  if (pass === undefined) {
    const turn = new Promise<void>((resolve) => void setTimeout(resolve));
    pass = {
      ranges: new Set(),
      asked: 0,
      pages: turn.then(() => list(client, bucket, buckets)),
    };
    buckets.passes.set(bucket, pass);
  }
  pass.ranges.add(range);
  pass.asked++;
  return (await pass.pages)?.get(range);
}

async function list(
  client: S3Client,
  bucket: string,
  buckets: Buckets,
): Promise<Pages | undefined> {
  const pass = buckets.passes.get(bucket);
  buckets.passes.delete(bucket);
  if (pass === undefined || pass.asked < 2) return undefined;
  const ranges = [...pass.ranges];
  const pages = new Map(ranges.map((range): [S3Range, string[]] => [range, []]));
  let [ours, foreign] = [0, 0];
  try {
    const prefix = commonPrefix(ranges.map(({ prefix }) => prefix));
    for await (const keys of listKeys(client, bucket, prefix)) {
      const before = ours;
      for (const [range, ofRange] of pages) {
        const page = keys.flatMap((key) => nameOf(key, range) ?? []);
        if (page.length > 0) ofRange.push(page.join(SEPARATOR));
        ours += page.length;
      }
      foreign += Math.max(0, keys.length - (ours - before));
      if (foreign > ours + FOREIGN) break;
    }
  } catch (error) {
    if (statusOf(error) !== 403) throw error; // some may list their own part only
    foreign = Infinity;
  }
  if (foreign <= ours + FOREIGN) return pages;
  buckets.apart.add(bucket);
  return undefined;
}

function commonPrefix([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}
