/**
 * Who we are to the servers of private modules.
 *
 * @module
 */

/**
 * Reads the tokens that a user keeps for hosts, in the form of `DENO_AUTH_TOKENS`: `token@host`, or
 * `user:password@host`, with a port if it is not the usual one, and `;` between them.
 *
 * @param text The variable's value.
 * @returns The value of an `authorization` header, by host (with its port, if it has one).
 */
export function parseAuthTokens(text: string): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  for (const entry of text.split(";")) {
    const at = entry.lastIndexOf("@");
    if (at <= 0) continue;
    const [secret, host] = [entry.slice(0, at).trim(), entry.slice(at + 1).trim().toLowerCase()];
    const basic = secret.includes(":");
    tokens.set(
      host,
      basic ? `Basic ${new TextEncoder().encode(secret).toBase64()}` : `Bearer ${secret}`,
    );
  }
  return tokens;
}
