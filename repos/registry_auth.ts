/**
 * Showing a registry who asks: by name and password, or by a token that another server gives for these.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import type { RegistryLogin } from "./registry_credentials.ts";
import { objectOf, RegistryError } from "./registry_errors.ts";

/** What shows a registry who asks. */
export interface Authorization {
  /** The value of the header; undefined if there is nothing to show. */
  readonly header: string | undefined;
  /** When it expires, in milliseconds since 1970. */
  readonly expires: number;
}

/** Seconds for which a token is good that does not tell. */
const TOKEN_LIFE = 60;

/** Milliseconds before its end from which a token is used no more. */
const MARGIN = 10_000;

/** Where to ask for a token, and of what. */
interface TokenChallenge {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string;
}

/**
 * Does what a registry asks for that wants to know who asks.
 *
 * @param answer Its answer, of status 401.
 * @param scope What is to be done, for a registry that does not say it itself.
 * @param login Who asks; undefined for nobody in particular.
 * @param send As `fetch`.
 * @returns What to show.
 * @throws {RegistryError} If the login is wrong, or lacking.
 * @throws {StoreError} If it would go to an unsafe place.
 */
export async function authorize(
  answer: Response,
  scope: string,
  login: RegistryLogin | undefined,
  send: (url: URL, init: RequestInit) => Promise<Response>,
): Promise<Authorization> {
  const header = answer.headers.get("www-authenticate") ?? "";
  const challenge = tokenChallenge(header, answer.url, scope);
  if (challenge !== undefined) return await askForToken(challenge, login, send);
  const isBasic = /(^|,)\s*Basic\b/i.test(header);
  if (!isBasic || login === undefined || "identityToken" in login) {
    throw new RegistryError(401, login === undefined ? "there is no login for it" : header);
  }
  return { header: basic(login), expires: Infinity };
}

function tokenChallenge(header: string, url: string, scope: string): TokenChallenge | undefined {
  const [, list] = /(?:^|,)\s*Bearer\s+(.*)/is.exec(header) ?? [];
  if (list === undefined) return undefined;
  const words = new Map<string, string>();
  for (const [, name, quoted, bare] of list.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)) {
    if (!words.has(name!)) words.set(name!, quoted ?? bare ?? "");
  }
  const realm = words.get("realm");
  if (realm === undefined || !URL.canParse(realm, url)) return undefined;
  return {
    realm: new URL(realm, url),
    service: words.get("service"),
    scope: words.get("scope") ?? scope,
  };
}

async function askForToken(
  { realm, service, scope }: TokenChallenge,
  login: RegistryLogin | undefined,
  send: (url: URL, init: RequestInit) => Promise<Response>,
): Promise<Authorization> {
  const query = { ...service !== undefined && { service }, scope };
  let answer: Response;
  if (login !== undefined && "identityToken" in login) {
    const form = new URLSearchParams({
      ...query,
      grant_type: "refresh_token",
      client_id: "datatask",
      refresh_token: login.identityToken,
    });
    answer = await send(realm, { method: "POST", body: form });
  } else {
    for (const [name, value] of Object.entries(query)) realm.searchParams.set(name, value);
    const headers = login === undefined ? {} : { authorization: basic(login) };
    answer = await send(realm, { headers });
  }
  const body = await answer.text();
  if (!answer.ok) throw new RegistryError(answer.status, `from ${realm.host}`);
  const { token, access_token = token, expires_in = TOKEN_LIFE } = objectOf(body) ?? {};
  if (typeof access_token !== "string" || access_token === "") {
    throw new StoreError(
      `Cannot log in: ${realm.host} gave no token; see that it is the token server of the registry`,
    );
  }
  const life = Number(expires_in) > 0 ? Number(expires_in) : TOKEN_LIFE;
  return { header: `Bearer ${access_token}`, expires: Date.now() + life * 1000 - MARGIN };
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
