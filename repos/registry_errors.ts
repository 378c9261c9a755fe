/**
 * Errors of container registries, in words that say what to do.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";

type Explanation = readonly [happened: string, next: string];

/** What a registry says with a status. */
const STATUSES: Readonly<Record<number, Explanation>> = {
  200: ["what answers is no registry", "correct the address"],
  401: ["the login failed", "use docker login, or give the right user name and password"],
  403: ["access is denied", "give this user the right to it"],
  404: ["what answers is no registry", "correct the address"],
  405: [
    "the registry does not support this",
    "allow it there, as a registry of Docker does with REGISTRY_STORAGE_DELETE_ENABLED=true",
  ],
  429: ["these were too many requests", "try again later, or log in"],
};

const BROKEN: Explanation = ["the registry failed", "see that it works, and try again"];
const SILENT: Explanation = [
  "the registry did not answer in time",
  "see that it runs, or allow it more time",
];

/** What `fetch` says in its message, which is all that it says. */
const FAILURES: readonly (readonly [said: RegExp, explanation: Explanation])[] = [
  [/connection refused/i, ["nothing listens there", "start the registry or correct its address"]],
  [/dns error/i, ["there is no such host", "correct the address"]],
  [/certificate/i, [
    "its certificate is not trusted",
    "give the authority that signed it as DENO_CERT, or use http:// in the address",
  ]],
  [/corrupt message|frame with invalid/i, [
    "it speaks no TLS",
    "use http:// in the address, if the network is safe",
  ]],
];

/** An answer that is none of those that were hoped for. */
export class RegistryError extends Error {
  /** `"RegistryError"`. */
  override name = "RegistryError";
  /** Its status. */
  readonly status: number;

  /**
   * Makes the error.
   *
   * @param status The status of the answer.
   * @param told What it says in its body; empty if nothing.
   */
  constructor(status: number, told: string) {
    super(told === "" ? `status ${status}` : `status ${status}, ${told}`);
    this.status = status;
  }
}

/**
 * The error to throw when something could not be asked of a registry.
 *
 * @param doing What was being done and to what, as it goes on from "Cannot".
 * @param error What was thrown.
 * @returns A `StoreError`, with what was thrown as its cause.
 */
export function storeError(doing: string, error: unknown): StoreError {
  const [happened, next] = explanationOf(error);
  const told = error instanceof RegistryError ? ` (${error.message})` : "";
  return new StoreError(`Cannot ${doing}: ${happened}${told}; ${next}`, { cause: error });
}

function explanationOf(error: unknown): Explanation {
  if (error instanceof RegistryError) return STATUSES[error.status] ?? BROKEN;
  if (!(error instanceof Error)) return [String(error), BROKEN[1]];
  if (error.name === "TimeoutError") return SILENT;
  if (error.cause !== undefined) return explanationOf(error.cause); // of a fetch that failed
  return FAILURES.find(([said]) => said.test(error.message))?.[1] ?? [error.message, BROKEN[1]];
}

/** What a registry says of an error: the codes of the protocol, and a sentence each. */
export interface RegistryFault {
  /** Such as `NAME_UNKNOWN`. */
  readonly code: string;
  /** A sentence. */
  readonly message: string;
}

/**
 * What a registry says in the body of an answer of an error.
 *
 * @param body The body.
 * @returns The errors; undefined if these are not the words of a registry.
 */
export function faultsOf(body: string): RegistryFault[] | undefined {
  const { errors } = objectOf(body) ?? {};
  if (!Array.isArray(errors)) return undefined;
  return errors.map((error: unknown) => {
    const { code = "", message = "" } = recordOf(error) ?? {};
    return { code: String(code), message: String(message) };
  });
}

/**
 * An object that is written in JSON.
 *
 * @param json The text.
 * @returns The object; undefined if it is something else.
 */
export function objectOf(json: string): Record<string, unknown> | undefined {
  try {
    return recordOf(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/**
 * A value, if it is an object.
 *
 * @param value The value.
 * @returns The same; undefined if it is something else.
 */
export function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? { ...value } : undefined;
}
