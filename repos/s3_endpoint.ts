/**
 * Where a client of S3 sends its requests.
 *
 * @module
 */

import type { S3Client } from "./s3_api.ts";

/**
 * The URL of the server of a client.
 *
 * @param client The client.
 * @returns The URL, without a slash at its end.
 */
export async function endpointOf({ config }: S3Client): Promise<string> {
  const endpoint = await config?.endpoint?.();
  if (endpoint === undefined) {
    const region = await config?.region?.();
    return region === undefined ? "https://s3.amazonaws.com" : `https://s3.${region}.amazonaws.com`;
  }
  const { protocol, hostname, port, path } = endpoint;
  return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${
    path === "/" ? "" : path
  }`;
}
