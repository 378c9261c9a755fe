/**
 * Whether a machine is the one that it is taken for.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { KnownHosts } from "./ssh_known_hosts.ts";
import { SshRefusal } from "./ssh_link.ts";

/** The ways in which a machine can show its key, by the type of the key. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
};

/** Checks the key of one machine for one connection. */
export class HostKeys {
  /** Why the machine was refused, if it was. */
  refusal: SshRefusal | undefined;
  /** In which ways it is to show its key: those first by which it is known. */
  readonly algorithms: readonly string[];
  readonly #name: string;
  readonly #host: string;
  readonly #port: number;
  readonly #known: KnownHosts;
  readonly #files: string;

  /** Makes it, with what is known of all machines, and where that stands. */
  constructor(
    name: string,
    host: string,
    port: number,
    known: KnownHosts,
    files: readonly (string | URL)[],
  ) {
    this.#name = name;
    this.#host = host;
    this.#port = port;
    this.#known = known;
    this.#files = files.join(" or ");
    const types = [...known.keyTypes(host, port), ...Object.keys(ALGORITHMS)];
    this.algorithms = [...new Set(types.flatMap((type) => ALGORITHMS[type] ?? []))];
  }

  /** Whether a key is the machine's; if not, {@linkcode refusal} says why. */
  verify(key: Uint8Array): boolean {
    const verdict = this.#known.check(this.#host, this.#port, key);
    if (verdict.kind === "known") return true;
    const hash = createHash("sha256").update(key).digest("base64").replace(/=+$/, "");
    const shown = `its key SHA256:${hash}`;
    this.refusal = new SshRefusal(
      `Cannot connect to ${this.#name}: ${
        verdict.kind === "unknown"
          ? `${shown} is not in ${this.#files}; make sure that it is the machine's, and add it, as ssh does when you log in`
          : verdict.kind === "revoked"
          ? `${shown} is revoked by ${verdict.where}; somebody else may answer in its place`
          : `${shown} is not that of ${verdict.where}; somebody else may answer in its place, or if it was set up anew, replace the key there`
      }`,
    );
    return false;
  }
}
