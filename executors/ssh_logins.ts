/**
 * By what a user logs in to a machine.
 *
 * @module
 */

import { machineError } from "./machine_error.ts";
import { SshRefusal } from "./ssh_link.ts";

/** Reads a private key; what is wrong is returned. */
export type KeyParser = (key: string | Uint8Array, passphrase?: string) => unknown;

/** What there is to log in with. */
export interface SshLoginOptions {
  readonly username: string;
  readonly home: string;
  readonly identityFiles: readonly string[];
  readonly privateKey?: string | Uint8Array | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
  readonly agent?: string | undefined;
}

/** The ways in which a user tries to log in. Secrets are in none of its messages. */
export interface SshLogins {
  /** The ways, as ssh2 has them. */
  readonly methods: readonly Readonly<Record<string, unknown>>[];
  /** The error to throw when none of them is accepted. */
  refusal(name: string, cause: unknown): SshRefusal;
}

/** The files in which keys are, if nobody names one. */
const DEFAULT_FILES = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * Finds what there is to log in with.
 *
 * @param parse Reads keys.
 * @param options What is given, and where to look.
 * @returns The ways: keys, the agent, the password.
 * @throws {StoreError} If the key that is given cannot be used, or a file cannot be read.
 */
export async function sshLogins(parse: KeyParser, options: SshLoginOptions): Promise<SshLogins> {
  const { username, passphrase } = options;
  const tried: string[] = [];
  const methods: Record<string, unknown>[] = [];
  const addKey = (key: string | Uint8Array, title: string): unknown => {
    const parsed = parse(key, passphrase);
    if (parsed instanceof Error) return parsed;
    methods.push({ type: "publickey", username, key, passphrase });
    tried.push(title);
  };

  if (options.privateKey !== undefined) {
    const wrong = addKey(options.privateKey, "the private key that is given");
    if (wrong !== undefined) {
      throw new SshRefusal(
        `Cannot use the private key that is given: ${
          messageOf(wrong)
        }; give another one, or its passphrase`,
      );
    }
  } else {
    for (const [file, key] of await readKeys(options)) {
      const wrong = addKey(key, file);
      if (wrong !== undefined) tried.push(`${file}, which cannot be used: ${messageOf(wrong)}`);
    }
  }
  const agent = options.agent ?? Deno.env.get("SSH_AUTH_SOCK");
  if (agent) {
    methods.push({ type: "agent", username, agent });
    tried.push("the agent");
  }
  const password = options.password ?? Deno.env.get("SSHPASS");
  if (password !== undefined) {
    methods.push({ type: "password", username, password });
    methods.push({
      type: "keyboard-interactive",
      username,
      prompt: (
        _title: string,
        _instructions: string,
        _language: string,
        prompts: readonly unknown[],
        answer: (answers: readonly string[]) => void,
      ) => answer(prompts.map(() => password)),
    });
    tried.push("the password");
  }
  return {
    methods,
    refusal: (name, cause) =>
      new SshRefusal(
        `Cannot log in to ${name}: ${
          tried.length === 0
            ? "there is no key, no agent and no password"
            : `tried were ${tried.join("; ")}`
        }; give a key that the machine accepts`,
        { cause },
      ),
  };
}

/** The files with keys that are there, and what is in them. */
async function readKeys(
  { home, identityFiles }: SshLoginOptions,
): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  const files = identityFiles.length > 0
    ? identityFiles
    : DEFAULT_FILES.map((name) => `${home}/.ssh/${name}`);
  for (const file of files) {
    try {
      keys.set(file, await Deno.readTextFile(file));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw machineError(`read the key ${file}`, error);
      }
    }
  }
  return keys;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
