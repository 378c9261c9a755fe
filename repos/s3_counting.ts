/**
 * Counting the requests that a repository makes.
 *
 * @module
 */

import type { S3Client } from "./s3_api.ts";

const bases = new WeakMap<S3Client, S3Client>();

/**
 * A client that tells of each request.
 *
 * @param client Makes the requests.
 * @param count Called before each of them.
 * @returns The client that counts.
 */
export function counting(client: S3Client, count: () => void): S3Client {
  const counted = new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        count();
        return Reflect.apply(member, target, args);
      };
    },
  });
  bases.set(counted, client);
  return counted;
}

/**
 * The client beneath one that counts: the same for all repositories that use it.
 *
 * @param client Any client.
 * @returns The one that makes the requests.
 */
export function baseOf(client: S3Client): S3Client {
  return bases.get(client) ?? client;
}
