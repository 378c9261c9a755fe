/**
 * Hashes of modules, and how a user pins one.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * The SHA-256 of bytes.
 *
 * @param data Bytes, or text that stands for its UTF-8.
 * @returns 64 hexadecimal digits.
 */
export async function sha256(data: Uint8Array<ArrayBuffer> | string): Promise<string> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * Reads a pin: 64 hexadecimal digits, with or without `sha256:`, `sha256=` or `sha256-` before them, or the form of
 * the Web's subresource integrity, `sha256-` and base64.
 *
 * @param text What was given.
 * @returns 64 hexadecimal digits in lower case; undefined if it is no pin.
 */
export function parsePin(text: string): string | undefined {
  const digits = /^(?:sha256[:=-])?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (digits !== undefined) return digits.toLowerCase();
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1];
  return base64 === undefined ? undefined : Uint8Array.fromBase64(base64).toHex();
}
