/**
 * Makes connections to other machines, by ssh2, which is loaded when the first one is made.
 *
 * @module
 */

import { userInfo } from "node:os";
import { type Env, systemEnv } from "../lib/env.ts";
import type { OpenSshClient } from "./ssh_api.ts";
import { readSshConfig } from "./ssh_config.ts";
import { SshConnection } from "./ssh_connection.ts";
import { type KeyParser, sshLogins } from "./ssh_logins.ts";
import { HostKeys } from "./ssh_host_keys.ts";
import { KnownHosts } from "./ssh_known_hosts.ts";
import { type Ssh2Client, SshLink } from "./ssh_link.ts";

export type { OpenSshClient, SshClient, SshProcess } from "./ssh_api.ts";

/**
 * Options of {@linkcode sshClient}, by the names of ssh2, which is handed on whatever else is given. All times are in
 * milliseconds.
 */
export interface SshClientOptions {
  /** The machine: its name or address, or a `Host` of `~/.ssh/config`. */
  readonly host: string;
  /** Its port. That of `~/.ssh/config`, or 22, if it is not given. */
  readonly port?: number | undefined;
  /** As whom. As `~/.ssh/config` says, or as the user who runs this program, if it is not given. */
  readonly username?: string | undefined;
  /**
   * A private key, in the format of OpenSSH or PEM. If it is not given, the files that `~/.ssh/config` names are tried, or
   * else `id_ed25519`, `id_ecdsa` and `id_rsa` in `~/.ssh`.
   */
  readonly privateKey?: string | Uint8Array | undefined;
  /** What the private key, or the files, are encrypted with. */
  readonly passphrase?: string | undefined;
  /** The password. `SSHPASS` of the environment, if it is not given; none, if that is not set. */
  readonly password?: string | undefined;
  /** The socket of an agent that holds keys. `SSH_AUTH_SOCK` of the environment, if it is not given. */
  readonly agent?: string | undefined;
  /**
   * The files in which the keys of machines are. A machine with another key, or of which nothing is known, is refused.
   *
   * @default {["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]}
   */
  readonly knownHosts?: string | URL | readonly (string | URL)[] | undefined;
  /**
   * The file with settings of hosts.
   *
   * @default {"~/.ssh/config"}
   */
  readonly configFile?: string | URL | undefined;
  /**
   * How many programs may run over the connection at the same time; others wait. A server allows 10, if it is not told
   * otherwise. A manager takes one all the time.
   *
   * @default {8}
   */
  readonly maxChannels?: number | undefined;
  /**
   * For how long a connection that was lost is tried to be made again, with growing random delays, before what waits for
   * it fails. One that was never made is tried once.
   *
   * @default {60000}
   */
  readonly reconnectTimeout?: number | undefined;
  /**
   * How long connecting may take.
   *
   * @default {20000}
   */
  readonly readyTimeout?: number | undefined;
  /**
   * After how long without an answer the machine is asked for one.
   *
   * @default {10000}
   */
  readonly keepaliveInterval?: number | undefined;
  /**
   * After how many such questions in turn the connection counts as lost.
   *
   * @default {3}
   */
  readonly keepaliveCountMax?: number | undefined;
  /** The algorithms to agree on, as ssh2 has them. */
  readonly algorithms?: Readonly<Record<string, unknown>> | undefined;
  /** The clock, timers and chance: for tests. */
  readonly env?: Env | undefined;
  /** Any other option of the method `connect` of ssh2. */
  readonly [option: string]: unknown;
}

/**
 * Makes a client, which a session can hold as a resource. It connects when something is first done with it.
 *
 * @param options The machine, and how to log in.
 * @returns The client. To be disposed of.
 * @throws {StoreError} If a file cannot be read, or the private key that is given is none.
 *
 * @example Usage
 * ```ts ignore
 * import { InProcessMetadataRepository, ProcessTask, Session, SSHLinuxManager } from "@datatask/datatask";
 * import { sshClient } from "@datatask/datatask/ssh";
 *
 * const session = new Session();
 * const server = session.resource(() => sshClient({ host: "server.example.org" }));
 * const manager = new SSHLinuxManager("count", server);
 * new ProcessTask("count", new InProcessMetadataRepository(), { manager, template: "hostname" });
 * ```
 */
export async function sshClient(options: SshClientOptions): Promise<OpenSshClient> {
  const {
    knownHosts,
    configFile,
    maxChannels = 8,
    reconnectTimeout = 60_000,
    env = systemEnv,
    ...given
  } = options;
  const home = Deno.env.get("HOME") ?? userInfo().homedir;
  const config = await readSshConfig(given.host, configFile ?? `${home}/.ssh/config`, home);
  const host = config.hostName ?? given.host;
  const port = given.port ?? config.port ?? 22;
  const username = given.username ?? config.user ?? userInfo().username;
  const name = `${username}@${host}:${port}`;
  const { Client, utils }: Ssh2 = (await import("ssh2")).default;

  const files = knownHosts === undefined
    ? [`${home}/.ssh/known_hosts`, "/etc/ssh/ssh_known_hosts"]
    : Array.isArray(knownHosts)
    ? knownHosts
    : [knownHosts];
  const logins = await sshLogins(utils.parseKey, {
    ...given,
    username,
    home,
    identityFiles: config.identityFiles,
  });

  async function dial(): Promise<SshLink> {
    const keys = new HostKeys(name, host, port, await KnownHosts.read(files), files);
    try {
      return await SshLink.connect(new Client(), {
        keepaliveInterval: 10_000,
        ...given,
        host,
        port,
        username,
        hostVerifier: given.hostVerifier ?? ((key: Uint8Array) => keys.verify(key)),
        algorithms: { serverHostKey: keys.algorithms, ...given.algorithms },
        authHandler: given.authHandler ?? logins.methods,
      });
    } catch (error) {
      if (keys.refusal !== undefined) throw keys.refusal;
      if (isLoginFailure(error)) throw logins.refusal(name, error);
      throw error;
    }
  }

  return new SshConnection(name, dial, { maxChannels, reconnectTimeout, env });
}

/** What is used of ssh2. */
interface Ssh2 {
  readonly Client: new () => Ssh2Client;
  readonly utils: { readonly parseKey: KeyParser };
}

function isLoginFailure(error: unknown): boolean {
  return error instanceof Error && "level" in error && error.level === "client-authentication";
}
