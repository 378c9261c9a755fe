/**
 * The logins that `docker login` keeps.
 *
 * @module
 */

import { environment } from "../lib/environment.ts";
import { StoreError } from "../lib/errors.ts";
import { isDockerHub } from "./docker_registry.ts";
import { objectOf, recordOf } from "./registry_errors.ts";

/** Who asks: a user with a password, or a token that stands for both. */
export type RegistryLogin =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string };

/** Under which name Docker keeps the login of its own registry. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/** The user that a helper names when what it gives is a token. */
const TOKEN_USER = "<token>";

/** Milliseconds within which a helper has to answer. It may have to ask a service for a password. */
const HELPER_TIMEOUT = 30_000;

/**
 * The login for a registry, from Docker's configuration, `config.json` in `DOCKER_CONFIG` or `~/.docker`: as it is written
 * there, or as a helper that it names tells it.
 *
 * @param host The host of the registry, with the port if it has one.
 * @returns The login; undefined if there is none.
 * @throws {StoreError} If the configuration cannot be read, or the helper fails.
 */
export async function savedLogin(host: string): Promise<RegistryLogin | undefined> {
  const path = configPath();
  const config = path === undefined ? undefined : await readConfig(path, host);
  if (config === undefined) return undefined;
  const names = isDockerHub(host) ? [DOCKER_HUB] : [host, `https://${host}`, `http://${host}`];
  const helpers = recordOf(config.credHelpers) ?? {};
  for (const name of names) {
    const helper = helpers[name] ?? config.credsStore;
    if (typeof helper !== "string" || helper === "") continue;
    const login = await askHelper(helper, name);
    if (login !== undefined) return login;
  }
  return writtenLogin(recordOf(config.auths) ?? {}, names);
}

function configPath(): string | undefined {
  const folder = environment("DOCKER_CONFIG");
  if (folder) return `${folder}/config.json`;
  const home = environment("HOME") ?? environment("USERPROFILE");
  return home ? `${home}/.docker/config.json` : undefined;
}

async function readConfig(
  path: string,
  host: string,
): Promise<Record<string, unknown> | undefined> {
  const fail = (what: string, cause?: unknown): StoreError =>
    new StoreError(`Cannot find the login for ${host}: ${path} ${what}`, { cause });
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw fail("cannot be read; correct its permissions", cause);
  }
  const config = objectOf(text);
  if (config === undefined) throw fail("is no JSON object; correct it");
  return config;
}

function writtenLogin(
  auths: Record<string, unknown>,
  names: readonly string[],
): RegistryLogin | undefined {
  const entries = Object.entries(auths);
  // Docker has written whole URLs there in its time, and reads them all.
  const entry = names.map((name) => auths[name]).find((auth) => auth !== undefined) ??
    entries.find(([name]) => names.includes(name.replace(/^https?:\/\//, "").split("/", 1)[0]!))
      ?.[1];
  const { auth, username, password, identitytoken } = recordOf(entry) ?? {};
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { identityToken: identitytoken };
  }
  if (typeof username === "string" && typeof password === "string") return { username, password };
  if (typeof auth !== "string" || auth === "") return undefined;
  const pair = new TextDecoder().decode(Uint8Array.fromBase64(auth)).replace(/\0+$/, "");
  const colon = pair.indexOf(":");
  return colon < 0
    ? undefined
    : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

async function askHelper(helper: string, name: string): Promise<RegistryLogin | undefined> {
  const program = `docker-credential-${helper}`;
  const fail = (what: string, cause?: unknown): StoreError =>
    new StoreError(
      `Cannot find the login for ${name}: ${program} ${what}; ` +
        "see that it works, or give user name and password",
      { cause },
    );
  let output: Deno.CommandOutput;
  try {
    const process = new Deno.Command(program, {
      args: ["get"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(HELPER_TIMEOUT),
    }).spawn();
    const asked = new Blob([name]).stream().pipeTo(process.stdin)
      .catch(() => {}); // it ended without reading, and says why
    [output] = await Promise.all([process.output(), asked]);
  } catch (cause) {
    throw fail("cannot be run", cause);
  }
  const said = new TextDecoder().decode(output.stdout).trim();
  if (!output.success) {
    if (/credentials not found/i.test(said)) return undefined;
    throw fail(`fails: ${said || new TextDecoder().decode(output.stderr).trim() || "no reason"}`);
  }
  const { Username, Secret } = objectOf(said) ?? {};
  if (typeof Username !== "string" || typeof Secret !== "string") {
    throw fail("does not answer with Username and Secret");
  }
  return Username === TOKEN_USER
    ? { identityToken: Secret }
    : { username: Username, password: Secret };
}
