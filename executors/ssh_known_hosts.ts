/**
 * The keys by which machines are known.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { machineError } from "./machine_error.ts";
import { matchesPatterns } from "./ssh_patterns.ts";

/** A line of a `known_hosts` file. */
interface Entry {
  readonly revoked: boolean;
  /** For which hosts it is. */
  readonly hosts: string;
  readonly type: string;
  /** In base64. */
  readonly key: string;
  /** The file and the line. */
  readonly where: string;
}

/** What is known of the key that a machine has shown. */
export type HostKeyVerdict =
  /** It is the machine's. */
  | { readonly kind: "known" }
  /** Nothing is known of the machine. */
  | { readonly kind: "unknown" }
  /** The machine is known by other keys. */
  | { readonly kind: "changed"; readonly where: string }
  /** It must not be trusted any more. */
  | { readonly kind: "revoked"; readonly where: string };

/** What `known_hosts` files say. Certificates are not known. */
export class KnownHosts {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /**
   * Reads files.
   *
   * @param files Their paths or URLs. One that is not there says nothing.
   * @returns What they say together.
   * @throws {StoreError} If one cannot be read.
   */
  static async read(files: readonly (string | URL)[]): Promise<KnownHosts> {
    const entries: Entry[] = [];
    for (const file of files) {
      let text: string;
      try {
        text = await Deno.readTextFile(file);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue;
        throw machineError(`read the known hosts in ${file}`, error);
      }
      for (const [index, line] of text.split("\n").entries()) {
        const entry = parseEntry(line, `${file}:${index + 1}`);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return new KnownHosts(entries);
  }

  /**
   * Of which types the keys of a machine are: one of these is to be asked for.
   *
   * @param host Its name, as it is connected to.
   * @param port Its port.
   * @returns The types, such as `ssh-ed25519`.
   */
  keyTypes(host: string, port: number): string[] {
    return this.#entriesOf(host, port).filter(({ revoked }) => !revoked).map(({ type }) => type);
  }

  /**
   * Judges a key that a machine has shown.
   *
   * @param host The name of the machine, as it is connected to.
   * @param port Its port.
   * @param key The key, as it was sent.
   * @returns Whose it is.
   */
  check(host: string, port: number, key: Uint8Array): HostKeyVerdict {
    const text = key.toBase64();
    const entries = this.#entriesOf(host, port);
    const equal = entries.filter(({ key }) => key === text);
    const revoked = equal.find(({ revoked }) => revoked);
    if (revoked !== undefined) return { kind: "revoked", where: revoked.where };
    if (equal.length > 0) return { kind: "known" };
    const other = entries.find(({ revoked }) => !revoked);
    return other === undefined ? { kind: "unknown" } : { kind: "changed", where: other.where };
  }

  #entriesOf(host: string, port: number): Entry[] {
    const name = host.toLowerCase();
    const full = port === 22 ? name : `[${name}]:${port}`;
    return this.#entries.filter(({ hosts }) => matches(hosts, full));
  }
}

function parseEntry(line: string, where: string): Entry | undefined {
  const words = line.trim().split(/\s+/);
  if (words[0] === "" || words[0]!.startsWith("#")) return undefined;
  const marker = words[0]!.startsWith("@") ? words.shift() : undefined;
  const [hosts, type, key] = words;
  if (key === undefined || (marker !== undefined && marker !== "@revoked")) return undefined;
  return { revoked: marker === "@revoked", hosts: hosts!, type: type!, key, where };
}

/** Whether a line is for a host: it has the hash of its name, or a pattern that fits and none that excludes it. */
function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith("|1|")) {
    const [, , salt = "", hash] = hosts.split("|");
    return createHmac("sha1", Uint8Array.fromBase64(salt)).update(name).digest("base64") === hash;
  }
  return matchesPatterns(hosts.split(","), name);
}
