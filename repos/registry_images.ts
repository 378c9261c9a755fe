/**
 * Images, as far as tags are moved from one to another.
 *
 * @module
 */

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";

/** All that a tag can name, as one says that one takes it: what a registry is not asked for it may say is not there. */
export const IMAGE_TYPES: string = [
  MANIFEST_TYPE,
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "*/*",
].join(", ");

/** An image without any layer. */
export interface EmptyImage {
  /** Its configuration, which is the same for all. */
  readonly config: Uint8Array<ArrayBuffer>;
  /** What names the configuration. */
  readonly configDigest: string;
  /** What the image consists of. */
  readonly manifest: Uint8Array<ArrayBuffer>;
  /** The type of the manifest. */
  readonly manifestType: string;
  /** What names the manifest, and no other. */
  readonly digest: string;
}

/**
 * Makes an empty image that differs from all others.
 *
 * @returns The image.
 */
export async function emptyImage(): Promise<EmptyImage> {
  const config = bytesOf({
    architecture: "unknown",
    os: "unknown",
    rootfs: { type: "layers", diff_ids: [] },
  });
  const configDigest = await digestOf(config);
  const manifest = bytesOf({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, size: config.length, digest: configDigest },
    layers: [],
    annotations: { nonce: crypto.randomUUID() },
  });
  const digest = await digestOf(manifest);
  return { config, configDigest, manifest, manifestType: MANIFEST_TYPE, digest };
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/**
 * What names some bytes in a registry.
 *
 * @param bytes The bytes.
 * @returns The digest.
 */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${hash.toHex()}`;
}
